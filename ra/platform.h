/*
 * What the host platform 财智云 asks and does (domain.md, 1.1): progress of an
 * account's cases 办理进度查询, binding 绑定 and unbinding of a certificate.
 */
#ifndef RA_PLATFORM_H
#define RA_PLATFORM_H

#include <jansson.h>

#include "ra/case_apply.h"

enum {
    PLATFORM_CASES_MAX = 100, /* of one account, the newest */
    PLATFORM_ISSUER_MAX = 64,
    PLATFORM_SERIAL_LEN = 16,
};

/* {"account", "cases": [{"number", "business", "state", "revision",
 * "created_at", "submitted_at"?, "changed_at", "deadline_at"?, "completed_at"?,
 * "remark"?}], "certificate"?: {"issuer", "serial", "state", "not_before",
 * "not_after", "device"?, "bound_at"?}}: the live certificate, if there is one.
 * ERROR_NOT_FOUND when the platform has sent no record of the account. */
bool platform_progress(struct db *db, const char *account, int64_t now,
                       json_t **out, struct error *err) MUST_CHECK;

struct platform_binding {
    const char *account;
    const char *issuer;
    const uint8_t *serial; /* PLATFORM_SERIAL_LEN octets; either half */
    bool is_bound;         /* to become bound, or no longer */
    int64_t at;
};

/* Both halves of the pair, with the case that issued it (its state becomes
 * bound, or activated again). The same again changes nothing. ERROR_NOT_FOUND
 * when the account has no such certificate; ERROR_CONFLICT when it is held,
 * revoked or has run out. */
bool platform_bind(const struct business *business, struct db *db,
                   const struct platform_binding *binding,
                   struct error *err) MUST_CHECK;

#endif
