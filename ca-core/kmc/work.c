/* What approved cases are for; see ca-core/kmc/work.h. */
#include "ca-core/kmc/work.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "ca-core/entry.h"
#include "ca-core/kmc/case.h"
#include "ca-core/kmc/decide.h"

enum {
    PAGE = 100, /* keys in one transaction */
    CKA_ID_LEN = 16,
    ANSWER_MAX = 1024 * 1024,
    BAD_TOLD_MAX = 100, /* of the keys found wrong, so many are in the entry */
    BAD_NAMED_MAX = 8,  /* and so many in the outcome that people read */
    OUTCOME_MAX = 512,
};

struct work {
    struct kmc_service *service;
    struct db *db;
    const atomic_bool *is_stopping;
    const struct db_kmc_case *c;
    struct kmc_request request;
    struct recovery *recovery;
    struct buf answer;
    char outcome[OUTCOME_MAX];
    json_t *members; /* of the entry at its end */
};

static struct hsm_recovery_blob
blob_of(const struct db_kmc_key *key)
{
    return (struct hsm_recovery_blob){
        key->cka_id,  key->cka_id_len,  key->content_key, key->content_key_len,
        key->wrapped, key->wrapped_len, key->spki,        key->spki_len};
}

/* ---- Recovery --------------------------------------------------------------
 */

static bool
recover_one(struct work *work, const char *id, json_t *out, struct error *err)
{
    struct buf answer = BUF_INIT(KMC_CASE_BODY_MAX);
    const struct kmc_request *request = &work->request;
    struct db_kmc_key key;
    struct hsm_recovery_blob blob;
    bool is_cms = request->delivery == KMC_TO_CMS;
    bool ok = false;

    if (!db_kmc_key_get(work->db, id, &key, err) ||
        !mark_key_check(&work->service->mark, &key, err))
        goto out;
    if (strcmp(key.holder, request->holder) != 0) {
        (void)error_set(err, ERROR_DENIED, "key %s is of another holder", id);
        goto out;
    }
    blob = blob_of(&key);
    /* First whether it is the key that the record promises. */
    ok = recovery_prove(work->recovery, &blob, err) &&
         (is_cms ? recovery_envelop(work->recovery, &blob, request->target,
                                    request->target_len, &answer, err)
                 : recovery_rewrap(work->recovery, &blob, request->target,
                                   request->target_len, &answer, err));
    json_set_text(out, "id", key.id);
    json_set_text(out, "key_type", key.key_type);
    json_set_bytes(out, "spki", key.spki, key.spki_len);
    if (!is_cms)
        json_set_bytes(out, "wrapped", key.wrapped, key.wrapped_len);
    json_set_bytes(out, is_cms ? "cms" : "content_key", answer.data,
                   answer.len);
out:
    buf_clear(&answer);
    return ok;
}

static bool
do_recovery(struct work *work, struct error *err)
{
    json_t *answer = json_object(), *keys = json_array();
    json_t *named = json_array();
    bool ok = true;

    for (size_t i = 0; ok && i < work->request.key_count; i++) {
        json_t *item = json_object();

        ok = recover_one(work, work->request.keys[i], item, err);
        json_array_append_new(keys, item);
        json_array_append_new(named, json_string(work->request.keys[i]));
    }
    json_object_set_new(answer, "keys", keys);
    ok = ok && json_canonical(answer, &work->answer, err);
    json_decref(answer);
    json_object_set_new(work->members, "keys", named);
    json_set_text(work->members, "holder", work->request.holder);
    json_set_text(work->members, "document", work->request.document);
    /* The one way that has a key in clear outside a token is told apart. */
    json_set_text(work->members, "delivery",
                  work->request.delivery == KMC_TO_CMS ? "cms" : "token");
    json_object_set_new(work->members, "was_in_clear",
                        json_boolean(work->request.delivery == KMC_TO_CMS));
    (void)snprintf(work->outcome, sizeof work->outcome, "%zu keys recovered",
                   work->request.key_count);
    return ok;
}

