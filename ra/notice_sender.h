/*
 * Sends what waits in the outbox of notices (ra/notice.h): SMS by the interface
 * of docs/sms-gateway.md, mail by SMTP, news for the host platform by a signed
 * call. Tried again with growing waits, given up after a bounded time; then the
 * notice is `failed`, which officers see (GET /v1/notices?state=failed). An SMS
 * carries the notice's id, a mail its Message-ID, news its `id`: whoever gets
 * one twice can tell.
 */
#ifndef RA_NOTICE_SENDER_H
#define RA_NOTICE_SENDER_H

#include "ra/jobs.h"

enum {
    NOTICE_WAIT_S = 10, /* after the first try; doubled up to */
    NOTICE_WAIT_MAX_S = 3600,
    NOTICE_CLAIM_S = 60,          /* longer than one sending may take */
    NOTICE_GIVE_UP_S = 2 * 86400, /* after it was made */
    NOTICE_AT_ONCE = 50,          /* of a channel in one run */
};

/* Sends one; what went wrong: ERROR_INPUT and _CONFLICT for good,
 * others for now. `to`, `subject` ("" if none), `text` as they were queued. */
struct notice_content {
    const char *id;
    const char *event;
    const char *to;
    const char *subject;
    const char *text;
    int64_t made_at;
};
typedef bool notice_carrier(void *arg, const struct notice_content *content,
                            int64_t now, struct error *err);

/* Sends what is due on one channel by this carrier; *count gets how many went
 * out. A carrier that is BUSY ends the run. */
bool notice_send_due(struct db *db, const struct vault *vault,
                     const char *channel, notice_carrier *carrier, void *arg,
                     int64_t now, size_t *count, struct error *err) MUST_CHECK;

/* A row of the table of jobs: all channels that are configured. */
bool notice_job(struct ra_job *job, int64_t now, struct error *err) MUST_CHECK;

/* Before any thread. */
void notice_metrics(void);

#endif
