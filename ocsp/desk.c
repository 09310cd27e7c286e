/* A loop thread's OCSP answers; see ocsp/desk.h. */
#include "ocsp/desk.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

/* After a refresh was asked for, the old answer serves until the new one is
 * there; if none comes, asked again after this. */
enum { REFRESH_AGAIN_S = 10 };

/* An answer on its way from the signers, and who waits for it. */
struct ticket {
    struct ocsp_loop_wait *waiters;
    struct ocsp_cache_entry *entry; /* that it is for; NULL: not to be cached */
    struct ocsp_status status;      /* when it was asked for */
};

static void
notify(void *arg)
{
    const struct ocsp_desk *desk = arg;

    ocsp_loop_wake(desk->loop);
}

void
ocsp_desk_init(struct ocsp_desk *desk, struct ocsp_responder *responder,
               struct ocsp_signer_pool *pool, size_t cache_entries)
{
    memset(desk, 0, sizeof *desk);
    desk->responder = responder;
    desk->pool = pool;
    desk->reader = ocsp_grace_reader_add(responder->grace);
    desk->cache = ocsp_cache_new(cache_entries);
    ocsp_signer_outbox_init(&desk->outbox, notify, desk);
}

void
ocsp_desk_refresh(struct ocsp_desk *desk)
{
    size_t i;

    for (i = 0; i < sizeof desk->error / sizeof desk->error[0]; i++) {
        ocsp_reply_unref(desk->error[i]);
        desk->error[i] = NULL;
    }
}

struct ocsp_reply *
ocsp_desk_hold(struct ocsp_desk *desk, struct ocsp_reply *take_reply)
{
    ocsp_reply_unref(desk->held);
    desk->held = take_reply;
    return take_reply;
}

static struct ocsp_reply *
error_reply(struct ocsp_desk *desk, enum ocsp_response_status status)
{
    static const enum ocsp_desk_count count[] = {
        [OCSP_MALFORMED_REQUEST] = DESK_MALFORMED,
        [OCSP_INTERNAL_ERROR] = DESK_TRY_LATER,
        [OCSP_TRY_LATER] = DESK_TRY_LATER,
        [OCSP_UNAUTHORIZED] = DESK_UNAUTHORIZED,
    };
    uint8_t body[OCSP_ERROR_LEN];

    desk->count[count[status]]++;
    if (desk->error[status] == NULL) {
        ocsp_answer_error(status, body);
        desk->error[status] = ocsp_reply_new(200, "application/ocsp-response",
                                             NULL, body, sizeof body);
    }
    return desk->error[status];
}

struct ocsp_reply *
ocsp_desk_conditional(struct ocsp_desk *desk, struct ocsp_reply *reply,
                      const struct http_head *head)
{
    const struct http_field *field;
    size_t i;

    if (head->method == HTTP_POST)
        return reply;
    for (i = 0; i < head->field_count; i++) {
        field = &head->field[i];
        if (http_span_is(field->name, "if-none-match") &&
            ocsp_reply_matches(reply, field->value.data, field->value.len)) {
            desk->count[DESK_NOT_MODIFIED]++;
            return ocsp_desk_hold(desk, ocsp_reply_not_modified(reply));
        }
    }
    return reply;
}

/* Sends the request to the signers; false when their queue is full. */
static bool
submit(struct ocsp_desk *desk, struct der request,
       struct ocsp_cache_entry *entry, const struct ocsp_status *status,
       struct ocsp_loop_wait *wait)
{
    struct ticket *ticket = base_alloc(sizeof *ticket);
    struct ocsp_signer_job *job =
        ocsp_signer_job_new(&desk->outbox, ticket, request);

    ticket->entry = entry;
    ticket->status = *status;
    if (!ocsp_signer_submit(desk->pool, job)) {
        free(job);
        free(ticket);
        return false;
    }
    if (entry != NULL)
        entry->ticket = ticket;
    if (wait != NULL)
        ocsp_loop_wait_add(&ticket->waiters, wait);
    return true;
}

/* Has the answer signed anew while the old one serves. When the database is
 * away a new one would live no longer, so none is asked for. */
