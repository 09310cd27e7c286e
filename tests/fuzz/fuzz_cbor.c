/* CBOR: what is taken has its length, and its members are found. */
#include <assert.h>
#include <stdint.h>

#include "base/cbor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct cbor value, again, found;
    struct error err = {0};
    size_t used, used_again;

    if (!cbor_parse(data, len, &used, &value, &err)) {
        assert(err.code == ERROR_INPUT);
        return 0;
    }
    assert(used > 0 && used <= len);
    assert(cbor_parse(data, used, NULL, &again, &err));
    assert(cbor_parse(data, used, &used_again, &again, &err));
    assert(used_again == used && again.type == value.type);
    if (cbor_find_text(&value, "fmt", &found) ||
        cbor_find_integer(&value, -1, &found))
        assert(value.type == CBOR_MAP && value.count > 0);
    return 0;
}
