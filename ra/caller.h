/*
 * Who calls the API. In this order: the session cookie of a browser, an
 * account's bearer token, an officer's client certificate, the host platform's
 * client certificate. Whoever shows one that opens nothing is nobody: the next
 * is not tried.
 */
#ifndef RA_CALLER_H
#define RA_CALLER_H

#include "base/http.h"
#include "db/session.h"
#include "ra/officer.h"

struct ra_worker;

enum caller_kind { CALLER_ACCOUNT, CALLER_OFFICER, CALLER_PLATFORM };

struct caller {
    enum caller_kind kind;
    struct db_account account;     /* CALLER_ACCOUNT */
    struct review_officer officer; /* CALLER_OFFICER */
    bool has_session;              /* came by cookie */
    struct db_session session;
};

/* Common name of the host platform's client certificate. */
#define CALLER_PLATFORM_NAME "signet-platform"

/* False when it is nobody we know, or the request may have been forged, and
 * the answer is written: 401, 403, 429. */
bool caller_get(struct ra_worker *worker, const struct http_request *req,
                struct http_response *res, struct caller *out) MUST_CHECK;

/* As caller_get(), and it must be of this kind, else 403. */
bool caller_account(struct ra_worker *worker, const struct http_request *req,
                    struct http_response *res, struct caller *out) MUST_CHECK;
bool caller_officer(struct ra_worker *worker, const struct http_request *req,
                    struct http_response *res, struct caller *out) MUST_CHECK;
bool caller_platform(struct ra_worker *worker, const struct http_request *req,
                     struct http_response *res, struct caller *out) MUST_CHECK;

/* Pure: an officer with this role. */
bool caller_has_role(const struct caller *caller, enum api_role role);

/* Pure: an officer with one of `roles` (bits: 1 << enum api_role). */
static inline bool
caller_has_one_of(const struct caller *caller, unsigned roles)
{
    for (int i = 0; i < API_ROLE_COUNT; i++)
        if ((roles & 1u << i) != 0 && caller_has_role(caller, (enum api_role)i))
            return true;
    return false;
}

/* As caller_officer(), and one of `roles` (bits: 1 << enum api_role) must be
 * theirs, else 403 with the names of those who may. */
bool caller_with_role(struct ra_worker *worker, const struct http_request *req,
                      struct http_response *res, unsigned roles,
                      struct caller *out) MUST_CHECK;

/* What tells a caller in histories: the account, the officer's id, or
 * "platform". Borrowed. */
const char *caller_name(const struct caller *caller);

/* Whether a browser sent this from a page of another site (Fetch Metadata);
 * then the answer, 403, is written. For what changes something without a
 * caller. */
bool caller_is_forged(const struct http_request *req,
                      struct http_response *res) MUST_CHECK;

#endif
