/* CKR_* to what can be done about it; see hsm/cryptoki.h. */
#include "hsm/cryptoki.h"

#include <stdio.h>

#define ROW(rv, fault, code)                                                   \
    {                                                                          \
        rv, #rv, HSM_FAULT_##fault, ERROR_##code                               \
    }

/* What is not here is a wrong call or a policy: ours to fix, no retry. */
static const struct rv_row {
    CK_RV rv;
    const char *name;
    enum hsm_fault fault;
    enum error_code code;
} rows[] = {
    /* The session, the login or the handles are gone. */
    ROW(CKR_SESSION_HANDLE_INVALID, SESSION, BUSY),
    ROW(CKR_SESSION_CLOSED, SESSION, BUSY),
    ROW(CKR_OBJECT_HANDLE_INVALID, SESSION, BUSY),
    ROW(CKR_KEY_HANDLE_INVALID, SESSION, BUSY),
    ROW(CKR_USER_NOT_LOGGED_IN, SESSION, BUSY),
    ROW(CKR_OPERATION_ACTIVE, SESSION, BUSY),
    ROW(CKR_OPERATION_NOT_INITIALIZED, SESSION, BUSY),
    ROW(CKR_FUNCTION_CANCELED, SESSION, BUSY),
    ROW(CKR_FUNCTION_FAILED, SESSION, BUSY),
    ROW(CKR_GENERAL_ERROR, SESSION, BUSY),
    ROW(CKR_SESSION_COUNT, SESSION, BUSY),
    /* The token, its reader or the library is gone. */
    ROW(CKR_CRYPTOKI_NOT_INITIALIZED, DEVICE, BUSY),
    ROW(CKR_DEVICE_ERROR, DEVICE, BUSY),
    ROW(CKR_DEVICE_MEMORY, DEVICE, BUSY),
    ROW(CKR_DEVICE_REMOVED, DEVICE, BUSY),
    ROW(CKR_HOST_MEMORY, DEVICE, BUSY),
    ROW(CKR_SLOT_ID_INVALID, DEVICE, BUSY),
    ROW(CKR_TOKEN_NOT_PRESENT, DEVICE, BUSY),
    ROW(CKR_TOKEN_NOT_RECOGNIZED, DEVICE, BUSY),
    ROW(CKR_USER_PIN_NOT_INITIALIZED, DEVICE, BUSY),
    /* The PIN. */
    ROW(CKR_PIN_INCORRECT, PIN, DENIED),
    ROW(CKR_PIN_INVALID, PIN, DENIED),
    ROW(CKR_PIN_LEN_RANGE, PIN, DENIED),
    ROW(CKR_PIN_EXPIRED, PIN, DENIED),
    ROW(CKR_PIN_LOCKED, PIN, DENIED),
    /* Answers. */
    ROW(CKR_DATA_LEN_RANGE, NONE, INPUT),
    ROW(CKR_WRAPPED_KEY_INVALID, NONE, INPUT),
    ROW(CKR_WRAPPED_KEY_LEN_RANGE, NONE, INPUT),
    ROW(CKR_ENCRYPTED_DATA_INVALID, NONE, INPUT),
    ROW(CKR_TOKEN_WRITE_PROTECTED, NONE, DENIED),
    ROW(CKR_ATTRIBUTE_READ_ONLY, NONE, INTERNAL),
    ROW(CKR_ATTRIBUTE_SENSITIVE, NONE, INTERNAL),
    ROW(CKR_ATTRIBUTE_TYPE_INVALID, NONE, INTERNAL),
    ROW(CKR_ATTRIBUTE_VALUE_INVALID, NONE, INTERNAL),
    ROW(CKR_ARGUMENTS_BAD, NONE, INTERNAL),
    ROW(CKR_CANT_LOCK, NONE, INTERNAL),
    ROW(CKR_FUNCTION_NOT_SUPPORTED, NONE, INTERNAL),
    ROW(CKR_KEY_FUNCTION_NOT_PERMITTED, NONE, INTERNAL),
    ROW(CKR_KEY_TYPE_INCONSISTENT, NONE, INTERNAL),
    ROW(CKR_KEY_UNEXTRACTABLE, NONE, INTERNAL),
    ROW(CKR_MECHANISM_INVALID, NONE, INTERNAL),
    ROW(CKR_MECHANISM_PARAM_INVALID, NONE, INTERNAL),
    ROW(CKR_TEMPLATE_INCOMPLETE, NONE, INTERNAL),
    ROW(CKR_TEMPLATE_INCONSISTENT, NONE, INTERNAL),
    ROW(CKR_BUFFER_TOO_SMALL, NONE, INTERNAL),
};

static const struct rv_row *
find_row(CK_RV rv)
{
    size_t i;

    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].rv == rv)
            return &rows[i];
    }
    return NULL;
}

enum hsm_fault
hsm_fault_of(CK_RV rv)
{
    const struct rv_row *row = find_row(rv);

    return row == NULL ? HSM_FAULT_NONE : row->fault;
}

const char *
hsm_rv_name(CK_RV rv)
{
    const struct rv_row *row = find_row(rv);

    return row == NULL ? "CKR" : row->name;
}

bool
hsm_error(struct error *err, CK_RV rv, const char *call)
{
    const struct rv_row *row = find_row(rv);
    char cause[64];

    (void)snprintf(cause, sizeof cause, "%s (0x%lx)", hsm_rv_name(rv), rv);
    return error_cause(err, row == NULL ? ERROR_INTERNAL : row->code, cause,
                       "%s failed", call);
}