/* ---- All keys --------------------------------------------------------------
 */

struct tally {
    int64_t good, bad;
    json_t *told; /* of bad ones */
};

static void
tell_bad(struct tally *tally, const struct db_kmc_key *key,
         const struct error *why)
{
    struct error named = *why;

    (void)error_wrap(&named, "key %s", key->id);
    log_failure("kmc.key-wrong", &named);
    tally->bad++;
    if (json_array_size(tally->told) < BAD_TOLD_MAX)
        json_array_append_new(tally->told, json_string(key->id));
}

/* Whether the failure is of this one key, not of the token or the database. */
static bool
is_of_key(const struct error *err)
{
    return err->code == ERROR_INPUT || err->code == ERROR_DENIED ||
           err->code == ERROR_NOT_FOUND;
}

static void
report(struct work *work, struct tally *tally, const char *what)
{
    int len = snprintf(work->outcome, sizeof work->outcome,
                       "%lld keys %s, %lld wrong", (long long)tally->good, what,
                       (long long)tally->bad);

    for (size_t i = 0; i < BAD_NAMED_MAX && i < json_array_size(tally->told);
         i++)
        len += snprintf(work->outcome + len, sizeof work->outcome - (size_t)len,
                        "%s%s", i == 0 ? ": " : ", ",
                        json_string_value(json_array_get(tally->told, i)));
    if (tally->bad > BAD_NAMED_MAX)
        (void)snprintf(work->outcome + len, sizeof work->outcome - (size_t)len,
                       ", ...");
    json_set_int(work->members, "good", tally->good);
    json_set_int(work->members, "wrong", tally->bad);
    json_object_set_new(work->members, "wrong_keys", tally->told);
}

static bool
go_on(const struct work *work, struct error *err)
{
    return !atomic_load(work->is_stopping) ||
           error_set(err, ERROR_BUSY, "the service stops");
}

static bool
prove_page(struct work *work, const struct db_kmc_key *keys, size_t count,
           struct tally *tally, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct hsm_recovery_blob blob = blob_of(&keys[i]);
        struct error why = {0};

        if (!go_on(work, err))
            return false;
        if (mark_key_check(&work->service->mark, &keys[i], &why) &&
            recovery_prove(work->recovery, &blob, &why)) {
            tally->good++;
        } else if (is_of_key(&why)) {
            tell_bad(tally, &keys[i], &why);
        } else {
            *err = why;
            return false;
        }
    }
    return true;
}

static bool
do_verification(struct work *work, struct error *err)
{
    char after[TEXT_UUID_LEN + 1] = "";
    struct tally tally = {.told = json_array()};
    size_t count = PAGE;
    bool ok = true;

    while (ok && count == PAGE) {
        struct db_kmc_key *keys = NULL;

        ok = db_kmc_key_page(work->db, 0, after, PAGE, &keys, &count, err) &&
             prove_page(work, keys, count, &tally, err);
        if (ok && count > 0)
            memcpy(after, keys[count - 1].id, sizeof after);
        free(keys);
    }
    report(work, &tally, "proved to open");
    return ok;
}

/* ---- Rotation --------------------------------------------------------------
 */

struct renewal {
    const struct db_kmc_recovery_key *old;
    const struct db_kmc_recovery_key *fresh;
};

/* db_run */
static bool
renew(struct db *db, void *arg, struct error *err)
{
    const struct renewal *renewal = arg;
    json_t *members = json_object();
    char id[2 * DB_KMC_CKA_ID_MAX + 1];
    bool moved = false, ok;
    int64_t index;

    text_hex(renewal->fresh->cka_id, renewal->fresh->cka_id_len, id);
    json_set_bytes(members, "spki", renewal->fresh->spki,
                   renewal->fresh->spki_len);
    ok = db_kmc_recovery_key_state(db, renewal->old->id, "active", "retiring",
                                   &moved, err) &&
         (moved || error_set(err, ERROR_CONFLICT,
                             "another recovery key is active by now")) &&
         db_kmc_recovery_key_insert(db, renewal->fresh, err) &&
         entry_append(db, renewal->fresh->made_at, "kmc.recovery-key-made", id,
                      members, &index, err);
    json_decref(members);
    return ok;
}

