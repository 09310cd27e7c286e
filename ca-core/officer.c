/* Enroll and dismiss; see ca-core/officer.h. */
#include "ca-core/officer.h"

#include <string.h>

#include <openssl/x509.h>

#include "ca-core/decision_key.h"
#include "ca-core/key_check.h"
#include "db/certificate.h"

bool
officer_is_about(enum api_kind kind)
{
    return kind == API_ENROLL_OFFICER || kind == API_DISMISS_OFFICER ||
           kind == API_ENROLL_CREDENTIAL;
}

/* A credential that is to be enrolled. */
static const struct api_credential *
candidate_of(const struct api_order *order)
{
    return order->kind == API_ENROLL_OFFICER ? &order->officer.credential
                                             : &order->credential;
}

/* key_blocked_fn */
static bool
is_blocked(void *arg, const uint8_t digest[PUBLIC_KEY_DIGEST_LEN],
           bool *is_blocked_out, struct error *err)
{
    return db_key_is_blocked(arg, digest, is_blocked_out, err);
}

/* The key that will decide is no worse than those that are certified. */
static bool
check_key(struct db *db, const struct decision_key *candidate,
          struct error *err)
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
 * their certificates say; and one id names one credential. */
static bool
check_credential_is_new(struct db *db, const struct decision_key *candidate,
                        struct error *err)
{
    struct db_credential *rows;
    size_t count;
    bool ok = true;

    if (!db_credential_all(db, &rows, &count, err))
        return false;
    for (size_t i = 0; ok && i < count; i++) {
        struct decision_key other = {0};
        enum api_credential_kind kind;

        ok = decision_key_kind(rows[i].kind, &kind, err) &&
             decision_key_read(kind, rows[i].public_data,
                               rows[i].public_data_len, &other, err);
        if (ok && (EVP_PKEY_eq(other.key, candidate->key) == 1 ||
                   memcmp(other.id, candidate->id, sizeof other.id) == 0))
            ok = error_set(err, ERROR_CONFLICT,
                           "the key of the credential is officer %s's already",
                           rows[i].officer.officer_id);
        decision_key_clear(&other);
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

/* Whether a passkey is of a page that we know: "a b c". */
static bool
check_origin(const struct decision_key *candidate, const char *origins,
             struct error *err)
{
    size_t len;

    if (candidate->origin == NULL)
        return true;
    for (const char *p = origins; *p != '\0'; p += len) {
        p += strspn(p, " ");
        len = strcspn(p, " ");
        if (len > 0 && len == strlen(candidate->origin) &&
            memcmp(p, candidate->origin, len) == 0)
            return true;
    }
    return error_set(err, ERROR_DENIED,
                     "no passkeys are enrolled for origin %s "
                     "(ca.passkey_origins)",
                     candidate->origin);
}

static bool
check_credential(struct db *db, const struct api_credential *credential,
                 const char *origins, int64_t now, struct error *err)
{
    struct decision_key candidate;
    bool ok;

    if (!decision_key_make(credential, &candidate, err))
        return error_wrap(err, "credential");
    ok = (candidate.not_after > now ||
          error_set(err, ERROR_INPUT, "the credential has expired")) &&
         check_origin(&candidate, origins, err) &&
         check_key(db, &candidate, err) &&
         check_credential_is_new(db, &candidate, err);
    decision_key_clear(&candidate);
    return ok;
}

static bool
check_active(struct db *db, const char *officer_id, struct error *err)
{
    struct db_officer *rows;
    size_t count;
    bool is_active = false;

    if (!db_officer_list(db, &rows, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].officer_id, officer_id) == 0)
            is_active = rows[i].is_active;
    db_officers_free(rows, count);
    return is_active ||
           error_set(err, ERROR_CONFLICT, "no active officer %s", officer_id);
}

bool
officer_check(struct db *db, const struct api_order *order,
              const char *passkey_origins, int64_t now, struct error *err)
{
    if (order->kind == API_DISMISS_OFFICER)
        return check_administrators(db, order->officer_id, err);
    return (order->kind == API_ENROLL_OFFICER
                ? check_person(db, &order->officer, err)
                : check_active(db, order->officer_id, err)) &&
           check_credential(db, candidate_of(order), passkey_origins, now, err);
}

static bool
add_credential(struct db *db, const char *officer_id,
               const struct api_credential *credential, int64_t now,
               struct error *err)
{
    struct buf data = BUF_INIT(API_CERTIFICATE_MAX);
    struct decision_key key;
    bool ok;

    if (!decision_key_make(credential, &key, err))
        return error_wrap(err, "credential");
    /* A passkey begins when it is enrolled. */
    ok = decision_key_encode(credential, &data, err) &&
         db_credential_insert(
             db, key.id, officer_id, api_credential_kind_name(credential->kind),
             data.data, data.len, key.origin != NULL ? now : key.not_before,
             key.not_after, err);
    buf_clear(&data);
    decision_key_clear(&key);
    return ok;
}

static bool
enroll(struct db *db, const struct api_officer *officer, int64_t now,
       struct error *err)
{
    if (!db_officer_insert(db, officer->officer_id, officer->name,
                           officer->person, now, err))
        return false;
    for (size_t i = 0; i < officer->role_count; i++)
        if (!db_officer_add_role(db, officer->officer_id,
                                 api_role_name(officer->role[i]), err))
            return false;
    return add_credential(db, officer->officer_id, &officer->credential, now,
                          err);
}

/* Locked, so that nobody is dismissed between: a credential added to who is
 * dismissed would not be revoked with the others. */
static bool
enroll_credential(struct db *db, const struct api_order *order, int64_t now,
                  struct error *err)
{
    return db_officer_lock(db, order->officer_id, err) &&
           add_credential(db, order->officer_id, &order->credential, now, err);
}

static bool
apply(struct db *db, const struct api_order *order, int64_t now,
      struct error *err)
{
    switch (order->kind) {
    case API_ENROLL_OFFICER:
        return enroll(db, &order->officer, now, err);
    case API_ENROLL_CREDENTIAL:
        return enroll_credential(db, order, now, err);
    case API_DISMISS_OFFICER:
        return db_officer_dismiss(db, order->officer_id, now, err);
    default:
        return error_set(err, ERROR_INTERNAL, "no order about officers");
    }
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

    return accept_insert(db, run->accept, err) && apply(db, order, now, err) &&
           record_append(db, run->records, 2, &first, err);
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
