/*
 * Notices 通知 to people and to the host platform: put into an outbox in the
 * transaction of what they tell, sent afterwards, again until they arrive,
 * once.
 */
#ifndef RA_NOTICE_H
#define RA_NOTICE_H

#include "ra/vault.h"

struct notice {
    const char *number;   /* of the case; NULL for others */
    const char *event;    /* name of the template: "case.passed" */
    const char *channel;  /* "sms", "email", "webhook" */
    const char *language; /* "zh", "en" */
    const char *dedupe;   /* the same again is not sent again */
    const char *to;       /* number, address or URL */
    const char *subject;  /* of an e-mail; else NULL */
    const char *text;     /* filled-in template; JSON for a webhook */
};

/* In the caller's transaction. */
bool notice_queue(struct db *db, const struct vault *vault,
                  const struct notice *notice, int64_t at,
                  struct error *err) MUST_CHECK;

/* Replaces ${name} by members of `values` (texts); an unknown name is
 * ERROR_INTERNAL. */
bool notice_fill(const char *text, const json_t *values, struct buf *out,
                 struct error *err) MUST_CHECK;

#endif
