/*
 * Notices 通知 to people and to the host platform: put into an outbox in the
 * transaction of what they tell, sent afterwards (ra/notice_sender.h), again
 * until they arrive, once. Their text is overwritten when they have gone.
 */
#ifndef RA_NOTICE_H
#define RA_NOTICE_H

#include <jansson.h>

#include "ra/vault.h"

struct notice {
    const char *number;   /* of the case; NULL for others */
    const char *event;    /* name of the template: "case.passed" */
    const char *channel;  /* "sms", "email", "webhook" */
    const char *language; /* "zh", "en" */
    const char *dedupe;   /* the same again is not sent again; for each channel
                             another */
    const char *to;       /* number or address; a webhook's is in the settings
                             (ra.platform_webhook_url): "" */
    const char *subject;  /* of an e-mail; else NULL */
    const char *text;     /* filled-in template; JSON for a webhook */
};

enum { NOTICE_TEXT_MAX = 16 * 1024, NOTICE_VALUE_NAME_MAX = 32 };

/* In the caller's transaction. Nothing when `dedupe` is known. ERROR_INTERNAL
 * for a channel that there is not. */
bool notice_queue(struct db *db, const struct vault *vault,
                  const struct notice *notice, int64_t at,
                  struct error *err) MUST_CHECK;

/* Replaces ${name} by members of `values` (texts); an unknown name is
 * ERROR_INTERNAL. */
bool notice_fill(const char *text, const json_t *values, struct buf *out,
                 struct error *err) MUST_CHECK;

#endif
