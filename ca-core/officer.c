/* Enroll and dismiss; see ca-core/officer.h. */
#include "ca-core/officer.h"

#include <string.h>

#include <openssl/x509.h>

#include "ca-core/key_check.h"
#include "db/certificate.h"

/* A credential that is to be enrolled. */
struct candidate {
    const struct api_officer *officer;
    uint8_t id[32];
    EVP_PKEY *key;
    int64_t not_before, not_after;
};

static bool
candidate_read(const struct api_officer *officer, struct candidate *out,
               struct error *err)
{
    *out = (struct candidate){.officer = officer};
    return decision_credential_read(officer->credential.certificate,
                                    officer->credential.certificate_len,
                                    &out->key, out->id, &out->not_before,
                                    &out->not_after, err) ||
           error_wrap(err, "credential");
}

/* key_blocked_fn */
static bool
is_blocked(void *arg, const uint8_t digest[PUBLIC_KEY_DIGEST_LEN],
           bool *is_blocked_out, struct error *err)
{
    uint8_t one[1][32];

    memcpy(one[0], digest, sizeof one[0]);
    return db_key_blocked(arg, (const uint8_t(*)[32])one, 1, is_blocked_out,
                          err);
}

/* The key that will decide is no worse than those that are certified. */
static bool
check_key(struct db *db, const struct candidate *candidate, struct error *err)
{
    struct public_key key = {0};
    unsigned char *spki = NULL;
    int len = i2d_PUBKEY(candidate->key, &spki);
    struct der der = {spki, len > 0 ? (size_t)len : 0};
    bool ok;

    if (len <= 0)
        return error_openssl(err, ERROR_INTERNAL, "encode the key");
    ok = public_key_parse(der, &key, err) &&
         key_check(&key, der, is_blocked, db, err);
    public_key_clear(&key);
    OPENSSL_free(spki);
    return ok || error_wrap(err, "credential");
}

/* One human being, one officer: dismissed ones too, whose number keeps its
 * place in the log. */
static bool
check_person(struct db *db, const struct api_officer *officer,
             struct error *err)
{
    struct db_officer *rows;
    size_t count;
    bool ok = true;

    if (!db_officer_list(db, &rows, &count, err))
        return false;
    for (size_t i = 0; ok && i < count; i++) {
        const char *state = rows[i].is_active ? "active" : "dismissed";

        if (strcmp(rows[i].officer_id, officer->officer_id) == 0)
            ok = error_set(err, ERROR_CONFLICT,
                           "officer %s is enrolled already (%s, %s)",
                           rows[i].officer_id, rows[i].name, state);
        else if (decision_same_person(rows[i].person, officer->person))
            ok = error_set(err, ERROR_CONFLICT,
                           "person %s is enrolled already, as officer %s "
                           "(%s, %s)",
                           officer->person, rows[i].officer_id, rows[i].name,
                           state);
    }
    db_officers_free(rows, count);
    return ok;
}

/* Two officers with one key are one hand that signs both reviews, whatever
 * their certificates say. */
static bool
check_credential_is_new(struct db *db, const struct candidate *candidate,
                        struct error *err)
{
    struct db_credential *rows;
    size_t count;
    bool ok = true;

    if (!db_credential_all(db, &rows, &count, err))
        return false;
    for (size_t i = 0; ok && i < count; i++) {
        struct candidate other = {0};
        struct api_officer read = {
            .credential.certificate = rows[i].public_data,
            .credential.certificate_len = rows[i].public_data_len};

        ok = candidate_read(&read, &other, err);
        if (ok && EVP_PKEY_eq(other.key, candidate->key) == 1)
            ok = error_set(err, ERROR_CONFLICT,
                           "the key of the credential is officer %s's already",
                           rows[i].officer.officer_id);
        EVP_PKEY_free(other.key);
    }
    db_credentials_free(rows, count);
    return ok;
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

static bool
check_candidate(struct db *db, const struct api_officer *officer, int64_t now,
                struct error *err)
{
    struct candidate candidate;
    bool ok;

    if (!check_person(db, officer, err) ||
        !candidate_read(officer, &candidate, err))
        return false;
    ok = (candidate.not_after > now ||
          error_set(err, ERROR_INPUT, "the credential has expired")) &&
         check_key(db, &candidate, err) &&
         check_credential_is_new(db, &candidate, err);
    EVP_PKEY_free(candidate.key);
    return ok;
}

bool
officer_check(struct db *db, const struct api_order *order, int64_t now,
              struct error *err)
{
    return order->kind == API_DISMISS_OFFICER
               ? check_administrators(db, order->officer_id, err)
               : check_candidate(db, &order->officer, now, err);
}

static bool
enroll(struct db *db, const struct api_officer *officer, int64_t now,
       struct error *err)
{
    struct candidate candidate;

    if (!candidate_read(officer, &candidate, err))
        return false;
    EVP_PKEY_free(candidate.key);
    if (!db_officer_insert(db, officer->officer_id, officer->name,
                           officer->person, now, err))
        return false;
    for (size_t i = 0; i < officer->role_count; i++)
        if (!db_officer_add_role(db, officer->officer_id,
                                 api_role_name(officer->role[i]), err))
            return false;
    return db_credential_insert(db, candidate.id, officer->officer_id, "x509",
                                officer->credential.certificate,
                                officer->credential.certificate_len,
                                candidate.not_before, candidate.not_after, err);
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
