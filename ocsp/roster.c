/* Issuers, signers and files from the database; see ocsp/roster.h. */
#include "ocsp/roster.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

/* A new key is looked for in the token by the thread that also follows the
 * changes of status: a token that is away must not take its time. */
enum { TOKEN_RETRY_MS = 4000, SILENCE_MS = 30000, ISSUERS_MAX = 1024 };

/* Lists under construction. */
struct draft {
    struct ocsp_roster *roster;
    struct db *db;
    const struct ocsp_authorities *old;
    struct ocsp_authorities *list;
    size_t max;
    struct ocsp_published_maker maker;
};

void
ocsp_roster_init(struct ocsp_roster *roster, struct ocsp_responder *responder,
                 struct hsm *hsm)
{
    memset(roster, 0, sizeof *roster);
    roster->responder = responder;
    roster->hsm = hsm;
}

static struct der
der_of(struct db_bytes bytes)
{
    return (struct der){bytes.data, bytes.len};
}

static bool
add_issuer(const struct db_status_issuer *issuer, void *arg, struct error *err)
{
    struct draft *draft = arg;
    struct ocsp_authority *authority;

    if (draft->list->count == draft->max)
        return error_set(err, ERROR_INTERNAL, "more than %d issuers",
                         (int)ISSUERS_MAX);
    authority = &draft->list->at[draft->list->count];
    if (!ocsp_authority_init(authority, issuer->issuer_id,
                             der_of(issuer->subject), der_of(issuer->spki),
                             err))
        return error_wrap(err, "issuer %s", issuer->name);
    authority->is_delegated = issuer->has_ocsp_key;
    draft->list->count++;
    ocsp_published_add_certificate(&draft->maker, issuer->name,
                                   der_of(issuer->certificate),
                                   ROSTER_CERTIFICATE_MAX_AGE_S);
    return true;
}

static struct ocsp_authority *
authority_of(struct ocsp_authorities *list, int32_t issuer_id)
{
    size_t i;

    for (i = 0; i < list->count; i++)
        if (list->at[i].issuer_id == issuer_id)
            return &list->at[i];
    return NULL;
}

/* The signer that we have already, if it is this certificate. */
static bool
keep_signer(const struct draft *draft, struct ocsp_authority *authority,
            struct der certificate)
{
    const struct ocsp_authority *old;
    size_t i;

    for (i = 0; i < draft->old->count; i++) {
        old = &draft->old->at[i];
        if (old->issuer_id == authority->issuer_id && old->signer != NULL &&
            der_equal((struct der){old->signer->certificate,
                                   old->signer->certificate_len},
                      certificate)) {
            authority->signer = ocsp_signer_ref(old->signer);
            authority->revision = old->revision;
            return true;
        }
    }
    return false;
}

static void
note_failure(struct ocsp_roster *roster, const struct error *err)
{
    int64_t now = clock_monotonic_ms();

    if (err->code == ERROR_BUSY)
        roster->signers_ms = now + TOKEN_RETRY_MS;
    if (now < roster->silent_ms)
        return;
    roster->silent_ms = now + SILENCE_MS;
    log_event(LOG_LEVEL_ERROR, "ocsp.signer_refused",
              LOG_TEXT("what", err->what), LOG_TEXT("cause", err->cause));
}

/* Rows come newest first: the first that works is taken. */
static bool
add_signer(const struct db_status_signer *row, void *arg, struct error *err)
{
    struct draft *draft = arg;
    struct ocsp_roster *roster = draft->roster;
    struct ocsp_authority *authority =
        authority_of(draft->list, row->issuer_id);
    struct error failure = {0};

    (void)err;
    if (authority == NULL || authority->signer != NULL ||
        keep_signer(draft, authority, der_of(row->certificate)) ||
        clock_monotonic_ms() < roster->signers_ms)
        return true;
    if (!ocsp_signer_new(roster->hsm, der_of(row->key_id), der_of(row->spki),
                         row->scheme, der_of(row->certificate),
                         &authority->signer, &failure)) {
        note_failure(roster, &failure);
        return true; /* perhaps an older one can be used */
    }
    authority->revision = ++roster->revision;
    log_event(LOG_LEVEL_INFO, "ocsp.signer_taken",
              LOG_INT("issuer_id", row->issuer_id),
              LOG_INT("not_after", authority->signer->not_after));
    return true;
}

static bool
add_crl(const struct db_status_crl *row, void *arg, struct error *err)
{
    struct draft *draft = arg;
    const struct ocsp_published_crl crl = {row->issuer_name, row->number,
                                           row->this_update, row->next_update};
    int64_t max_age_s = draft->roster->responder->http_max_age_s;
    struct buf der = BUF_INIT(PUBLISHED_CRL_MAX);
    bool ok;

    if (draft->maker.list->count == draft->maker.list->max)
        return error_set(err, ERROR_INTERNAL, "more than %d CRLs",
                         (int)ISSUERS_MAX);
    if (ocsp_published_keep_crl(&draft->maker, &crl, max_age_s))
        return true;
    ok = db_status_crl_get(draft->db, row->issuer_id, row->number, &der, err);
    if (ok) {
        ocsp_published_add_crl(&draft->maker, &crl,
                               (struct der){der.data, der.len}, max_age_s);
        log_event(LOG_LEVEL_INFO, "ocsp.crl_taken",
                  LOG_TEXT("issuer", row->issuer_name),
                  LOG_INT("number", row->number));
    }
    buf_clear(&der);
    return ok;
}

/* New lists for the readers; the old ones go when nobody looks any more. */
static void
put_in_place(struct ocsp_responder *responder, struct draft *draft)
{
    struct ocsp_authorities *old_authorities =
        atomic_exchange(&responder->authorities, draft->list);
    struct ocsp_published *old_published =
        atomic_exchange(&responder->published, draft->maker.list);

    ocsp_grace_wait(responder->grace);
    ocsp_authorities_free(old_authorities);
    ocsp_published_free(old_published);
}

bool
ocsp_roster_refresh(struct ocsp_roster *roster, struct db *db, int64_t now,
                    struct error *err)
{
    struct ocsp_responder *responder = roster->responder;
    struct draft draft = {
        .roster = roster,
        .db = db,
        .old = atomic_load(&responder->authorities),
        .list = ocsp_authorities_new(ISSUERS_MAX),
        .max = ISSUERS_MAX,
        .maker = {ocsp_published_new(3 * ISSUERS_MAX),
                  atomic_load(&responder->published), now},
    };

    draft.list->count = 0;
    if (!db_status_issuers(db, add_issuer, &draft, err) ||
        !db_status_signers(db, add_signer, &draft, err) ||
        !db_status_crls(db, add_crl, &draft, err)) {
        ocsp_authorities_free(draft.list);
        ocsp_published_free(draft.maker.list);
        return false;
    }
    put_in_place(responder, &draft);
    return true;
}
