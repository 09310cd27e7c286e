/* Issuers at hand; see ca-core/issuer.h. */
#include "ca-core/issuer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/log.h"

struct issuers {
    struct hsm *hsm;
    const char *token;
    pthread_mutex_t lock;
    struct issuer_set *set; /* newest; one reference is ours */
};

static void
free_set(struct issuer_set *set)
{
    struct db_issuer *rows = base_alloc((set->count + 1) * sizeof *rows);

    for (size_t i = 0; i < set->count; i++)
        rows[i] = set->at[i].row;
    db_issuers_free(rows, set->count);
    free(set->at);
    free(set);
}

void
issuers_new(struct hsm *hsm, const char *token, struct issuers **out)
{
    struct issuers *issuers = base_alloc(sizeof *issuers);

    issuers->hsm = hsm;
    issuers->token = token;
    (void)pthread_mutex_init(&issuers->lock, NULL);
    issuers->set = base_alloc(sizeof *issuers->set);
    issuers->set->at = base_alloc(0);
    issuers->set->references = 1;
    *out = issuers;
}

void
issuers_free(struct issuers *issuers)
{
    if (issuers == NULL)
        return;
    issuers_release(issuers, issuers->set);
    (void)pthread_mutex_destroy(&issuers->lock);
    free(issuers);
}

struct issuer_set *
issuers_get(struct issuers *issuers)
{
    struct issuer_set *set;

    (void)pthread_mutex_lock(&issuers->lock);
    set = issuers->set;
    set->references++;
    (void)pthread_mutex_unlock(&issuers->lock);
    return set;
}

struct issuer_set *
issuers_hold(struct issuers *issuers, struct issuer_set *set)
{
    (void)pthread_mutex_lock(&issuers->lock);
    set->references++;
    (void)pthread_mutex_unlock(&issuers->lock);
    return set;
}

void
issuers_release(struct issuers *issuers, struct issuer_set *set)
{
    bool is_last;

    if (set == NULL)
        return;
    (void)pthread_mutex_lock(&issuers->lock);
    is_last = --set->references == 0;
    (void)pthread_mutex_unlock(&issuers->lock);
    if (is_last)
        free_set(set);
}

/* The authority key identifier of what it signs is the subject key identifier
 * of its certificate, however that was made: RFC 5280, 4.2.1.1. */
static bool
read_key_id(struct issuer *issuer, struct error *err)
{
    const unsigned char *p = issuer->row.certificate;
    X509 *certificate;
    const ASN1_OCTET_STRING *id;
    bool ok = false;

    if (issuer->row.certificate == NULL)
        return true; /* planned: signs nothing yet */
    certificate = d2i_X509(NULL, &p, (long)issuer->row.certificate_len);
    if (certificate == NULL ||
        (id = X509_get0_subject_key_id(certificate)) == NULL) {
        error_openssl(err, ERROR_INTERNAL, "no subjectKeyIdentifier");
        goto out;
    }
    if (ASN1_STRING_length(id) > ISSUER_KEY_ID_MAX) {
        error_set(err, ERROR_INTERNAL, "subjectKeyIdentifier is too long");
        goto out;
    }
    issuer->key_id_len = (size_t)ASN1_STRING_length(id);
    memcpy(issuer->key_id, ASN1_STRING_get0_data(id), issuer->key_id_len);
    ok = true;
out:
    X509_free(certificate);
    return ok;
}

/* A key that is away or refused leaves the issuer without one: the others go
 * on, and the next refresh tries again. */
