/* The decision about an answer; see ocsp/responder.h. Clauses: RFC 6960. */
#include "ocsp/responder.h"

#include <string.h>

enum { TBS_MAX = 64 * 1024, ANSWER_MAX = 128 * 1024 };

/* What is read in one section, so that it belongs together. */
struct plan {
    struct ocsp_signer *signer; /* one reference; NULL: none */
    uint64_t revision;
    int64_t this_update;
    struct ocsp_status status[OCSP_REQUEST_COUNT_MAX];
};

void
ocsp_responder_init(struct ocsp_responder *responder)
{
    memset(responder, 0, sizeof *responder);
    responder->grace = ocsp_grace_new();
    responder->index = ocsp_index_new(responder->grace);
    atomic_init(&responder->authorities, ocsp_authorities_new(0));
    atomic_init(&responder->published, ocsp_published_new(0));
}

void
ocsp_responder_clear(struct ocsp_responder *responder)
{
    ocsp_index_free(responder->index);
    ocsp_authorities_free(atomic_load(&responder->authorities));
    ocsp_published_free(atomic_load(&responder->published));
    ocsp_grace_free(responder->grace);
}

/* The one authority for all that is asked: an answer has one signer, and a
 * delegated one speaks for its own issuer alone (4.2.2.2). In a section. */
static const struct ocsp_authority *
common_authority(const struct ocsp_responder *responder,
                 const struct ocsp_request *request)
{
    const struct ocsp_authorities *list =
        atomic_load_explicit(&responder->authorities, memory_order_acquire);
    const struct ocsp_authority *first =
        ocsp_authority_find(list, &request->id[0]);
    size_t i;

    if (first == NULL || !first->is_delegated)
        return NULL;
    for (i = 1; i < request->count; i++)
        if (ocsp_authority_find(list, &request->id[i]) != first)
            return NULL;
    return first;
}

/* Serials of another length are not ours. In a section. */
static struct ocsp_status
find_status(const struct ocsp_responder *responder,
            const struct ocsp_authority *authority,
            const struct ocsp_cert_id *id)
{
    if (id->serial.len != OCSP_INDEX_SERIAL_LEN)
        return (struct ocsp_status){.state = OCSP_STATE_UNKNOWN};
    return ocsp_index_find(responder->index, authority->issuer_id,
                           id->serial.data);
}

bool
ocsp_responder_look(struct ocsp_responder *responder,
                    struct ocsp_grace_reader *reader,
                    const struct ocsp_request *request,
                    struct ocsp_responder_view *out)
{
    const struct ocsp_authority *authority;

    ocsp_grace_enter(reader);
    authority = common_authority(responder, request);
    if (authority != NULL) {
        out->status = find_status(responder, authority, &request->id[0]);
        out->revision = authority->revision;
    }
    ocsp_grace_leave(reader);
    return authority != NULL;
}

static enum ocsp_response_status
make_plan(struct ocsp_responder *responder, struct ocsp_grace_reader *reader,
          const struct ocsp_request *request, struct plan *plan)
{
    const struct ocsp_authority *authority;
    size_t i;

    memset(plan, 0, sizeof *plan);
    ocsp_grace_enter(reader);
    authority = common_authority(responder, request);
    if (authority == NULL) {
        ocsp_grace_leave(reader);
        return OCSP_UNAUTHORIZED;
    }
    /* Before the look-ups: they are at least as new as this. */
    plan->this_update = atomic_load(&responder->synced_at);
    for (i = 0; i < request->count; i++)
        plan->status[i] = find_status(responder, authority, &request->id[i]);
    plan->revision = authority->revision;
    if (authority->signer != NULL)
        plan->signer = ocsp_signer_ref(authority->signer);
    ocsp_grace_leave(reader);
    return OCSP_SUCCESSFUL;
}

static void
fill_single(struct ocsp_answer *answer, struct ocsp_single *single,
            const struct ocsp_status *status, bool is_extended_revoked)
{
    switch (status->state) {
    case OCSP_STATE_VALID:
        single->status = OCSP_CERT_GOOD;
        break;
    case OCSP_STATE_HELD:
    case OCSP_STATE_REVOKED:
        single->status = OCSP_CERT_REVOKED;
        single->reason = status->reason;
        single->revoked_at = status->revoked_at;
        single->invalid_from = status->invalid_from;
        break;
    case OCSP_STATE_UNKNOWN:
        single->status = OCSP_CERT_UNKNOWN;
        if (!is_extended_revoked)
            break;
        /* 2.2: reason certificateHold, 1 January 1970, and the extension. */
        single->status = OCSP_CERT_REVOKED;
        single->reason = OCSP_REASON_HOLD;
        single->revoked_at = 0;
        answer->has_extended_revoked = true;
        break;
    }
}

