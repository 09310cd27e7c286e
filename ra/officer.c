/* The register of officers, as the RA knows it: ra/officer.h. */
#include "ra/officer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "base/clock.h"
#include "base/hash.h"

struct officer_register {
    pthread_mutex_t lock;
    json_t *rows; /* NULL before the first answer */
    int64_t read_at_ms;
};

struct officer_register *
officer_register_new(void)
{
    struct officer_register *officers = base_alloc(sizeof *officers);

    pthread_mutex_init(&officers->lock, NULL);
    return officers;
}

void
officer_register_free(struct officer_register *officers)
{
    if (officers == NULL)
        return;
    json_decref(officers->rows);
    pthread_mutex_destroy(&officers->lock);
    free(officers);
}

static bool
passkey_read(const json_t *credential, struct officer_passkey *out)
{
    struct buf key = BUF_INIT(WEBAUTHN_PUBLIC_KEY_MAX);
    struct buf id = BUF_INIT(WEBAUTHN_RAW_ID_MAX);
    const char *rp_id;
    const char *origin;
    bool ok =
        json_get_bytes(credential, "public_key", WEBAUTHN_PUBLIC_KEY_MAX, &key,
                       NULL) &&
        json_get_bytes(credential, "raw_id", WEBAUTHN_RAW_ID_MAX, &id, NULL) &&
        json_get_text(credential, "rp_id", WEBAUTHN_RP_ID_MAX, &rp_id, NULL) &&
        json_get_text(credential, "origin", WEBAUTHN_ORIGIN_MAX, &origin,
                      NULL) &&
        key.len > 0 && id.len > 0;

    if (ok) {
        memcpy(out->public_key, key.data, key.len);
        out->public_key_len = key.len;
        memcpy(out->raw_id, id.data, id.len);
        out->raw_id_len = id.len;
        memcpy(out->rp_id, rp_id, strlen(rp_id) + 1);
        memcpy(out->origin, origin, strlen(origin) + 1);
    }
    buf_clear(&key);
    buf_clear(&id);
    return ok;
}

static bool
credential_read(const json_t *row, const uint8_t credential_id[32],
                struct review_officer *out)
{
    json_t *credentials;
    json_t *credential;
    const char *text;
    uint8_t id[32];
    size_t len;
    size_t i;

    if (!json_get_array(row, "credentials", &credentials, NULL))
        return false;
    json_array_foreach(credentials, i, credential)
    {
        if (!json_get_text(credential, "credential_id", 64, &text, NULL) ||
            !text_unhex(text, id, sizeof id, &len) || len != sizeof id ||
            memcmp(id, credential_id, sizeof id) != 0)
            continue;
        memcpy(out->credential_id, id, sizeof id);
        if (!json_get_text(credential, "state", 16, &text, NULL) ||
            !json_get_time(credential, "not_before", &out->not_before, NULL) ||
            !json_get_time(credential, "not_after", &out->not_after, NULL))
            return false;
        out->is_credential_active = strcmp(text, "active") == 0;
        return !json_get_text(credential, "kind", 16, &text, NULL) ||
               strcmp(text, "passkey") != 0 ||
               passkey_read(credential, &out->passkey);
    }
    return false;
}

bool
officer_read(const json_t *row, const uint8_t credential_id[32],
             struct review_officer *out)
{
    const char *id;
    const char *person;
    const char *full_name;
    const char *state;
    json_t *roles;
    json_t *name;
    enum api_role role;
    size_t i;

    memset(out, 0, sizeof *out);
    if (!credential_read(row, credential_id, out) ||
        !json_get_text(row, "officer_id", TEXT_UUID_LEN, &id, NULL) ||
        !json_get_text(row, "person", sizeof out->person - 1, &person, NULL) ||
        !json_get_text(row, "name", sizeof out->name - 1, &full_name, NULL) ||
        !json_get_text(row, "state", 16, &state, NULL) ||
        !json_get_array(row, "roles", &roles, NULL))
        return false;
    memcpy(out->officer_id, id, strlen(id) + 1);
    memcpy(out->person, person, strlen(person) + 1);
    memcpy(out->name, full_name, strlen(full_name) + 1);
    out->is_active = strcmp(state, "active") == 0;
    json_array_foreach(roles, i, name)
    {
        if (json_is_string(name) &&
            api_role_find(json_string_value(name), &role))
            out->has_role[role] = true;
    }
    return true;
}

/* Asked for when they are older than that. jansson counts references atomically
 * where it was built so, and Debian's is; the rows are never changed once they
 * are here. */