static void
find_key(struct issuers *issuers, struct issuer *issuer)
{
    struct error err = {0};

    if (issuers->hsm == NULL || strcmp(issuer->row.token, issuers->token) != 0)
        return;
    issuer->hsm = issuers->hsm;
    if (!hsm_key_get(issuers->hsm, issuer->row.key_id, issuer->row.key_id_len,
                     &issuer->key, &err)) {
        error_wrap(&err, "key of issuer %s", issuer->row.name);
        log_failure("issuer.key", &err);
        issuer->key = NULL;
        return;
    }
    if (issuer->key->spki_len != issuer->row.spki_len ||
        memcmp(issuer->key->spki, issuer->row.spki, issuer->row.spki_len) !=
            0) {
        error_set(&err, ERROR_INTERNAL,
                  "the token's key of issuer %s is not the recorded one",
                  issuer->row.name);
        log_failure("issuer.key", &err);
        issuer->key = NULL;
    }
}

static bool
same_octets(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

/* Whether the rows say what the set says, and no key is missing that ought to
 * be there. */
static bool
is_current(const struct issuers *issuers, const struct issuer_set *set,
           const struct db_issuer *rows, size_t count)
{
    if (set->count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct db_issuer *a = &set->at[i].row, *b = &rows[i];

        if (a->issuer_id != b->issuer_id || a->state != b->state ||
            strcmp(a->name, b->name) != 0 ||
            !same_octets(a->certificate, a->certificate_len, b->certificate,
                         b->certificate_len) ||
            !same_octets(a->spki, a->spki_len, b->spki, b->spki_len))
            return false;
        if (set->at[i].key == NULL && issuers->hsm != NULL &&
            strcmp(a->token, issuers->token) == 0)
            return false;
    }
    return true;
}

static bool
make_set(struct issuers *issuers, struct db_issuer *take_rows, size_t count,
         struct issuer_set **out, struct error *err)
{
    struct issuer_set *set = base_alloc(sizeof *set);

    set->at = base_alloc(count * sizeof *set->at);
    set->count = count;
    set->references = 1;
    for (size_t i = 0; i < count; i++)
        set->at[i].row = take_rows[i]; /* with what it owns */
    free(take_rows);
    for (size_t i = 0; i < count; i++) {
        struct issuer *issuer = &set->at[i];

        if (!hsm_scheme_find(issuer->row.scheme, &issuer->scheme)) {
            error_set(err, ERROR_INTERNAL, "scheme %s is unknown",
                      issuer->row.scheme);
            error_wrap(err, "issuer %s", issuer->row.name);
            free_set(set);
            return false;
        }
        if (!read_key_id(issuer, err)) {
            error_wrap(err, "issuer %s", issuer->row.name);
            free_set(set);
            return false;
        }
        find_key(issuers, issuer);
    }
    *out = set;
    return true;
}

bool
issuers_refresh(struct issuers *issuers, struct db *db, struct error *err)
{
    struct issuer_set *set = issuers_get(issuers), *fresh, *old;
    struct db_issuer *rows;
    size_t count;

    if (!db_issuer_list(db, &rows, &count, err)) {
        issuers_release(issuers, set);
        return false;
    }
    if (is_current(issuers, set, rows, count)) {
        db_issuers_free(rows, count);
        issuers_release(issuers, set);
        return true;
    }
    issuers_release(issuers, set);
    if (!make_set(issuers, rows, count, &fresh, err))
        return false;
    (void)pthread_mutex_lock(&issuers->lock);
    old = issuers->set;
    issuers->set = fresh;
    (void)pthread_mutex_unlock(&issuers->lock);
    issuers_release(issuers, old);
    return true;
}

bool
issuers_ready(struct issuers *issuers, struct db *db, struct error *err)
{
    struct issuer_set *set = issuers_get(issuers);
    bool is_read = set->count > 0;

    issuers_release(issuers, set);
    return is_read || issuers_refresh(issuers, db, err);
}

const struct issuer *
issuer_find(const struct issuer_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->at[i].row.name, name) == 0)
            return &set->at[i];
    return NULL;
}

const struct issuer *
issuer_by_id(const struct issuer_set *set, int32_t issuer_id)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->at[i].row.issuer_id == issuer_id)
            return &set->at[i];
    return NULL;
}
