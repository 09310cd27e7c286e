/* Hold, release, revoke; see ca-core/revoke.h. RFC 5280, 5.3. */
#include "ca-core/revoke.h"

#include <stdlib.h>
#include <string.h>

#include "ca-core/status.h"
#include "db/officer.h"

enum { KEY_ATTEMPTS_MAX = 5 };

/* ---- Judging ----------------------------------------------------------- */

static struct status_request
request_of(const struct api_order *order, int64_t now)
{
    return (struct status_request){
        .action = order->kind == API_HOLD      ? STATUS_HOLD
                  : order->kind == API_RELEASE ? STATUS_RELEASE
                                               : STATUS_REVOKE,
        .reason = order->reason,
        .at = now,
        .invalid_from = order->invalidity_date,
    };
}

static bool
resolve_targets(const struct issuer_set *set, const struct api_order *order,
                struct db_certificate_ref *out, struct error *err)
{
    for (size_t i = 0; i < order->target_count; i++) {
        const struct issuer *issuer = issuer_find(set, order->target[i].issuer);

        if (issuer == NULL)
            return error_set(err, ERROR_NOT_FOUND, "no issuer %s",
                             order->target[i].issuer);
        out[i].issuer_id = issuer->row.issuer_id;
        memcpy(out[i].serial, order->target[i].serial, DB_SERIAL_LEN);
    }
    return true;
}

/* How many of the rows were named, and did not come along as another's half. */
static size_t
count_named(const struct db_certificate_status *rows, size_t found)
{
    size_t named = 0;

    for (size_t i = 0; i < found; i++)
        named += !rows[i].is_mate;
    return named;
}

/* Fewer rows than targets: says which one is not there. */
static bool
name_missing(const struct db_certificate_ref *refs, size_t count,
             const struct db_certificate_status *rows, size_t found,
             struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        char serial[2 * DB_SERIAL_LEN + 1];
        bool is_there = false;

        for (size_t j = 0; j < found && !is_there; j++)
            is_there =
                rows[j].issuer_id == refs[i].issuer_id &&
                memcmp(rows[j].serial, refs[i].serial, DB_SERIAL_LEN) == 0;
        text_hex(refs[i].serial, DB_SERIAL_LEN, serial);
        if (!is_there)
            return error_set(err, ERROR_NOT_FOUND, "no certificate %s", serial);
    }
    return error_set(err, ERROR_INTERNAL, "rows are missing");
}

/* The rows that an order is about, and the other halves of pairs; locked, if it
 * is to be carried out. */
static bool
read_rows(struct db *db, const struct issuer_set *set,
          const struct api_order *order, bool is_locking,
          struct db_certificate_status **out, size_t *found, struct error *err)
{
    struct db_certificate_ref *refs;
    bool ok;

    *out = NULL;
    *found = 0;
    if (order->has_key)
        return is_locking ? db_certificate_lock_key(db, order->spki_sha256, out,
                                                    found, err)
                          : db_certificate_key_statuses(db, order->spki_sha256,
                                                        out, found, err);
    refs = base_alloc(order->target_count * sizeof *refs);
    ok = resolve_targets(set, order, refs, err) &&
         (is_locking ? db_certificate_lock_pairs(db, refs, order->target_count,
                                                 out, found, err)
                     : db_certificate_pair_statuses(
                           db, refs, order->target_count, out, found, err));
    if (ok && count_named(*out, *found) != order->target_count)
        ok = name_missing(refs, order->target_count, *out, *found, err);
    free(refs);
    return ok;
}

/* One reviewer may hold, and what a root has signed is the house itself: a
 * hold there would take down every certificate below it. */
static bool
check_holdable(const struct issuer_set *set, const struct api_order *order,
               const struct db_certificate_status *row, struct error *err)
{
    const struct issuer *issuer = issuer_by_id(set, row->issuer_id);

    if (order->kind != API_HOLD || issuer == NULL || !issuer->row.is_root)
        return true;
    return error_set(err, ERROR_DENIED,
                     "a certificate of root %s is not held: revoke it",
                     issuer->row.name);
}

/* The rows as two columns; the caller frees both. */
static void
refs_of(const struct db_certificate_status *rows, size_t found,
        int64_t **issuers, struct db_bytes **serials)
{
    *issuers = base_alloc(found * sizeof **issuers);
    *serials = base_alloc(found * sizeof **serials);
    for (size_t i = 0; i < found; i++) {
        (*issuers)[i] = rows[i].issuer_id;
        (*serials)[i] = (struct db_bytes){rows[i].serial, DB_SERIAL_LEN};
    }
}

/* Who is held decides nothing: one reviewer could hold all the others, and
 * nobody were left to release them. Dismissing and revoking take two. */