static struct ocsp_reply *
make_reply(const struct ocsp_responder *responder,
           const struct ocsp_answer *answer, bool is_cacheable,
           const struct buf *body)
{
    struct ocsp_reply_times times = {
        .now = answer->produced_at,
        .last_modified = answer->this_update,
        .expires = answer->next_update,
        .max_age_s = responder->http_max_age_s,
    };

    /* RFC 9919, 6.2: never past nextUpdate. */
    if (times.max_age_s > answer->next_update - answer->produced_at)
        times.max_age_s = answer->next_update - answer->produced_at;
    return ocsp_reply_new(200, "application/ocsp-response",
                          is_cacheable ? &times : NULL, body->data, body->len);
}

static bool
encode_signed(const struct ocsp_answer *answer, struct hsm *hsm,
              const struct ocsp_signer *signer, struct buf *out,
              struct error *err)
{
    struct buf tbs = BUF_INIT(TBS_MAX);
    uint8_t signature[HSM_SIGNATURE_MAX];
    size_t signature_len;
    bool ok;

    ocsp_answer_tbs(answer, &tbs);
    if (buf_is_full(&tbs))
        ok = error_set(err, ERROR_INTERNAL, "the answer is too long");
    else
        ok = hsm_sign(hsm, signer->key, signer->scheme, tbs.data, tbs.len,
                      signature, &signature_len, err);
    if (ok)
        ocsp_answer_encode(
            (struct der){tbs.data, tbs.len}, signer->scheme,
            (struct der){signature, signature_len},
            (struct der){signer->certificate, signer->certificate_len}, out);
    buf_clear(&tbs);
    return ok && (!buf_is_full(out) ||
                  error_set(err, ERROR_INTERNAL, "the answer is too long"));
}

static void
sign_plan(struct ocsp_responder *responder, struct hsm *hsm,
          const struct ocsp_request *request, const struct plan *plan,
          int64_t now, struct ocsp_responder_answer *out, struct error *err)
{
    struct ocsp_single single[OCSP_REQUEST_COUNT_MAX] = {0};
    struct ocsp_answer answer = {
        .produced_at = now,
        .this_update = plan->this_update,
        .next_update = plan->this_update + responder->validity_s,
        .single = single,
        .count = request->count,
        .nonce = request->nonce,
    };
    struct buf body = BUF_INIT(ANSWER_MAX);
    size_t i;

    /* No answer outlives the certificate that it is checked with. */
    if (answer.next_update > plan->signer->not_after)
        answer.next_update = plan->signer->not_after;
    if (answer.next_update <= now || plan->this_update == 0) {
        error_set(err, ERROR_BUSY, "the status is too old to be told");
        return;
    }
    memcpy(answer.responder, plan->signer->key_hash, OCSP_KEY_HASH_LEN);
    for (i = 0; i < request->count; i++) {
        single[i].cert_id = request->id[i].whole;
        fill_single(&answer, &single[i], &plan->status[i],
                    responder->is_extended_revoked);
    }
    out->is_cacheable = request->count == 1 && request->nonce.data == NULL &&
                        plan->status[0].state != OCSP_STATE_UNKNOWN;
    out->certificate = plan->status[0];
    out->revision = plan->revision;
    out->next_update = answer.next_update;
    /* At half its life: Baseline Requirements, 4.9.10. */
    out->refresh_at =
        answer.this_update + (answer.next_update - answer.this_update) / 2;
    if (encode_signed(&answer, hsm, plan->signer, &body, err)) {
        out->status = OCSP_SUCCESSFUL;
        out->reply = make_reply(responder, &answer, out->is_cacheable, &body);
    }
    buf_clear(&body);
}

void
ocsp_responder_sign(struct ocsp_responder *responder, struct hsm *hsm,
                    struct ocsp_grace_reader *reader, struct der request,
                    int64_t now, struct ocsp_responder_answer *out,
                    struct error *err)
{
    struct ocsp_request parsed;
    struct plan plan;

    memset(out, 0, sizeof *out);
    if (!ocsp_request_parse(request.data, request.len, &parsed)) {
        out->status = OCSP_MALFORMED_REQUEST;
        return;
    }
    out->status = make_plan(responder, reader, &parsed, &plan);
    if (out->status != OCSP_SUCCESSFUL)
        return;
    out->status = OCSP_TRY_LATER;
    if (plan.signer == NULL)
        error_set(err, ERROR_BUSY, "no valid certificate to sign with");
    else
        sign_plan(responder, hsm, &parsed, &plan, now, out, err);
    ocsp_signer_unref(plan.signer);
}