static bool
make_fresh(struct work *work, const struct db_kmc_recovery_key *old,
           struct error *err)
{
    struct db_kmc_recovery_key fresh = {.cka_id_len = CKA_ID_LEN,
                                        .made_at = clock_now()};
    struct buf spki = BUF_INIT(sizeof fresh.spki);
    struct renewal renewal = {old, &fresh};
    bool ok = false;

    if (RAND_bytes(fresh.cka_id, CKA_ID_LEN) != 1)
        return error_openssl(err, ERROR_INTERNAL, "no random octets");
    if (recovery_make_key(work->recovery, fresh.cka_id, CKA_ID_LEN, &spki,
                          err)) {
        memcpy(fresh.spki, spki.data, spki.len);
        fresh.spki_len = spki.len;
        ok = mark_recovery_key_set(&work->service->mark, &fresh, err) &&
             db_transaction(work->db, renew, &renewal, err) &&
             kmc_service_aim(work->service, work->db, err);
    }
    buf_clear(&spki);
    return ok;
}

struct batch {
    const struct db_kmc_key *keys;
    size_t count;
    int32_t from;
};

/* db_run */
static bool
store(struct db *db, void *arg, struct error *err)
{
    const struct batch *batch = arg;

    for (size_t i = 0; i < batch->count; i++)
        if (!db_kmc_key_rewrapped(db, &batch->keys[i], batch->from, err))
            return false;
    return true;
}

/* The content key for the active recovery key, and a new mark. */
static bool
rewrap(struct work *work, const struct db_kmc_recovery_key *to,
       struct db_kmc_key *key, struct error *err)
{
    struct hsm_recovery_blob blob = blob_of(key);
    struct buf content_key = BUF_INIT(sizeof key->content_key);
    bool ok = mark_key_check(&work->service->mark, key, err) &&
              recovery_rewrap(work->recovery, &blob, to->spki, to->spki_len,
                              &content_key, err);

    if (ok) {
        memcpy(key->content_key, content_key.data, content_key.len);
        key->content_key_len = content_key.len;
        memcpy(key->cka_id, to->cka_id, to->cka_id_len);
        key->cka_id_len = to->cka_id_len;
        key->recovery_key = to->id;
        ok = mark_key_set(&work->service->mark, key, err);
    }
    buf_clear(&content_key);
    return ok;
}

/* The keys of a page that are right move to the front and are stored. */
static bool
rotate_page(struct work *work, const struct db_kmc_recovery_key *to,
            int32_t from, struct db_kmc_key *keys, size_t count,
            struct tally *tally, struct error *err)
{
    struct batch batch = {keys, 0, from};

    for (size_t i = 0; i < count; i++) {
        struct error why = {0};

        if (!go_on(work, err))
            return false;
        if (rewrap(work, to, &keys[i], &why)) {
            if (batch.count != i)
                keys[batch.count] = keys[i];
            batch.count++;
        } else if (is_of_key(&why)) {
            tell_bad(tally, &keys[i], &why);
        } else {
            *err = why;
            return false;
        }
    }
    if (batch.count > 0 && !db_transaction(work->db, store, &batch, err))
        return false;
    tally->good += (int64_t)batch.count;
    return true;
}

static bool
rotate_from(struct work *work, const struct db_kmc_recovery_key *from,
            const struct db_kmc_recovery_key *to, struct tally *tally,
            struct error *err)
{
    char after[TEXT_UUID_LEN + 1] = "";
    size_t count = PAGE;
    bool moved = false, ok = true;

