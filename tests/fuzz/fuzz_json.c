/* JSON: what is read has a canonical form, which reads to the same form. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct buf first = BUF_INIT(JSON_MAX_LEN), second = BUF_INIT(JSON_MAX_LEN);
    json_t *value = NULL, *again = NULL;
    struct error err = {0};

    if (json_parse_object(data, len, &value, &err) &&
        json_canonical(value, &first, &err)) {
        bool is_read = json_parse_object(first.data, first.len, &again, &err);
        bool is_written = is_read && json_canonical(again, &second, &err);

        assert(is_written);
        assert(first.len == second.len &&
               memcmp(first.data, second.data, first.len) == 0);
        assert(json_equal(value, again));
    }
    json_decref(value);
    json_decref(again);
    buf_clear(&first);
    buf_clear(&second);
    return 0;
}
