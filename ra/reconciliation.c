/* Daily reconciliation: ra/reconciliation.h. */
#include "ra/reconciliation.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "db/invoice.h"

enum {
    CHINA_S = 8 * 3600, /* ahead of UTC, all year */
    DAY_S = 86400,
    STATEMENT_AFTER_S = 2 * 3600, /* into the next day */
    DAYS_BACK = 7,
};

/* ---- Days ------------------------------------------------------------------
 */

bool
reconciliation_day_start(const char *day, int64_t *out, struct error *err)
{
    char text[CLOCK_TEXT_LEN + 1];

    (void)snprintf(text, sizeof text, "%.10sT00:00:00Z", day);
    if (strlen(day) != RECONCILIATION_DAY_LEN || !clock_parse(text, out))
        return error_set(err, ERROR_INPUT, "a day such as 2026-11-24");
    *out -= CHINA_S;
    return true;
}

void
reconciliation_day_of(int64_t at, char out[RECONCILIATION_DAY_LEN + 1])
{
    char text[CLOCK_TEXT_LEN + 1];

    clock_format(at + CHINA_S, text);
    memcpy(out, text, RECONCILIATION_DAY_LEN);
    out[RECONCILIATION_DAY_LEN] = '\0';
}

/* ---- Comparing -------------------------------------------------------------
 */

struct side {
    int64_t count, received, refunded;
};

struct comparing {
    struct provider_statement statement; /* sorted by event_id */
    bool *is_seen;                       /* for each of its lines */
    struct side theirs, ours;
    json_t *differences;
    bool is_cut;
};

static void
side_add(struct side *side, bool is_refund, int64_t amount)
{
    side->count++;
    if (is_refund)
        side->refunded += amount;
    else
        side->received += amount;
}

/* `number` NULL: we know no case; an amount of 0: that side has none. */
static void
differ(struct comparing *comparing, const char *kind, const char *event_id,
       const char *order, const char *number, int64_t theirs, int64_t ours)
{
    json_t *one;

    if (json_array_size(comparing->differences) >=
        RECONCILIATION_DIFFERENCES_MAX) {
        comparing->is_cut = true;
        return;
    }
    one = json_object();
    json_set_text(one, "kind", kind);
    json_set_text(one, "event_id", event_id);
    json_set_text(one, "order", order);
    if (number != NULL)
        json_set_text(one, "case", number);
    if (theirs != 0)
        json_set_int(one, "provider", theirs);
    if (ours != 0)
        json_set_int(one, "ours", ours);
    json_array_append_new(comparing->differences, one);
}

static int
by_event(const void *key, const void *line)
{
    return strcmp(key, ((const struct provider_line *)line)->event_id);
}

static bool
compare_ours(const struct db_result *row, void *arg, struct error *err)
{
    struct comparing *comparing = arg;
    const struct provider_line *line = NULL;
    struct db_money_event ours;
    const char *kind = NULL;
    bool is_refund;

    if (!db_money_event_read(row, 0, &ours, err))
        return false;
    is_refund = strcmp(ours.kind, "refunded") == 0;
    side_add(&comparing->ours, is_refund, ours.amount);
    if (comparing->statement.count > 0)
        line = bsearch(ours.event_id, comparing->statement.line,
                       comparing->statement.count,
                       sizeof *comparing->statement.line, by_event);
    if (line == NULL) {
        differ(comparing, "missing-there", ours.event_id, ours.order,
               ours.number, 0, ours.amount);
        return true;
    }
    comparing->is_seen[line - comparing->statement.line] = true;
    if (line->is_refund != is_refund)
        kind = "state";
    else if (strcmp(line->order, ours.order) != 0)
        kind = "order";
    else if (line->amount != ours.amount)
        kind = "amount";
    if (kind != NULL)
        differ(comparing, kind, ours.event_id, ours.order, ours.number,
               line->amount, ours.amount);
    return true;
}