    while (ok && count == PAGE) {
        struct db_kmc_key *keys = NULL;

        ok = db_kmc_key_page(work->db, from->id, after, PAGE, &keys, &count,
                             err);
        if (ok && count > 0)
            memcpy(after, keys[count - 1].id, sizeof after);
        ok = ok && rotate_page(work, to, from->id, keys, count, tally, err);
        free(keys);
    }
    /* It stays 'retiring', and can be used, while a key that is wrong lies
     * under it: that may yet be repaired. */
    return ok && db_kmc_recovery_key_state(work->db, from->id, "retiring",
                                           "retired", &moved, err);
}

static const struct db_kmc_recovery_key *
find_state(const struct db_kmc_recovery_key *keys, size_t count,
           const char *state)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i].state, state) == 0)
            return &keys[i];
    return NULL;
}

/* Whatever can be moved, from all that are retiring. */
static bool
rotate_all(struct work *work, struct tally *tally, struct error *err)
{
    struct db_kmc_recovery_key *keys = NULL;
    const struct db_kmc_recovery_key *active;
    size_t count = 0;
    bool ok;

    if (!db_kmc_recovery_key_list(work->db, &keys, &count, err))
        return false;
    active = find_state(keys, count, "active");
    ok = active != NULL
             ? mark_recovery_key_check(&work->service->mark, active, err)
             : error_set(err, ERROR_NOT_FOUND, "there is no recovery key");
    for (size_t i = 0; ok && i < count; i++)
        if (strcmp(keys[i].state, "retiring") == 0)
            ok = rotate_from(work, &keys[i], active, tally, err);
    free(keys);
    return ok;
}

static bool
renew_active(struct work *work, struct error *err)
{
    struct db_kmc_recovery_key *keys = NULL;
    const struct db_kmc_recovery_key *active;
    size_t count = 0;
    bool ok;

    if (!db_kmc_recovery_key_list(work->db, &keys, &count, err))
        return false;
    active = find_state(keys, count, "active");
    ok = active != NULL
             ? make_fresh(work, active, err)
             : error_set(err, ERROR_NOT_FOUND, "there is no recovery key");
    free(keys);
    return ok;
}

/*
 * First what an earlier rotation left behind: where that moves any key, it was
 * broken off, and is finished now. Where it moves none, all that lies under the
 * retiring keys is wrong, which keeps no new recovery key from being made: one
 * damaged row must not end rotation for ever.
 */
static bool
do_rotation(struct work *work, struct error *err)
{
    struct tally tally = {.told = json_array()};
    bool is_fresh, ok;

    ok = rotate_all(work, &tally, err);
    is_fresh = ok && tally.good == 0;
    if (is_fresh) {
        json_array_clear(tally.told); /* they are met again */
        tally.bad = 0;
        ok = renew_active(work, err) && rotate_all(work, &tally, err);
    }
    report(work, &tally,
           is_fresh ? "under a new recovery key"
                    : "more under the recovery key of the rotation before");
    return ok;
}

/* ---- One case --------------------------------------------------------------
 */

static bool
do_case(struct work *work, struct error *err)
{
    switch (work->request.kind) {
    case KMC_ROTATION:
        return do_rotation(work, err);
    case KMC_VERIFICATION:
        return do_verification(work, err);
    default:
        return do_recovery(work, err);
    }
}

/* Nothing but what the case says may be done: the digest is what was signed. */
static bool
read_request(struct work *work, struct error *err)
{
    uint8_t digest[32];

    if (!hash_sha256(work->c->body, work->c->body_len, digest, err) ||
        !kmc_body_parse(work->c->body, work->c->body_len, &work->request, err))
        return false;
    return memcmp(digest, work->c->digest, sizeof digest) == 0 ||
           error_set(err, ERROR_DENIED, "the case is not what was approved");
}

/* Each row of the approvals again, before krec is opened: the database alone
 * approves nothing. */
