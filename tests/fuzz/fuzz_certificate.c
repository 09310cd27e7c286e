/* The lint takes any octets; what it finds nothing in, OpenSSL reads. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "ca-core/lint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct profile_set set;
    struct findings findings;
    const unsigned char *p = data;
    X509 *x509;

    if (set.count == 0)
        assert(profile_set_load(SOURCE_DIR "/config/profiles",
                                SOURCE_DIR "/config/schema", &set, NULL));
    for (size_t i = 0; i < set.count; i++)
        if (!lint_certificate(set.at[i], NULL, (struct der){data, len},
                              &findings))
            assert(findings.count > 0 && findings.at[0].clause[0] != '\0');
    if (!lint_certificate(NULL, NULL, (struct der){data, len}, &findings))
        return 0;
    x509 = d2i_X509(NULL, &p, (long)len);
    assert(x509 != NULL && p == data + len);
    X509_free(x509);
    return 0;
}
