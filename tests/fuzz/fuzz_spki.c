/* What we take for a public key is the same key to OpenSSL. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "ca-core/key_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct der spki = {data, len};
    const unsigned char *p = data;
    uint8_t id[PUBLIC_KEY_ID_LEN];
    struct error err = {0};
    struct public_key key;
    EVP_PKEY *oracle;

    if (!public_key_parse(spki, &key, &err)) {
        assert(err.code == ERROR_INPUT && key.key == NULL);
        return 0;
    }
    oracle = d2i_PUBKEY(NULL, &p, (long)len);
    assert(oracle != NULL && p == data + len);
    assert(EVP_PKEY_eq(oracle, key.key) == 1);
    assert(public_key_id(spki, id, NULL));
    if (!key_check(&key, spki, NULL, NULL, &err))
        assert(err.code == ERROR_INPUT);
    EVP_PKEY_free(oracle);
    public_key_clear(&key);
    return 0;
}
