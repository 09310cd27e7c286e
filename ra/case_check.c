/* What the core would say: ra/case_check.h. */
#include "ra/case_check.h"

#include <string.h>

#include "db/document.h"
#include "db/job.h"
#include "ra/finding.h"

enum { TURN_MAX = 50, WHY_MAX = 300, DETAIL_MAX = 2048 };

struct check_run {
    const struct db_case *seen; /* as it was when the core was asked */
    enum finding_level level;
    const char *why; /* of a warning */
    int64_t at;
};

/* Only about the order that was asked about. */
static bool
check_write(struct db *db, void *arg, struct error *err)
{
    const struct check_run *run = arg;
    struct buf text = BUF_INIT(DETAIL_MAX);
    struct db_finding finding = {.subject = "case",
                                 .code = "ca-check",
                                 .level = finding_level_name(run->level)};
    struct db_case row = {0};
    json_t *detail = json_object();
    bool ok = false;

    if (run->level == FINDING_WARNING)
        json_set_text(detail, "why", run->why);
    if (!json_canonical(detail, &text, err) ||
        !db_case_get(db, run->seen->number, true, &row, err))
        goto out;
    if (run->level == FINDING_WARNING)
        finding.detail = buf_text(&text);
    ok = row.order_id == NULL ||
         strcmp(row.order_id, run->seen->order_id) != 0 ||
         db_finding_add(db, row.number, row.revision, &finding, run->at, err);
out:
    db_case_clear(&row);
    json_decref(detail);
    buf_clear(&text);
    return ok;
}

/* *is_answered false: the core says nothing just now. */
static bool
check_one(struct ra_job *job, const struct db_case *row, int64_t now,
          bool *is_answered, struct error *err)
{
    struct check_run run = {.seen = row, .level = FINDING_OK, .at = now};
    struct error why = {0};
    char text[WHY_MAX];
    json_t *order = NULL;
    enum ca_outcome outcome;

    *is_answered = true;
    if (!json_parse_object(row->order_body, row->order_body_len, &order, err))
        return false;
    outcome = ca_client_check(job->ca, order, &why);
    json_decref(order);
    if (outcome == CA_PENDING) {
        *is_answered = false;
        return true;
    }
    if (outcome == CA_REFUSED) {
        (void)snprintf(text, sizeof text, "%.*s", WHY_MAX - 1, why.what);
        run.level = FINDING_WARNING;
        run.why = text;
    }
    return db_transaction(job->db, check_write, &run, err);
}

bool
case_check_job(struct ra_job *job, int64_t now, struct error *err)
{
    char number[TURN_MAX][DB_CASE_NUMBER_MAX + 1];
    size_t count = 0;
    bool is_answered = true;

    if (!db_case_unchecked(job->db, TURN_MAX, number, &count, err))
        return false;
    for (size_t i = 0; i < count && is_answered; i++) {
        struct db_case row = {0};
        bool ok;

        if (!db_case_get(job->db, number[i], false, &row, err))
            return false;
        ok = row.order_id == NULL ||
             check_one(job, &row, now, &is_answered, err);
        db_case_clear(&row);
        if (!ok)
            return false;
    }
    return true;
}
