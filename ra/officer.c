/* The register of officers, as the RA knows it: ra/officer.h. */
#include "ra/officer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

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
        return true;
    }
    return false;
}

bool
officer_read(const json_t *row, const uint8_t credential_id[32],
             struct review_officer *out)
{
    const char *id;
    const char *person;
    const char *state;
    json_t *roles;
    json_t *name;
    enum api_role role;
    size_t i;

    memset(out, 0, sizeof *out);
    if (!credential_read(row, credential_id, out) ||
        !json_get_text(row, "officer_id", TEXT_UUID_LEN, &id, NULL) ||
        !json_get_text(row, "person", sizeof out->person - 1, &person, NULL) ||
        !json_get_text(row, "state", 16, &state, NULL) ||
        !json_get_array(row, "roles", &roles, NULL))
        return false;
    memcpy(out->officer_id, id, strlen(id) + 1);
    memcpy(out->person, person, strlen(person) + 1);
    out->is_active = strcmp(state, "active") == 0;
    json_array_foreach(roles, i, name)
    {
        if (json_is_string(name) &&
            api_role_find(json_string_value(name), &role))
            out->has_role[role] = true;
    }
    return true;
}

/* The rows, asked for when they are too old. jansson counts references
 * atomically where it was built so, and Debian's is; the rows are never
 * changed once they are here. The caller releases them. */
static bool
rows_get(struct officer_register *officers, struct ca_client *ca, json_t **out,
         struct error *err)
{
    int64_t now_ms = clock_monotonic_ms();
    json_t *rows = NULL;

    pthread_mutex_lock(&officers->lock);
    if (officers->rows != NULL &&
        now_ms - officers->read_at_ms < OFFICER_CACHE_MS)
        rows = json_incref(officers->rows);
    pthread_mutex_unlock(&officers->lock);
    if (rows == NULL) {
        /* Asked outside the lock: a slow CA holds up only who needs it. */
        if (!ca_client_officers(ca, &rows, err))
            return false;
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
officer_find(struct officer_register *officers, struct ca_client *ca,
             const uint8_t *certificate, size_t len, int64_t now,
             struct review_officer *out, struct error *err)
{
    uint8_t id[32];
    json_t *rows = NULL;
    json_t *row;
    size_t i;
    bool ok = false;

    if (EVP_Q_digest(NULL, "SHA256", NULL, certificate, len, id, NULL) != 1)
        return error_openssl(err, ERROR_INTERNAL, "hash of a certificate");
    if (!rows_get(officers, ca, &rows, err))
        return error_wrap(err, "register of officers");
    json_array_foreach(rows, i, row)
    {
        if (officer_read(row, id, out)) {
            ok = out->is_active && out->is_credential_active &&
                 now >= out->not_before && now <= out->not_after;
            break;
        }
    }
    json_decref(rows);
    return ok || error_set(err, ERROR_DENIED,
                           "this certificate is no active officer's");
}
