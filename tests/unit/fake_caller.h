/*
 * Whoever the test says calls: a fake of ra/caller.h, with all its functions,
 * so that the real ones are not linked. Include this in one file of a test
 * program.
 */
#ifndef TESTS_UNIT_FAKE_CALLER_H
#define TESTS_UNIT_FAKE_CALLER_H

#include "ra/caller.h"

static struct caller who; /* calls */

static inline bool
fake_caller_refuse(const struct http_request *req, struct http_response *res)
{
    http_reply_problem(res, req->id, 403, "not for you");
    return false;
}

bool
caller_get(struct ra_worker *worker, const struct http_request *req,
           struct http_response *res, struct caller *out)
{
    (void)worker;
    (void)req;
    (void)res;
    *out = who;
    return true;
}

bool
caller_account(struct ra_worker *worker, const struct http_request *req,
               struct http_response *res, struct caller *out)
{
    (void)worker;
    *out = who;
    return who.kind == CALLER_ACCOUNT || fake_caller_refuse(req, res);
}

bool
caller_officer(struct ra_worker *worker, const struct http_request *req,
               struct http_response *res, struct caller *out)
{
    (void)worker;
    *out = who;
    return who.kind == CALLER_OFFICER || fake_caller_refuse(req, res);
}

bool
caller_platform(struct ra_worker *worker, const struct http_request *req,
                struct http_response *res, struct caller *out)
{
    (void)worker;
    *out = who;
    return who.kind == CALLER_PLATFORM || fake_caller_refuse(req, res);
}

bool
caller_has_role(const struct caller *caller, enum api_role role)
{
    return caller->kind == CALLER_OFFICER && caller->officer.has_role[role];
}

bool
caller_with_role(struct ra_worker *worker, const struct http_request *req,
                 struct http_response *res, unsigned roles, struct caller *out)
{
    (void)worker;
    *out = who;
    for (unsigned i = 0; i < API_ROLE_COUNT; i++)
        if ((roles & 1u << i) != 0 && caller_has_role(&who, (enum api_role)i))
            return true;
    return fake_caller_refuse(req, res);
}

const char *
caller_name(const struct caller *caller)
{
    return caller->kind == CALLER_OFFICER ? caller->officer.officer_id
                                          : caller->account.account;
}

bool
caller_is_forged(const struct http_request *req, struct http_response *res)
{
    (void)req;
    (void)res;
    return false;
}

#endif