static void
refresh(struct ocsp_desk *desk, struct ocsp_cache_entry *entry,
        struct der request, const struct ocsp_responder_view *view, int64_t now)
{
    if (entry->ticket != NULL ||
        atomic_load(&desk->responder->synced_at) < entry->refresh_at)
        return;
    entry->refresh_at = now + REFRESH_AGAIN_S;
    (void)submit(desk, request, entry, &view->status, NULL);
}

/* NULL when `wait` waits for the signers. */
static struct ocsp_reply *
ask_signers(struct ocsp_desk *desk, struct der request,
            struct ocsp_cache_entry *entry, const struct ocsp_status *status,
            struct ocsp_loop_wait *wait)
{
    struct ticket *ticket = entry == NULL ? NULL : entry->ticket;

    /* One signature for all who ask at once; but not for who asks after a
     * change that the signature may have been too early for. */
    if (ticket != NULL && ocsp_status_equal(&ticket->status, status)) {
        ocsp_loop_wait_add(&ticket->waiters, wait);
        return NULL;
    }
    if (ticket != NULL)
        entry = NULL;
    if (!submit(desk, request, entry, status, wait))
        return error_reply(desk, OCSP_TRY_LATER);
    return NULL;
}

struct ocsp_reply *
ocsp_desk_ask(struct ocsp_desk *desk, struct der request,
              const struct http_head *head, struct ocsp_loop_wait *wait)
{
    struct ocsp_request parsed;
    struct ocsp_responder_view view;
    struct ocsp_cache_entry *entry;
    int64_t now;

    if (!ocsp_request_parse(request.data, request.len, &parsed))
        return error_reply(desk, OCSP_MALFORMED_REQUEST);
    if (!ocsp_responder_look(desk->responder, desk->reader, &parsed, &view))
        return error_reply(desk, OCSP_UNAUTHORIZED);
    if (parsed.count != 1 || parsed.nonce.data != NULL ||
        view.status.state == OCSP_STATE_UNKNOWN)
        return ask_signers(desk, request, NULL, &view.status, wait);
    entry = ocsp_cache_find(desk->cache, parsed.id[0].whole);
    now = clock_now();
    if (ocsp_cache_entry_is_right(entry, &view.status, view.revision, now)) {
        if (now >= entry->refresh_at)
            refresh(desk, entry, request, &view, now);
        desk->count[DESK_CACHED]++;
        return ocsp_desk_conditional(desk, entry->reply, head);
    }
    if (entry == NULL)
        entry = ocsp_cache_add(desk->cache, parsed.id[0].whole);
    return ask_signers(desk, request, entry, &view.status, wait);
}

static void
store(struct ocsp_desk *desk, struct ocsp_cache_entry *entry,
      const struct ocsp_responder_answer *answer)
{
    entry->ticket = NULL;
    if (answer->status != OCSP_SUCCESSFUL || !answer->is_cacheable)
        return;
    ocsp_cache_entry_fill(desk->cache, entry, ocsp_reply_ref(answer->reply),
                          &answer->certificate, answer->revision,
                          answer->refresh_at, answer->next_update);
}

void
ocsp_desk_collect(struct ocsp_desk *desk)
{
    struct ocsp_signer_job *job = ocsp_signer_outbox_take(&desk->outbox), *next;
    struct ticket *ticket;
    struct ocsp_reply *reply;

    for (; job != NULL; job = next) {
        next = job->next;
        ticket = job->owner;
        if (ticket->entry != NULL)
            store(desk, ticket->entry, &job->answer);
        while (ticket->waiters != NULL) {
            reply = job->answer.reply;
            if (reply == NULL)
                reply = error_reply(desk, job->answer.status);
            else
                desk->count[DESK_SIGNED]++;
            ocsp_loop_answer(ticket->waiters, reply);
        }
        ocsp_reply_unref(job->answer.reply);
        free(ticket);
        free(job);
    }
}

void
ocsp_desk_clear(struct ocsp_desk *desk)
{
    ocsp_desk_collect(desk);
    ocsp_desk_refresh(desk);
    (void)ocsp_desk_hold(desk, NULL);
    ocsp_cache_free(desk->cache);
    pthread_mutex_destroy(&desk->outbox.lock);
}