static void
compare_theirs(struct comparing *comparing)
{
    for (size_t i = 0; i < comparing->statement.count; i++) {
        const struct provider_line *line = &comparing->statement.line[i];

        side_add(&comparing->theirs, line->is_refund, line->amount);
        if (!comparing->is_seen[i])
            differ(comparing, "missing-here", line->event_id, line->order, NULL,
                   line->amount, 0);
    }
}

static json_t *
side_json(const struct side *side)
{
    json_t *out = json_object();

    json_set_int(out, "count", side->count);
    json_set_int(out, "received", side->received);
    json_set_int(out, "refunded", side->refunded);
    return out;
}

static bool
report_store(struct db *db, const char *day, const struct comparing *comparing,
             int64_t now, bool *is_matched, struct error *err)
{
    struct buf text = BUF_INIT(RECONCILIATION_REPORT_MAX);
    json_t *report = json_object();
    bool ok;

    *is_matched = json_array_size(comparing->differences) == 0;
    json_set_text(report, "day", day);
    json_object_set_new(report, "provider", side_json(&comparing->theirs));
    json_object_set_new(report, "ours", side_json(&comparing->ours));
    json_object_set_new(report, "is_matched", json_boolean(*is_matched));
    json_object_set(report, "differences", comparing->differences);
    if (comparing->is_cut)
        json_object_set_new(report, "is_cut", json_true());
    ok = json_canonical(report, &text, err) &&
         db_reconciliation_put(db, day, &text, *is_matched, now, err);
    json_decref(report);
    buf_clear(&text);
    return ok;
}

bool
reconciliation_make(struct db *db, const char *day, const uint8_t *statement,
                    size_t len, int64_t now, bool *is_matched,
                    struct error *err)
{
    struct comparing comparing = {.differences = json_array()};
    int64_t start;
    bool ok =
        reconciliation_day_start(day, &start, err) &&
        provider_statement_parse(statement, len, &comparing.statement, err);

    comparing.is_seen = base_alloc(comparing.statement.count + 1);
    ok = ok && db_money_events(db, start, start + DAY_S, compare_ours,
                               &comparing, err);
    if (ok) {
        compare_theirs(&comparing);
        ok = report_store(db, day, &comparing, now, is_matched, err);
    }
    if (ok)
        log_event(*is_matched ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR,
                  "reconciliation.made", LOG_TEXT("day", day),
                  LOG_INT("differences",
                          (int64_t)json_array_size(comparing.differences)));
    provider_statement_clear(&comparing.statement);
    free(comparing.is_seen);
    json_decref(comparing.differences);
    return ok;
}

bool
reconciliation_run(const struct config *config, struct db *db, const char *day,
                   int64_t now, bool *is_matched, struct error *err)
{
    struct buf statement = BUF_INIT(PROVIDER_STATEMENT_MAX);
    struct payment_provider *provider = NULL;
    int64_t start;
    bool ok = false;

    if (!reconciliation_day_start(day, &start, err))
        return false;
    if (start + DAY_S > now)
        return error_set(err, ERROR_CONFLICT, "%s is not over yet", day);
    ok = payment_provider_new(config, &provider, err) &&
         payment_provider_statement(provider, day, now, &statement, err) &&
         reconciliation_make(db, day, statement.data, statement.len, now,
                             is_matched, err);
    payment_provider_free(provider);
    buf_clear(&statement);
    return ok;
}

bool
reconciliation_job(struct ra_job *job, int64_t now, struct error *err)
{
    struct error problem = {0};
    bool exists, is_matched;

    if (!payment_provider_is_set(job->config))
        return true;
    for (int back = DAYS_BACK; back >= 1; back--) {
        char day[RECONCILIATION_DAY_LEN + 1];

        reconciliation_day_of(now - STATEMENT_AFTER_S - back * DAY_S, day);
        if (!db_reconciliation_exists(job->db, day, &exists, err))
            return false;
        if (exists || reconciliation_run(job->config, job->db, day, now,
                                         &is_matched, &problem))
            continue;
        if (problem.code != ERROR_NOT_FOUND)
            log_failure("reconciliation.run", &problem);
        if (problem.code == ERROR_BUSY)
            break;
    }
    return true;
}