static bool
check_no_officer(struct db *db, const struct api_order *order,
                 const struct db_certificate_status *rows, size_t found,
                 struct error *err)
{
    struct db_bytes *serials;
    int64_t *issuers, officers = 0;
    bool ok;

    if (order->kind != API_HOLD || found == 0)
        return true;
    refs_of(rows, found, &issuers, &serials);
    ok = db_credential_among(db, issuers, serials, found, &officers, err);
    free(serials);
    free(issuers);
    if (ok && officers > 0)
        ok = error_set(err, ERROR_DENIED,
                       "the certificate of an officer is not held: dismiss the "
                       "officer or revoke it");
    return ok;
}

/* What is held is the authority's to decide, by whose order it was: a holder
 * whose certificate was held meanwhile revokes nothing. */
static bool
check_holders(const struct api_envelope *envelope,
              const struct db_certificate_status *rows, size_t found,
              struct error *err)
{
    if (!decision_is_by_holder(envelope))
        return true;
    for (size_t i = 0; i < found; i++)
        if (rows[i].state == DB_CERTIFICATE_HELD)
            return error_set(err, ERROR_CONFLICT,
                             "a certificate is held: its holder does not "
                             "revoke it");
    return true;
}

/* A release by a rejection undoes the hold that was for the same order, and
 * nothing else: looked at again under the rows' locks. */
static bool
check_held_for(struct db *db, const struct api_order *order,
               const struct db_certificate_status *rows, size_t found,
               struct error *err)
{
    struct db_holding holding;
    struct db_bytes *serials;
    const struct api_order *over;
    int64_t *issuers;
    uint8_t digest[32];
    size_t count = 0;
    bool ok;

    if (order->kind != API_RELEASE || order->pending == NULL)
        return true;
    if (!api_order_signed(order, &over, digest, err))
        return false;
    refs_of(rows, found, &issuers, &serials);
    /* Another's half that is not held is not released either. */
    for (size_t i = 0; i < found; i++)
        if (!rows[i].is_mate || rows[i].state == DB_CERTIFICATE_HELD) {
            issuers[count] = issuers[i];
            serials[count++] = serials[i];
        }
    ok = db_order_holding(db, issuers, serials, count, &holding, err);
    free(serials);
    free(issuers);
    if (ok && (!holding.is_found ||
               memcmp(holding.pending_digest, digest, sizeof digest) != 0))
        ok = error_set(err, ERROR_DENIED,
                       "these certificates are not held for the pending order");
    free(holding.person);
    return ok;
}

/* Pure: what becomes of the rows. One that is in no state for it stands against
 * the order if it was named; by key, or as another's half, it stays as it is.
 */
static bool
judge_rows(const struct issuer_set *set, const struct api_order *order,
           int64_t now, const struct db_certificate_status *rows, size_t found,
           struct db_certificate_change *out, size_t *count, struct error *err)
{
    struct status_request request = request_of(order, now);

    *count = 0;
    for (size_t i = 0; i < found; i++) {
        struct error why = {0};

        if (!check_holdable(set, order, &rows[i], err))
            return false;
        if (status_apply(&rows[i], &request, &out[*count], &why)) {
            ++*count;
        } else if (!order->has_key && !rows[i].is_mate) {
            if (err != NULL)
                *err = why;
            return false;
        }
    }
    return true;
}

bool
revoke_check(struct db *db, const struct issuer_set *set,
             const struct api_order *order, int64_t now,
             struct db_certificate_change **out, size_t *count,
             struct error *err)
{
    struct db_certificate_status *rows = NULL;
    struct db_certificate_change *changes = NULL;
    size_t found = 0;
    bool ok = read_rows(db, set, order, false, &rows, &found, err) &&
              check_no_officer(db, order, rows, found, err) &&
              check_held_for(db, order, rows, found, err);

    if (ok) {
        changes = base_alloc((found + 1) * sizeof *changes);
        ok = judge_rows(set, order, now, rows, found, changes, count, err);
    }
    free(rows);
    if (ok)
        *out = changes;
    else
        free(changes);
    return ok;
}

/* ---- Doing ------------------------------------------------------------- */

struct run {
    const struct issuer_set *set;
    struct accept *accept;
    bool is_incomplete; /* a certificate with the key came up meanwhile */

    /* Of one attempt. */
    struct db_certificate_change *changes;
    size_t count;
    struct record *records; /* of the changes */
    const struct record **all;
};

static void
run_clear(struct run *run)
{
    for (size_t i = 0; run->records != NULL && i < run->count; i++)
        record_clear(&run->records[i]);
    free(run->records);
    free((void *)run->all);
    free(run->changes);
    run->records = NULL;
    run->all = NULL;
    run->changes = NULL;
    run->count = 0;
}