static bool
rows_of_late(struct officer_register *officers, struct ca_client *ca,
             int64_t age_max_ms, json_t **out, struct error *err)
{
    int64_t now_ms = clock_monotonic_ms();
    json_t *rows = NULL;

    pthread_mutex_lock(&officers->lock);
    if (officers->rows != NULL && now_ms - officers->read_at_ms < age_max_ms)
        rows = json_incref(officers->rows);
    pthread_mutex_unlock(&officers->lock);
    if (rows == NULL) {
        /* Asked outside the lock: a slow CA holds up only who needs it. */
        if (!ca_client_officers(ca, &rows, err))
            return error_wrap(err, "register of officers");
        pthread_mutex_lock(&officers->lock);
        json_decref(officers->rows);
        officers->rows = json_incref(rows);
        officers->read_at_ms = now_ms;
        pthread_mutex_unlock(&officers->lock);
    }
    *out = rows;
    return true;
}

bool
officer_rows(struct officer_register *officers, struct ca_client *ca,
             json_t **out, struct error *err)
{
    return rows_of_late(officers, ca, OFFICER_CACHE_MS, out, err);
}

void
officer_forget(struct officer_register *officers)
{
    pthread_mutex_lock(&officers->lock);
    json_decref(officers->rows);
    officers->rows = NULL;
    pthread_mutex_unlock(&officers->lock);
}

bool
officer_by_credential(struct officer_register *officers, struct ca_client *ca,
                      const uint8_t credential_id[32], int64_t now,
                      struct review_officer *out, struct error *err)
{
    /* Who is not known may have been enrolled a moment ago, at another of the
     * registration authorities: one more look, so often and no oftener. */
    static const int64_t age_max_ms[] = {OFFICER_CACHE_MS, OFFICER_MISS_MS};
    bool is_known = false;
    bool ok;

    for (size_t turn = 0; !is_known && turn < 2; turn++) {
        json_t *rows = NULL;
        json_t *row;
        size_t i;

        if (!rows_of_late(officers, ca, age_max_ms[turn], &rows, err))
            return false;
        json_array_foreach(rows, i, row)
        {
            is_known = is_known || officer_read(row, credential_id, out);
        }
        json_decref(rows);
    }
    ok = is_known && out->is_active && out->is_credential_active &&
         now >= out->not_before && now <= out->not_after;
    return ok || error_set(err, ERROR_DENIED,
                           "this credential is no active officer's");
}

bool
officer_find(struct officer_register *officers, struct ca_client *ca,
             const uint8_t *certificate, size_t len, int64_t now,
             struct review_officer *out, struct error *err)
{
    uint8_t id[HASH_LEN];

    return hash_sha256(certificate, len, id, err) &&
           officer_by_credential(officers, ca, id, now, out, err);
}

/* The key of the certificate that TLS showed, if it is the officer's. */
static bool
certificate_key(const struct review_officer *officer,
                const uint8_t *certificate, size_t len, EVP_PKEY **out,
                struct error *err)
{
    const unsigned char *p = certificate;
    uint8_t id[HASH_LEN];
    X509 *x509;

    if (certificate == NULL)
        return error_set(err, ERROR_DENIED,
                         "decide with the credential that you came with");
    if (!hash_sha256(certificate, len, id, err))
        return false;
    if (memcmp(id, officer->credential_id, sizeof id) != 0)
        return error_set(err, ERROR_DENIED, "another certificate");
    x509 = d2i_X509(NULL, &p, (long)len);
    *out = x509 == NULL ? NULL : X509_get_pubkey(x509);
    X509_free(x509);
    return *out != NULL ||
           error_openssl(err, ERROR_DENIED, "certificate not understood");
}

bool
officer_verify(const struct review_officer *officer, const uint8_t *certificate,
               size_t certificate_len, const struct api_decision *decision,
               const char *order_id, const uint8_t digest[32],
               struct error *err)
{
    const struct officer_passkey *passkey = &officer->passkey;
    struct api_verifier verifier = {0};
    bool ok;

    if (strcmp(decision->officer_id, officer->officer_id) != 0 ||
        memcmp(decision->credential_id, officer->credential_id, 32) != 0)
        return error_set(err, ERROR_DENIED,
                         "the decision names another officer or credential "
                         "than the one who sends it");
    if (passkey->public_key_len > 0) {
        if (!webauthn_key_parse(passkey->public_key, passkey->public_key_len,
                                &verifier.key, err))
            return false;
        verifier.rp_id = passkey->rp_id;
        verifier.origin = passkey->origin;
    } else if (!certificate_key(officer, certificate, certificate_len,
                                &verifier.key, err)) {
        return false;
    }
    ok = api_decision_verify(decision, order_id, digest, &verifier, err);
    EVP_PKEY_free(verifier.key);
    return ok;
}
