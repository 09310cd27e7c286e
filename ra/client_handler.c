/* The handler of record of a renewal (domain.md, 1.8 #13): ra/client.h. */
#include "ra/client_internal.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ra/case_field.h"
#include "ra/notice.h"

struct handler_run {
    const struct business *business;
    const char *account;
    const char *number;
    int64_t at;
};

/* An open renewal of this account whose certificate has a handler of record.
 * `record` gets the case of that handler. */
static bool
handler_check(struct db *db, const struct handler_run *run,
              const struct db_case *row, char record[DB_CASE_NUMBER_MAX + 1],
              struct error *err)
{
    struct db_case_facts facts;
    enum case_state state;

    if (strcmp(row->account, run->account) != 0)
        return error_set(err, ERROR_NOT_FOUND, "there is no such case");
    if (strcmp(row->business, "renew") != 0 ||
        !case_state_find(row->state, &state) || case_state_is_final(state) ||
        state == CASE_DRAFT || state == CASE_ISSUED)
        /* Not before the handler's fields are locked, nor after the new
         * certificates have got their handler of record. */
        return error_set(err, ERROR_CONFLICT,
                         "the handler is confirmed after the renewal was "
                         "submitted and before its certificates are there");
    if (!db_case_facts(db, run->number, run->at, &facts, err))
        return false;
    if (facts.handler_case[0] == '\0')
        return error_set(err, ERROR_CONFLICT,
                         "the certificate has no handler of record");
    if (facts.handler_is_of_record || facts.is_handler_confirmed)
        return error_set(err, ERROR_CONFLICT,
                         "this handler needs no confirmation");
    memcpy(record, facts.handler_case, sizeof facts.handler_case);
    return true;
}

/* To the old number and nowhere else: the new one is what is to be proved. */
static bool
handler_tell(struct db *db, const struct handler_run *run,
             const struct db_case *row, const char *mobile, const char *code,
             struct error *err)
{
    bool is_english = strcmp(row->language, "en") == 0;
    struct buf text = BUF_INIT(NOTICE_TEXT_MAX);
    char dedupe[96];
    struct notice notice = {.number = run->number,
                            .event = "case.handler-code",
                            .channel = "sms",
                            .language = is_english ? "en" : "zh",
                            .dedupe = dedupe,
                            .to = mobile};
    bool ok;

    if (is_english)
        (void)buf_addf(&text,
                       "%s is renewing with another handler (%s). Code "
                       "%s, good for 5 minutes. If this is not you, "
                       "call customer service at once.",
                       row->unit_name, run->number, code);
    else
        (void)buf_addf(&text,
                       "%s正在续期并变更经办人（%s），验证码%s，5分钟内"
                       "有效。如非本单位操作，请立即联系客服。",
                       row->unit_name, run->number, code);
    (void)snprintf(dedupe, sizeof dedupe, "%s/handler-code/%lld", run->number,
                   (long long)run->at);
    notice.text = buf_text(&text);
    ok = notice_queue(db, run->business->vault, &notice, run->at, err);
    buf_cleanse(&text);
    return ok;
}

static bool
handler_code_run(struct db *db, void *arg, struct error *err)
{
    struct handler_run *run = arg;
    struct db_case row = {0};
    char record[DB_CASE_NUMBER_MAX + 1];
    char code[CODE_MAX + 1] = "";
    json_t *fields = NULL;
    const char *mobile;
    bool ok = false;

    if (!db_case_get(db, run->number, true, &row, err) ||
        !handler_check(db, run, &row, record, err) ||
        !case_fields_read(run->business, db, record, &fields, err))
        goto out;
    mobile = case_field_text(fields, "handler_mobile");
    ok = code_draw(db, run->business->vault, run->number, CODE_HANDLER_CHANGE,
                   mobile, run->at, code, err) &&
         handler_tell(db, run, &row, mobile, code, err) &&
         case_note(db, &row, "handler-code-sent", run->account, NULL, run->at,
                   err);
out:
    OPENSSL_cleanse(code, sizeof code);
    case_fields_free(fields);
    db_case_clear(&row);
    return ok;
}

bool
client_handler_code(const struct business *business, struct db *db,
                    const char *account, const char *number, int64_t at,
                    struct error *err)
{
    struct handler_run run = {business, account, number, at};

    return db_transaction(db, handler_code_run, &run, err);
}

static bool
handler_confirm_run(struct db *db, void *arg, struct error *err)
{
    struct handler_run *run = arg;
    struct db_case row = {0};
    char record[DB_CASE_NUMBER_MAX + 1];
    bool ok;

    ok = db_case_get(db, run->number, true, &row, err) &&
         handler_check(db, run, &row, record, err) &&
         code_spend(db, run->number, CODE_HANDLER_CHANGE, run->at, err) &&
         case_note(db, &row, "handler-confirmed", run->account, NULL, run->at,
                   err);
    db_case_clear(&row);
    return ok;
}

bool
client_handler_confirm(const struct business *business, struct db *db,
                       const char *account, const char *number,
                       const char *code, int64_t at, struct error *err)
{
    struct handler_run run = {business, account, number, at};
    struct db_case row = {0};
    bool is_right = false;
    bool ok = false;

    if (!db_case_get(db, number, false, &row, err))
        return false;
    /* Nobody but the account uses up the tries. */
    if (strcmp(row.account, account) != 0)
        error_set(err, ERROR_NOT_FOUND, "there is no such case");
    else
        ok = code_try(db, business->vault, number, CODE_HANDLER_CHANGE, code,
                      at, &is_right, err);
    db_case_clear(&row);
    if (!ok)
        return false;
    return is_right ? db_transaction(db, handler_confirm_run, &run, err)
                    : client_denied(err);
}
