/* What we take for a request is one to OpenSSL too, signed by its key. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "ca-core/csr.h"
#include "ca-core/key_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const unsigned char *p = data;
    struct error err = {0};
    struct csr csr;
    X509_REQ *request;

    if (!csr_parse(data, len, &csr, &err)) {
        assert(err.code == ERROR_INPUT && err.what[0] != '\0');
        return 0;
    }
    request = d2i_X509_REQ(NULL, &p, (long)len);
    assert(request != NULL && p == data + len);
    assert(X509_REQ_verify(request, csr.key.key) == 1);
    if (!key_check(&csr.key, csr.spki, NULL, NULL, &err))
        assert(err.code == ERROR_INPUT);
    X509_REQ_free(request);
    csr_clear(&csr);
    return 0;
}
