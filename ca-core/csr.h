/* Certification requests: PKCS #10, RFC 2986. */
#ifndef CA_CORE_CSR_H
#define CA_CORE_CSR_H

#include "base/der.h"
#include "ca-core/public_key.h"

enum { CSR_MAX_LEN = 16384 }; /* octets of DER */

/* What a request is for: possession of a key. Its subject and attributes are
 * checked for form and ignored. */
struct csr {
    struct der spki;       /* borrowed from the request's octets */
    struct public_key key; /* owned; clear with csr_clear() */
};

/* Exactly one request, strict DER, signed by its own key (RFC 2986, section 3)
 * with a scheme of hsm/scheme.h that fits the key. ERROR_INPUT otherwise. The
 * octets must outlive `out`. */
bool csr_parse(const uint8_t *der, size_t len, struct csr *out,
               struct error *err) MUST_CHECK;
/* A request of a key that is made for it and thrown away: to see what would be
 * issued to a key that is not there yet. */
bool csr_make_up(enum hsm_key_type type, struct buf *out,
                 struct error *err) MUST_CHECK;
void csr_clear(struct csr *csr); /* zeroed is nothing */

#endif
