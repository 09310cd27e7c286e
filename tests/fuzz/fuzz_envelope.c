/* Encrypted files of others: bounded, and never a crash, up to the content and
 * through it with a key that is wrong. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "ra/client/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const size_t key_lens[] = {16, 24, 32};
    uint8_t key[32] = {0};
    char *out_data = NULL;
    size_t out_len = 0;

    if (len == 0)
        return 0;
    for (size_t i = 0; i < sizeof key_lens / sizeof *key_lens; i++) {
        FILE *in = fmemopen((void *)(uintptr_t)data, len, "r");
        FILE *out = open_memstream(&out_data, &out_len);
        struct envelope *envelope = NULL;
        struct error err = {0};

        assert(in != NULL && out != NULL);
        if (!envelope_begin(in, &envelope, &err))
            assert(err.code == ERROR_INPUT && err.what[0] != '\0');
        else if (!envelope_decrypt(envelope, key, key_lens[i], out, NULL, &err))
            assert(err.code == ERROR_INPUT && err.what[0] != '\0');
        envelope_free(envelope);
        (void)fclose(in);
        (void)fclose(out);
        assert(out_len <= len);
        free(out_data);
    }
    return 0;
}
