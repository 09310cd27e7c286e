/* Health of the status service; see ocsp/health.h. */
#include "ocsp/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/metrics.h"

enum { METRICS_MAX = 256 * 1024, PROBLEM_MAX = ERROR_WHAT_MAX + 1 };

static bool
database_health(const struct ocsp_responder *responder, int64_t now,
                char *problem)
{
    int64_t synced_at = atomic_load(&responder->synced_at);

    if (synced_at == 0)
        (void)snprintf(problem, PROBLEM_MAX, "status not loaded yet");
    else if (now - synced_at > HEALTH_DATABASE_AGE_S)
        (void)snprintf(problem, PROBLEM_MAX, "no word for %lld s",
                       (long long)(now - synced_at));
    else
        return true;
    return false;
}

/* Every issuer with OCSP keys has a certificate that can sign now. */
static bool
certificate_health(struct ocsp_responder *responder,
                   struct ocsp_grace_reader *reader, int64_t now, char *problem,
                   int64_t *soonest)
{
    const struct ocsp_authorities *list;
    const struct ocsp_authority *authority;
    size_t delegated = 0, i;
    bool ok = true;

    *soonest = 0;
    ocsp_grace_enter(reader);
    list = atomic_load(&responder->authorities);
    for (i = 0; i < list->count; i++) {
        authority = &list->at[i];
        if (!authority->is_delegated)
            continue;
        delegated++;
        if (authority->signer == NULL || authority->signer->not_after <= now) {
            ok = false;
            (void)snprintf(problem, PROBLEM_MAX,
                           "no valid signer for issuer %d",
                           (int)authority->issuer_id);
        } else if (*soonest == 0 || authority->signer->not_after < *soonest)
            *soonest = authority->signer->not_after;
    }
    ocsp_grace_leave(reader);
    if (delegated > 0)
        return ok;
    (void)snprintf(problem, PROBLEM_MAX, "no issuer has an OCSP key");
    return false;
}

struct ocsp_reply *
ocsp_health_reply(struct ocsp_responder *responder,
                  struct ocsp_grace_reader *reader,
                  struct ocsp_signer_pool *pool, int64_t now)
{
    char database[PROBLEM_MAX] = "ok", signer[PROBLEM_MAX] = "ok";
    char certificate[PROBLEM_MAX] = "ok", problem[PROBLEM_MAX];
    int64_t synced_at = atomic_load(&responder->synced_at), soonest;
    struct ocsp_reply *reply;
    bool ok = true;
    json_t *object;
    char *text;

    ok &= database_health(responder, now, database);
    ok &= certificate_health(responder, reader, now, certificate, &soonest);
    if (!ocsp_signer_pool_healthy(pool, problem)) {
        ok = false;
        (void)snprintf(signer, sizeof signer, "%s", problem);
    }
    object = json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:I}", "status", ok ? "ok" : "failing",
        "database", database, "signer", signer, "certificate", certificate,
        "database_age_s", (json_int_t)(synced_at == 0 ? -1 : now - synced_at),
        "certificate_left_s", (json_int_t)(soonest == 0 ? -1 : soonest - now));
    text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    if (text == NULL)
        abort();
    reply = ocsp_reply_new(ok ? 200 : 503, "application/json", NULL, text,
                           strlen(text));
    free(text);
    json_decref(object);
    return reply;
}

struct ocsp_reply *
ocsp_health_metrics_reply(void)
{
    struct buf text = BUF_INIT(METRICS_MAX);
    struct ocsp_reply *reply;

    metrics_format(&text);
    reply = ocsp_reply_new(200, "text/plain; version=0.0.4", NULL, text.data,
                           text.len);
    buf_clear(&text);
    return reply;
}
