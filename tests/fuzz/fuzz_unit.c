/* Records to import: what is judged right is right again when it is judged
 * once more. The first octet chooses CSV or XML. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "ra/unit_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool
one(void *arg, int line, const struct unit_source *source,
    const struct error *wrong, struct error *err)
{
    static struct unit first, second;
    struct error unused = {0};

    (void)arg;
    (void)err;
    assert(line >= 1);
    assert((source == NULL) == (wrong != NULL));
    if (source != NULL && unit_judge(source, &first, &unused)) {
        struct unit_source again = {
            first.account,  first.unit_name, first.uscc,
            first.kind,     first.country,   first.province,
            first.locality, first.street,    first.language};
        bool is_right = unit_judge(&again, &second, &unused);

        assert(is_right);
        assert(memcmp(&first, &second, sizeof first) == 0);
    }
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct unit_import import = {
        .schema_dir = SOURCE_DIR "/config/schema",
    };
    struct error err = {0};
    bool is_read;

    if (len == 0)
        return 0;
    import.format = data[0] == 'x' ? UNIT_XML : UNIT_CSV;
    import.data = data + 1;
    import.len = len - 1;
    is_read = unit_import_read(&import, one, NULL, &err);
    assert(is_read || err.code == ERROR_INPUT);
    return 0;
}
