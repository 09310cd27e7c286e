/* Cases that open the recovery token; see db/kmc_case.h. */
#include "db/kmc_case.h"

#include <stdlib.h>
#include <string.h>

#include "db/sql_kmc.h"

void
db_kmc_case_clear(struct db_kmc_case *c)
{
    free(c->body);
    free(c->outcome);
    free(c->answer);
    *c = (struct db_kmc_case){0};
}

void
db_kmc_cases_free(struct db_kmc_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        db_kmc_case_clear(&cases[i]);
    free(cases);
}

bool
db_kmc_case_insert(struct db *db, const struct db_kmc_case *c,
                   struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, c->id);
    db_bind_text(&p, c->kind);
    db_bind_text(&p, c->requester);
    db_bind_text(&p, c->opened_by);
    db_bind_bytes(&p, c->body, c->body_len);
    db_bind_bytes(&p, c->digest, sizeof c->digest);
    db_bind_time(&p, c->opened_at);
    db_bind_time(&p, c->expires_at);
    return db_exec(db, DB_KMC_CASE_INSERT, &p, &changed, err) ||
           error_wrap(err, "open case %s", c->id);
}

static bool
read_case(const struct db_result *r, size_t row, struct db_kmc_case *out,
          struct error *err)
{
    *out = (struct db_kmc_case){0};
    return db_read_word(r, row, 0, out->id, sizeof out->id, err) &&
           db_read_word(r, row, 1, out->kind, sizeof out->kind, err) &&
           db_read_word(r, row, 2, out->state, sizeof out->state, err) &&
           db_read_word(r, row, 3, out->requester, sizeof out->requester,
                        err) &&
           db_read_word(r, row, 4, out->opened_by, sizeof out->opened_by,
                        err) &&
           db_read_bytes_copy(r, row, 5, &out->body, &out->body_len, err) &&
           db_read_octets(r, row, 6, out->digest, sizeof out->digest, err) &&
           db_read_time(r, row, 7, &out->opened_at, err) &&
           db_read_time(r, row, 8, &out->expires_at, err) &&
           db_read_time_null(r, row, 9, &out->closed_at, err) &&
           db_read_text_copy(r, row, 10, &out->outcome, err) &&
           db_read_bytes_copy(r, row, 11, &out->answer, &out->answer_len, err);
}

static bool
get_case(struct db *db, size_t statement, const char *id,
         struct db_kmc_case *out, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    *out = (struct db_kmc_case){0};
    db_bind_text(&p, id);
    if (!db_query(db, statement, &p, &r, err))
        return error_wrap(err, "case %s", id);
    ok = db_rows(r) == 1
             ? read_case(r, 0, out, err)
             : error_set(err, ERROR_NOT_FOUND, "no recovery case %s", id);
    db_result_free(r);
    return ok;
}

bool
db_kmc_case_get(struct db *db, const char *id, struct db_kmc_case *out,
                struct error *err)
{
    return get_case(db, DB_KMC_CASE_GET, id, out, err);
}

bool
db_kmc_case_lock(struct db *db, const char *id, struct db_kmc_case *out,
                 struct error *err)
{
    return get_case(db, DB_KMC_CASE_LOCK, id, out, err);
}

static bool
list_cases(struct db *db, size_t statement, struct db_params *p,
           struct db_kmc_case **out, size_t *count, struct error *err)
{
    struct db_result *r = NULL;
    struct db_kmc_case *cases;
    size_t rows, i;
    bool ok = true;

    if (!db_query(db, statement, p, &r, err))
        return error_wrap(err, "list recovery cases");
    rows = db_rows(r);
    cases = base_alloc((rows + 1) * sizeof *cases);
    for (i = 0; ok && i < rows; i++)
        ok = read_case(r, i, &cases[i], err);
    db_result_free(r);
    if (!ok) {
        db_kmc_cases_free(cases, rows);
        return false;
    }
    *out = cases;
    *count = rows;
    return true;
}

bool
db_kmc_case_list(struct db *db, int64_t max, struct db_kmc_case **out,
                 size_t *count, struct error *err)
{
    struct db_params p = {0};

    db_bind_int64(&p, max);
    return list_cases(db, DB_KMC_CASE_LIST, &p, out, count, err);
}