static bool
make_records(struct run *run, struct error *err)
{
    const struct api_order *order = run->accept->envelope->order;

    run->records = base_alloc((run->count + 1) * sizeof *run->records);
    run->all = base_alloc((run->count + 1) * sizeof *run->all);
    run->all[0] = &run->accept->record;
    for (size_t i = 0; i < run->count; i++) {
        const struct issuer *issuer =
            issuer_by_id(run->set, run->changes[i].issuer_id);

        if (issuer == NULL)
            return error_set(err, ERROR_BUSY, "an issuer was just added");
        if (!record_changed(&run->records[i], order->order_id, issuer->row.name,
                            &run->changes[i], run->accept->now, err))
            return false;
        run->all[i + 1] = &run->records[i];
    }
    return true;
}

/* Under the log's lock nobody else commits: a certificate with the key that
 * became valid after ours were locked is seen here, and one that is stored
 * later finds the key blocked (issue_batch.c). */
static bool
check_key_complete(struct db *db, struct run *run, struct error *err)
{
    const struct api_order *order = run->accept->envelope->order;
    struct db_certificate_status *rows = NULL;
    size_t found = 0, open = 0, ours = 0;

    if (!order->has_key)
        return true;
    if (!db_certificate_key_statuses(db, order->spki_sha256, &rows, &found,
                                     err))
        return false;
    for (size_t i = 0; i < found; i++)
        open += rows[i].state != DB_CERTIFICATE_REVOKED;
    for (size_t i = 0; i < run->count; i++)
        ours += run->changes[i].from != DB_CERTIFICATE_REVOKED;
    free(rows);
    run->is_incomplete = open != ours;
    return !run->is_incomplete ||
           error_set(err, ERROR_CONFLICT, "a certificate came up meanwhile");
}

/* The key of an order by key; and of each certificate, if it is compromised
 * (reliability.md, incident 21): both keys of a pair, for who had one device
 * open had both. */
static bool
block_keys(struct db *db, const struct run *run,
           const struct db_certificate_status *rows, size_t found,
           struct error *err)
{
    const struct api_order *order = run->accept->envelope->order;
    const char *why = api_reason_name(order->reason);

    if (order->has_key && !db_key_block(db, order->spki_sha256, why,
                                        order->order_id, run->accept->now, err))
        return false;
    if (order->kind != API_REVOKE || order->reason != API_REASON_KEY_COMPROMISE)
        return true;
    for (size_t i = 0; i < found; i++)
        if (!db_key_block(db, rows[i].spki_sha256, why, order->order_id,
                          run->accept->now, err))
            return false;
    return true;
}

static bool
change_rows(struct db *db, struct run *run, struct error *err)
{
    int64_t first;

    if (!record_append(db, run->all, run->count + 1, &first, err) ||
        !check_key_complete(db, run, err))
        return false;
    for (size_t i = 0; i < run->count; i++)
        run->changes[i].status_index = first + 1 + (int64_t)i;
    return run->count == 0 ||
           (db_certificate_change(db, run->changes, run->count, err) &&
            db_certificate_notify(db, err));
}

static bool
run_order(struct db *db, void *arg, struct error *err)
{
    struct run *run = arg;
    const struct api_order *order = run->accept->envelope->order;
    struct db_certificate_status *rows = NULL;
    size_t found = 0;
    bool ok;

    run->is_incomplete = false;
    ok = accept_insert(db, run->accept, err) &&
         read_rows(db, run->set, order, true, &rows, &found, err) &&
         check_no_officer(db, order, rows, found, err) &&
         check_held_for(db, order, rows, found, err) &&
         check_holders(run->accept->envelope, rows, found, err);
    if (ok) {
        run->changes = base_alloc((found + 1) * sizeof *run->changes);
        ok = judge_rows(run->set, order, run->accept->now, rows, found,
                        run->changes, &run->count, err) &&
             make_records(run, err) && block_keys(db, run, rows, found, err) &&
             change_rows(db, run, err);
    }
    free(rows);
    run_clear(run);
    return ok;
}

bool
revoke_run(struct db *db, const struct issuer_set *set, struct accept *accept,
           struct error *err)
{
    struct run run = {.set = set, .accept = accept};

    for (int attempts = 1;; attempts++) {
        if (db_transaction(db, run_order, &run, err))
            return true;
        if (!run.is_incomplete)
            return false;
        if (attempts == KEY_ATTEMPTS_MAX)
            return error_set(err, ERROR_BUSY,
                             "certificates with this key keep coming up");
    }
}