static bool
is_still_approved(struct work *work, struct error *err)
{
    struct db_kmc_approval *approvals = NULL;
    struct db_kmc_party *parties = NULL;
    size_t count = 0, party_count = 0;
    int32_t needed = 0;
    bool ok =
        kmc_service_needed(work->service, work->db, &needed, err) &&
        db_kmc_party_list(work->db, &parties, &party_count, err) &&
        db_kmc_approval_list(work->db, work->c->id, &approvals, &count, err);

    for (size_t i = 0; ok && i < count; i++) {
        struct buf statement = BUF_INIT(KMC_STATEMENT_MAX);
        const struct db_kmc_party *party = NULL;

        for (size_t j = 0; j < party_count; j++)
            if (strcmp(parties[j].name, approvals[i].party) == 0)
                party = &parties[j];
        ok = (party != NULL && strcmp(party->role, approvals[i].step) == 0 &&
              strcmp(party->name, work->c->requester) != 0) ||
             error_set(err, ERROR_DENIED, "a decision of nobody who may");
        ok = ok && mark_party_check(&work->service->mark, party, err) &&
             kmc_statement_encode(work->c->id, work->c->digest, party->name,
                                  approvals[i].step, approvals[i].verdict,
                                  approvals[i].decided_at, &statement, err) &&
             kmc_statement_verify(
                 &statement, party->certificate, party->certificate_len,
                 approvals[i].signature, approvals[i].signature_len, err);
        buf_clear(&statement);
    }
    if (ok && !kmc_is_approved(work->request.kind, approvals, count, needed))
        ok = error_set(err, ERROR_DENIED, "the case is not approved");
    if (approvals != NULL)
        db_kmc_approvals_free(approvals, count);
    free(parties);
    return ok;
}

static bool
run_case(struct kmc_service *service, struct db *db,
         const atomic_bool *is_stopping, const struct db_kmc_case *c,
         struct error *err)
{
    struct share shares[SHAMIR_PLACES_MAX];
    struct work work = {.service = service,
                        .db = db,
                        .is_stopping = is_stopping,
                        .c = c,
                        .answer = BUF_INIT(ANSWER_MAX)};
    struct error why = {0};
    unsigned count = holding_take(service->holding, c->id, shares);
    bool ok;

    work.members = json_object();
    ok = read_request(&work, &why) && is_still_approved(&work, &why) &&
         recovery_open(&service->recovery, shares, count, &work.recovery, &why);
    OPENSSL_cleanse(shares, sizeof shares);
    ok = ok && do_case(&work, &why);
    recovery_close(work.recovery);
    log_event(LOG_LEVEL_INFO, "kmc.case-run", LOG_TEXT("case", c->id),
              LOG_TEXT("kind", c->kind),
              LOG_TEXT("outcome", ok ? work.outcome : why.what));
    ok =
        ok ? decide_end(service, db, c, "approved", "done", "kmc.case-done",
                        work.outcome, work.answer.len > 0 ? &work.answer : NULL,
                        work.members, clock_now(), err)
           : decide_end(service, db, c, "approved", "aborted",
                        "kmc.case-aborted", why.what, NULL, NULL, clock_now(),
                        err);
    buf_cleanse(&work.answer);
    json_decref(work.members);
    return ok;
}

bool
work_run(struct kmc_service *service, struct db *db,
         const atomic_bool *is_stopping, struct error *err)
{
    char ids[HOLDING_CASES_MAX][TEXT_UUID_LEN + 1];
    size_t count = holding_cases(service->holding, ids);
    int32_t needed = 0;
    bool ok = true;

    if (count > 0 && !kmc_service_needed(service, db, &needed, err))
        return false;
    for (size_t i = 0; ok && i < count && !atomic_load(is_stopping); i++) {
        struct db_kmc_case c;

        ok = db_kmc_case_get(db, ids[i], &c, err);
        if (ok && c.closed_at != 0)
            holding_drop(service->holding, ids[i]);
        else if (ok && strcmp(c.state, "approved") == 0 &&
                 holding_count(service->holding, ids[i]) >= (unsigned)needed)
            ok = run_case(service, db, is_stopping, &c, err);
        db_kmc_case_clear(&c);
    }
    return ok;
}
