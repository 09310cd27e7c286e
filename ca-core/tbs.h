/*
 * TBSCertificate (RFC 5280, 4.1.2) from a profile and what one certificate
 * adds to it. Own DER writer; nothing of OpenSSL's objects. Deterministic: the
 * same input gives the same octets.
 */
#ifndef CA_CORE_TBS_H
#define CA_CORE_TBS_H

#include "ca-core/profile.h"
#include "ca-core/public_key.h"
#include "ca-core/serial.h"

enum {
    TBS_MAX_LEN = 65536,
    TBS_CERTIFICATE_MAX_LEN = TBS_MAX_LEN + HSM_SIGNATURE_MAX + 128,
};

/* All borrowed for the call. */
struct tbs_input {
    enum hsm_scheme scheme; /* with which the issuer will sign */
    struct serial serial;
    struct der issuer;        /* DER Name: the issuer's subject, unchanged */
    struct der issuer_key_id; /* its subjectKeyIdentifier; empty: self-signed */
    struct validity_period period;
    struct der subject; /* DER Name of name_encode() */
    struct der spki;
    enum hsm_key_type key_type; /* of spki */
    const struct api_san *san;
    size_t san_count;
    const char *organization_code; /* NULL: none */
    const char *publish_url;       /* "http://pki.example.cn", no slash */
    const char *issuer_name;       /* of ca.issuer: {publish_url}/ocsp,
                                      {publish_url}/crl/{issuer_name}.crl,
                                      {publish_url}/ca/{issuer_name}.cer */
};

/* Checks key type, SAN and organisation code against the profile, then appends
 * the TBSCertificate to `out` (limit TBS_MAX_LEN, empty). ERROR_INPUT. */
bool tbs_build(const struct profile *profile, const struct tbs_input *input,
               struct buf *out, struct error *err) MUST_CHECK;

/* Appends the Certificate: TBS, the scheme's AlgorithmIdentifier, signature. */
bool tbs_certificate(struct der tbs, enum hsm_scheme scheme,
                     const uint8_t *signature, size_t signature_len,
                     struct buf *out, struct error *err) MUST_CHECK;

#endif