bool
db_kmc_case_overdue(struct db *db, int64_t now, struct db_kmc_case **out,
                    size_t *count, struct error *err)
{
    struct db_params p = {0};

    db_bind_time(&p, now);
    return list_cases(db, DB_KMC_CASE_OVERDUE, &p, out, count, err);
}

bool
db_kmc_case_move(struct db *db, const char *id, const char *from,
                 const char *to, int64_t closed_at, const char *outcome,
                 const uint8_t *answer, size_t answer_len, struct error *err)
{
    struct db_params p = {0};
    int64_t changed = 0;

    db_bind_text(&p, id);
    db_bind_text(&p, from);
    db_bind_text(&p, to);
    db_bind_time_or_null(&p, closed_at);
    db_bind_text(&p, outcome);
    if (answer != NULL)
        db_bind_bytes(&p, answer, answer_len);
    else
        db_bind_null(&p);
    if (!db_exec(db, DB_KMC_CASE_MOVE, &p, &changed, err))
        return error_wrap(err, "move case %s", id);
    return changed == 1 || error_set(err, ERROR_CONFLICT,
                                     "case %s is not %s any more", id, from);
}

bool
db_kmc_case_received(struct db *db, const char *id, bool *changed,
                     struct error *err)
{
    struct db_params p = {0};
    int64_t count = 0;

    db_bind_text(&p, id);
    if (!db_exec(db, DB_KMC_CASE_RECEIVED, &p, &count, err))
        return error_wrap(err, "case %s", id);
    *changed = count == 1;
    return true;
}

bool
db_kmc_case_counts(struct db *db, db_kmc_case_count *each, void *arg,
                   struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok = true;

    if (!db_query(db, DB_KMC_CASE_COUNTS, &p, &r, err))
        return error_wrap(err, "count the recovery cases");
    for (size_t i = 0; ok && i < db_rows(r); i++) {
        const char *kind, *state;
        int64_t count;

        ok = db_read_text(r, i, 0, &kind, err) &&
             db_read_text(r, i, 1, &state, err) &&
             db_read_int64(r, i, 2, &count, err);
        if (ok)
            each(kind, state, count, arg);
    }
    db_result_free(r);
    return ok;
}

bool
db_kmc_approval_insert(struct db *db, const char *id,
                       const struct db_kmc_approval *approval, bool *is_new,
                       struct error *err)
{
    struct db_params p = {0};
    int64_t changed = 0;

    db_bind_text(&p, id);
    db_bind_text(&p, approval->party);
    db_bind_text(&p, approval->step);
    db_bind_text(&p, approval->verdict);
    db_bind_bytes(&p, approval->statement, approval->statement_len);
    db_bind_bytes(&p, approval->signature, approval->signature_len);
    db_bind_time(&p, approval->decided_at);
    if (!db_exec(db, DB_KMC_APPROVAL_INSERT, &p, &changed, err))
        return error_wrap(err, "decision on case %s", id);
    *is_new = changed == 1;
    return true;
}

bool
db_kmc_approval_list(struct db *db, const char *id,
                     struct db_kmc_approval **out, size_t *count,
                     struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    struct db_kmc_approval *rows;
    bool ok = true;

    db_bind_text(&p, id);
    if (!db_query(db, DB_KMC_APPROVAL_LIST, &p, &r, err))
        return error_wrap(err, "decisions on case %s", id);
    *count = db_rows(r);
    rows = base_alloc((*count + 1) * sizeof *rows);
    for (size_t i = 0; ok && i < *count; i++) {
        struct db_kmc_approval *a = &rows[i];

        ok = db_read_word(r, i, 0, a->party, sizeof a->party, err) &&
             db_read_word(r, i, 1, a->step, sizeof a->step, err) &&
             db_read_word(r, i, 2, a->verdict, sizeof a->verdict, err) &&
             db_read_bytes_copy(r, i, 3, &a->statement, &a->statement_len,
                                err) &&
             db_read_bytes_copy(r, i, 4, &a->signature, &a->signature_len,
                                err) &&
             db_read_time(r, i, 5, &a->decided_at, err);
    }
    db_result_free(r);
    if (ok)
        *out = rows;
    else
        db_kmc_approvals_free(rows, *count);
    return ok;
}

void
db_kmc_approvals_free(struct db_kmc_approval *approvals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(approvals[i].statement);
        free(approvals[i].signature);
    }
    free(approvals);
}
