/* CSV: records end, and each moves on; fields stay inside the record. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct csv_record record;
    struct csv csv;

    csv_open(&csv, data, len);
    while (!csv_is_end(&csv)) {
        const uint8_t *before = csv.at;
        int line = csv.line;
        struct error err = {0};

        if (csv_next(&csv, &record, &err)) {
            assert(record.count >= 1);
            for (size_t i = 0; i < record.count; i++)
                assert(record.field[i] + strlen(record.field[i]) <
                       record.text + sizeof record.text);
        } else {
            assert(err.code == ERROR_INPUT);
        }
        assert(csv.at > before && csv.line >= line);
    }
    return 0;
}
