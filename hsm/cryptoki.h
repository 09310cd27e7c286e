/*
 * PKCS #11 2.40 as the rest of hsm/ sees it: the header, and the one place
 * that says what a CKR_* means. Internal to hsm/.
 */
#ifndef HSM_CRYPTOKI_H
#define HSM_CRYPTOKI_H

#include <p11-kit/pkcs11.h>

#include "base/error.h"

/* What to do about a return value (feasibility.md, A4). */
enum hsm_fault {
    HSM_FAULT_NONE,    /* the answer stands: policy, a wrong call, not found */
    HSM_FAULT_SESSION, /* reopen the session, find the keys again, once more */
    HSM_FAULT_DEVICE,  /* only C_Finalize and C_Initialize may heal it */
    HSM_FAULT_PIN,     /* never again with this PIN: tokens lock */
};

enum hsm_fault hsm_fault_of(CK_RV rv);

/* "CKR_DEVICE_ERROR", or "CKR" when the value has no name here. */
const char *hsm_rv_name(CK_RV rv);

/* Fills `err` from what `call` returned: code from the table, the name and
 * number of `rv` as cause. Returns false. */
bool hsm_error(struct error *err, CK_RV rv, const char *call);

#endif
