/*
 * Officers' decisions on cases. An approval signs the statement that the CA
 * core judges (ca-core/api.h); return, rejection and supplement sign the same
 * statement with another verdict and the remark in it. A decision is signed
 * with a certificate's key or with a passkey.
 */
#ifndef RA_CASE_REVIEW_H
#define RA_CASE_REVIEW_H

#include "ca-core/api.h"
#include "ra/case.h"

struct case_decided {
    const char *step;    /* "first-review", ... */
    const char *verdict; /* "approve", "return", "reject", "supplement" */
    const char *officer_id;
    const char *person;
    const uint8_t *credential_id; /* 32 octets */
    int64_t decided_at;
    const char *remark;      /* "" with an approval */
    const uint8_t *decision; /* canonical JSON, as sent */
    size_t decision_len;
    const uint8_t *statement; /* canonical JSON, as signed */
    size_t statement_len;
};

#endif
