/* What signet-scan answers: it has read a hostile file and may say anything.
 * What is taken is within its limits. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "ra/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct scan scan;
    struct error err = {0};

    if (!scan_wire_parse(data, len, &scan, &err)) {
        assert(err.code == ERROR_INPUT && err.what[0] != '\0');
        assert(scan.jpegs.data == NULL);
        return 0;
    }
    assert(scan.media_type != NULL);
    assert(scan.page_count >= 1 && scan.page_count <= SCAN_PAGES_MAX);
    assert(scan.code_count >= 0 && scan.code_count <= SCAN_CODES_MAX);
    for (int i = 0; i < scan.code_count; i++)
        assert(strlen(scan.code[i]) <= SCAN_CODE_MAX);
    for (int i = 0; i < scan.page_count; i++) {
        assert(scan.page[i].jpeg_at + scan.page[i].jpeg_len <= scan.jpegs.len);
        assert(scan.page[i].width <= SCAN_SIDE_MAX);
    }
    scan_clear(&scan);
    return 0;
}
