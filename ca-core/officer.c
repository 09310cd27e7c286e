/* Enroll and dismiss; see ca-core/officer.h. */
#include "ca-core/officer.h"

#include <string.h>

static bool
read_credential(const struct api_officer *officer, uint8_t id[32],
                int64_t *not_before, int64_t *not_after, struct error *err)
{
    EVP_PKEY *key = NULL;

    if (!decision_credential_read(officer->certificate,
                                  officer->certificate_len, &key, id,
                                  not_before, not_after, err))
        return error_wrap(err, "credential");
    EVP_PKEY_free(key);
    return true;
}

/* Whether the officer is one of the last two business administrators. */
static bool
check_administrators(struct db *db, const char *officer_id, struct error *err)
{
    const char *role = api_role_name(API_ROLE_BUSINESS_ADMINISTRATOR);
    struct db_officer *officers;
    size_t count;
    int64_t left = 0;
    bool is_one = false;

    if (!db_officer_list(db, &officers, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (officers[i].is_active && strstr(officers[i].roles, role) != NULL) {
            if (strcmp(officers[i].officer_id, officer_id) == 0)
                is_one = true;
            else
                left++;
        }
    db_officers_free(officers, count);
    return !is_one || left >= 2 ||
           error_set(err, ERROR_CONFLICT,
                     "fewer than two business administrators would be left");
}

bool
officer_check(struct db *db, const struct api_order *order, int64_t now,
              struct error *err)
{
    int64_t not_before, not_after;
    uint8_t id[32];

    if (order->kind == API_DISMISS_OFFICER)
        return check_administrators(db, order->officer_id, err);
    if (!read_credential(&order->officer, id, &not_before, &not_after, err))
        return false;
    return not_after > now ||
           error_set(err, ERROR_INPUT, "the credential has expired");
}

static bool
enroll(struct db *db, const struct api_officer *officer, int64_t now,
       struct error *err)
{
    int64_t not_before, not_after;
    uint8_t id[32];

    if (!read_credential(officer, id, &not_before, &not_after, err) ||
        !db_officer_insert(db, officer->officer_id, officer->name,
                           officer->person, now, err))
        return false;
    for (size_t i = 0; i < officer->role_count; i++)
        if (!db_officer_add_role(db, officer->officer_id,
                                 api_role_name(officer->role[i]), err))
            return false;
    return db_credential_insert(db, id, officer->officer_id, "x509",
                                officer->certificate, officer->certificate_len,
                                not_before, not_after, err);
}

struct run {
    struct accept *accept;
    const struct record *records[2];
};

static bool
run_order(struct db *db, void *arg, struct error *err)
{
    struct run *run = arg;
    const struct api_order *order = run->accept->envelope->order;
    int64_t now = run->accept->now, first;

    if (!accept_insert(db, run->accept, err))
        return false;
    if (order->kind == API_ENROLL_OFFICER
            ? !enroll(db, &order->officer, now, err)
            : !db_officer_dismiss(db, order->officer_id, now, err))
        return false;
    return record_append(db, run->records, 2, &first, err);
}

bool
officer_run(struct db *db, struct accept *accept, struct error *err)
{
    struct record record = {0};
    struct run run = {.accept = accept, .records = {&accept->record, &record}};
    bool ok =
        record_officer(&record, accept->envelope->order, accept->now, err) &&
        db_transaction(db, run_order, &run, err);

    record_clear(&record);
    return ok;
}
