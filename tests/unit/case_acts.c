/* Short cuts through cases: tests/unit/case_acts.h. */
#include "tests/unit/case_acts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ra/case_send.h"
#include "tests/unit/pg.h"
#include "tests/unit/ra_parts.h"

struct case_parts acts;

static struct buf csr = BUF_INIT(16384);

EVP_PKEY *
acts_begin(void)
{
    EVP_PKEY *key = parts_key("P-256");

    pg_start();
    case_parts_init(&acts);
    parts_csr(key, &csr);
    acts.csr = &csr;
    return key;
}

void
acts_end(void)
{
    case_parts_clear(&acts);
    buf_clear(&csr);
    pg_stop();
}

void
acts_assert_state(const char *number, const char *wanted)
{
    assert_string_equal(case_parts_state(number), wanted);
}

void
acts_create(enum case_business business, char number[DB_CASE_NUMBER_MAX + 1])
{
    struct error err;

    if (!case_parts_create(&acts, business, number, &err))
        fail_msg("create: %s (%s)", err.what, err.cause);
}

void
acts_act(const char *number, enum case_event event, enum case_actor who)
{
    struct error err;

    if (!case_parts_act(&acts, number, event, who, &err))
        fail_msg("%s: %s (%s)", case_event_name(event), err.what, err.cause);
}

void
acts_refused(const char *number, enum case_event event, enum case_actor who,
             enum error_code code)
{
    struct error err;

    assert_false(case_parts_act(&acts, number, event, who, &err));
    if (err.code != code)
        fail_msg("%s: %s (%s)", case_event_name(event), err.what, err.cause);
}

void
acts_decide(const char *number, const struct case_officer *officer,
            enum api_step step, enum api_verdict verdict)
{
    struct error err;

    if (!case_parts_decide(&acts, number, officer, step, verdict, &err))
        fail_msg("decision: %s (%s)", err.what, err.cause);
}

void
acts_decide_refused(const char *number, const struct case_officer *officer,
                    enum api_step step, enum api_verdict verdict,
                    enum error_code code)
{
    struct error err;

    assert_false(
        case_parts_decide(&acts, number, officer, step, verdict, &err));
    if (err.code != code)
        fail_msg("decision: %s (%s)", err.what, err.cause);
}

void
acts_send_orders(void)
{
    struct ra_job job = {.db = acts.db, .business = &acts.business};
    struct error err = {0};

    if (!case_send_job(&job, acts.now, &err))
        fail_msg("send: %s (%s)", err.what, err.cause);
}

bool
acts_activate(const char *number, struct error *err)
{
    struct case_act what = {.number = number,
                            .event = CASE_ACTIVATE,
                            .who = CASE_BY_HOLDER,
                            .actor = "holder",
                            .at = acts.now,
                            .known = {.code_is_right = true},
                            .change = case_parts_activate,
                            .arg = &acts};

    memset(err, 0, sizeof *err);
    return case_apply(&acts.business, acts.db, &what, NULL, err);
}

/* From a draft to the officers' door. */
void
acts_hand_in(const char *number)
{
    acts_act(number, CASE_SUBMIT, CASE_BY_APPLICANT);
    case_parts_documents(&acts, number);
    acts_act(number, CASE_HAND_IN, CASE_BY_APPLICANT);
    if (strcmp(case_parts_state(number), "awaiting-payment") == 0) {
        case_parts_pay(number);
        acts_act(number, CASE_PAY, CASE_BY_SYSTEM);
    }
}

void
acts_pass_both(const char *number)
{
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    case_parts_papers(number);
    acts_decide(number, &acts.clerk, API_STEP_ENTRY, API_APPROVE);
    acts_decide(number, &acts.second, API_STEP_SECOND_REVIEW, API_APPROVE);
}

const char *
acts_ask(const char *format, ...)
{
    char sql[1024];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(sql, sizeof sql, format, arguments);
    va_end(arguments);
    return pg_ask(sql);
}

/* Each link holds the hash of the one before; each step has its entry. */
void
acts_assert_chained(void)
{
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ra.case_history h"
               " LEFT JOIN ra.case_history p ON p.number = h.number"
               " AND p.seq = h.seq - 1"
               " WHERE sha256(h.body) <> h.hash"
               " OR convert_from(h.body, 'UTF8')::jsonb ->> 'previous' <>"
               " encode(coalesce(p.hash, decode(repeat('00', 32), 'hex')),"
               " 'hex')"),
        "0");
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ra.case_history h WHERE"
               " convert_from(body, 'UTF8')::jsonb ? 'from' AND NOT EXISTS ("
               " SELECT FROM log.entry e WHERE e.event = 'case.' || h.event"
               " AND e.subject = h.number AND"
               " convert_from(e.body, 'UTF8')::jsonb ->> 'history' ="
               " encode(h.hash, 'hex'))"),
        "0");
    assert_string_equal(pg_ask("SELECT count(*) FROM log.entry"
                               " WHERE sha256('\\x00'::bytea || body) <> hash"),
                        "0");
}

/* In a draft. */
void
acts_set(const char *number, enum case_business business, const char *name,
         const char *value)
{
    json_t *fields = case_parts_own_fields(&acts, business);
    int revision = atoi(acts_ask("SELECT revision FROM ra.case_file WHERE"
                                 " number = '%s'",
                                 number));
    struct error err = {0};

    json_set_text(fields, name, value);
    if (strcmp(name, "seal") == 0 && strcmp(value, "yes") == 0)
        json_set_text(fields, "seals",
                      "[{\"name\":\"杭州示例科技有限公司\",\"type\":"
                      "\"official\"}]");
    if (!case_edit(&acts.business, acts.db, "example", number, revision, fields,
                   acts.now, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    json_decref(fields);
}
