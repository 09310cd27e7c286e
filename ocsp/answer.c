/* Writing OCSPResponse; see ocsp/answer.h. Clauses are of RFC 6960. */
#include "ocsp/answer.h"

#include <assert.h>

/* Content octets: id-pkix-ocsp-basic, -nonce, -extended-revoke; 1.3.6.1.5.5.
 * 7.48.1.1, .2 and .9. */
static const uint8_t oid_basic[] = {0x2b, 0x06, 0x01, 0x05, 0x05,
                                    0x07, 0x30, 0x01, 0x01};
static const uint8_t oid_nonce[] = {0x2b, 0x06, 0x01, 0x05, 0x05,
                                    0x07, 0x30, 0x01, 0x02};
static const uint8_t oid_extended_revoke[] = {0x2b, 0x06, 0x01, 0x05, 0x05,
                                              0x07, 0x30, 0x01, 0x09};
/* id-ce-invalidityDate: RFC 5280, 5.3.2. */
static const uint8_t oid_invalidity_date[] = {0x55, 0x1d, 0x18};

/* CertStatus; the tags are IMPLICIT: good [0], revoked [1], unknown [2]. */
static void
add_status(struct buf *out, const struct ocsp_single *single)
{
    size_t revoked, reason;
    uint8_t code = (uint8_t)single->reason;

    if (single->status == OCSP_CERT_GOOD) {
        der_add(out, DER_CONTEXT(0), NULL, 0);
        return;
    }
    if (single->status == OCSP_CERT_UNKNOWN) {
        der_add(out, DER_CONTEXT(2), NULL, 0);
        return;
    }
    revoked = der_begin(out, DER_CONTEXT_CONSTRUCTED(1));
    der_add_generalized_time(out, single->revoked_at);
    /* RFC 5280, 5.3.1: unspecified is said by saying nothing. */
    if (code != OCSP_REASON_UNSPECIFIED) {
        reason = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
        der_add(out, DER_ENUMERATED, &code, 1);
        der_end(out, reason);
    }
    der_end(out, revoked);
}

/* CRL entry extensions may stand among the singleExtensions: 4.4.5. */
static void
add_invalidity_date(struct buf *out, int64_t at)
{
    size_t outer = der_begin(out, DER_CONTEXT_CONSTRUCTED(1));
    size_t list = der_begin(out, DER_SEQUENCE);
    size_t extension = der_begin(out, DER_SEQUENCE);
    size_t value;

    der_add_oid(out, oid_invalidity_date, sizeof oid_invalidity_date);
    value = der_begin(out, DER_OCTET_STRING);
    der_add_generalized_time(out, at);
    der_end(out, value);
    der_end(out, extension);
    der_end(out, list);
    der_end(out, outer);
}

static void
add_single(struct buf *out, const struct ocsp_answer *answer,
           const struct ocsp_single *single)
{
    size_t body = der_begin(out, DER_SEQUENCE);
    size_t next;

    buf_add(out, single->cert_id.data, single->cert_id.len);
    add_status(out, single);
    der_add_generalized_time(out, answer->this_update);
    next = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
    der_add_generalized_time(out, answer->next_update);
    der_end(out, next);
    if (single->status == OCSP_CERT_REVOKED && single->invalid_from != 0)
        add_invalidity_date(out, single->invalid_from);
    der_end(out, body);
}

static void
add_response_extensions(struct buf *out, const struct ocsp_answer *answer)
{
    size_t outer, list, extension, value;

    if (answer->nonce.data == NULL && !answer->has_extended_revoked)
        return;
    outer = der_begin(out, DER_CONTEXT_CONSTRUCTED(1));
    list = der_begin(out, DER_SEQUENCE);
    if (answer->nonce.data != NULL) {
        extension = der_begin(out, DER_SEQUENCE);
        der_add_oid(out, oid_nonce, sizeof oid_nonce);
        value = der_begin(out, DER_OCTET_STRING);
        der_add(out, DER_OCTET_STRING, answer->nonce.data, answer->nonce.len);
        der_end(out, value);
        der_end(out, extension);
    }
    if (answer->has_extended_revoked) {
        extension = der_begin(out, DER_SEQUENCE);
        der_add_oid(out, oid_extended_revoke, sizeof oid_extended_revoke);
        value = der_begin(out, DER_OCTET_STRING);
        der_add_null(out); /* 4.4.8 */
        der_end(out, value);
        der_end(out, extension);
    }
    der_end(out, list);
    der_end(out, outer);
}

void
ocsp_answer_tbs(const struct ocsp_answer *answer, struct buf *out)
{
    size_t body = der_begin(out, DER_SEQUENCE);
    size_t responder = der_begin(out, DER_CONTEXT_CONSTRUCTED(2));
    size_t list, i;

    assert(answer->count > 0);
    der_add(out, DER_OCTET_STRING, answer->responder, OCSP_KEY_HASH_LEN);
    der_end(out, responder);
    der_add_generalized_time(out, answer->produced_at);
    list = der_begin(out, DER_SEQUENCE);
    for (i = 0; i < answer->count; i++)
        add_single(out, answer, &answer->single[i]);
    der_end(out, list);
    add_response_extensions(out, answer);
    der_end(out, body);
}

void
ocsp_answer_encode(struct der tbs, enum hsm_scheme scheme, struct der signature,
                   struct der certificate, struct buf *out)
{
    static const uint8_t successful = OCSP_SUCCESSFUL;
    size_t algorithm_len;
    const uint8_t *algorithm = hsm_scheme_algorithm(scheme, &algorithm_len);
    size_t response = der_begin(out, DER_SEQUENCE);
    size_t bytes, body, octets, basic, certs, list;

    der_add(out, DER_ENUMERATED, &successful, 1);
    bytes = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
    body = der_begin(out, DER_SEQUENCE);
    der_add_oid(out, oid_basic, sizeof oid_basic);
    octets = der_begin(out, DER_OCTET_STRING);
    basic = der_begin(out, DER_SEQUENCE);
    buf_add(out, tbs.data, tbs.len);
    buf_add(out, algorithm, algorithm_len);
    der_add_octet_bits(out, signature.data, signature.len);
    certs = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
    list = der_begin(out, DER_SEQUENCE);
    buf_add(out, certificate.data, certificate.len);
    der_end(out, list);
    der_end(out, certs);
    der_end(out, basic);
    der_end(out, octets);
    der_end(out, body);
    der_end(out, bytes);
    der_end(out, response);
}

void
ocsp_answer_error(enum ocsp_response_status status, uint8_t out[OCSP_ERROR_LEN])
{
    assert(status != OCSP_SUCCESSFUL);
    out[0] = DER_SEQUENCE;
    out[1] = 3;
    out[2] = DER_ENUMERATED;
    out[3] = 1;
    out[4] = (uint8_t)status;
}
