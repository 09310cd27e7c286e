/* Certificates that the CA makes of itself; see ca-core/certify.h. */
#include "ca-core/certify.h"

#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "ca-core/entry.h"
#include "ca-core/key_check.h"
#include "ca-core/lint.h"
#include "ca-core/record.h"

bool
certify_issuer_init(struct certify_issuer *out, const struct db_issuer *row,
                    struct hsm *hsm, struct error *err)
{
    struct der spki = {row->spki, row->spki_len};

    out->issuer_id = row->issuer_id;
    out->name = row->name;
    out->subject = (struct der){row->subject, row->subject_len};
    out->not_after = row->certificate == NULL ? INT64_MAX : row->not_after;
    out->hsm = hsm;
    if (!hsm_scheme_find(row->scheme, &out->scheme))
        return error_set(err, ERROR_INTERNAL,
                         "issuer %s: there is no scheme "
                         "%s",
                         row->name, row->scheme);
    return public_key_id(spki, out->key_id, err) &&
           hsm_key_get(hsm, row->key_id, row->key_id_len, &out->key, err);
}

/* ---- Building ---------------------------------------------------------- */

static bool
judge_key(const struct certify_request *request, enum hsm_key_type *type,
          struct error *err)
{
    struct public_key key = {0};
    bool ok;

    ok = public_key_parse(request->spki, &key, err) &&
         key_check(&key, request->spki, NULL, NULL, err);
    *type = key.type;
    public_key_clear(&key);
    return ok;
}

static bool
resolve_period(const struct certify_issuer *issuer,
               const struct certify_request *request,
               struct validity_period *out, struct error *err)
{
    if (request->period != NULL) {
        *out = *request->period;
        return true;
    }
    return validity_resolve(&request->validity, &request->profile->validity,
                            request->now, NULL, issuer->not_after, out, err);
}

bool
certify_build(const struct certify_issuer *issuer,
              const struct certify_request *request, struct certify_built *out,
              struct error *err)
{
    const struct der issuer_key = {issuer->key_id, sizeof issuer->key_id};
    const struct lint_issuer lint = {issuer->subject, issuer_key,
                                     issuer->not_after};
    struct tbs_input input = {.scheme = issuer->scheme,
                              .issuer = issuer->subject,
                              .issuer_key_id = issuer_key,
                              .spki = request->spki,
                              .san = request->san,
                              .san_count = request->san_count,
                              .publish_url = request->publish_url,
                              .issuer_name = issuer->name};

    out->subject.limit = NAME_MAX_LEN;
    out->tbs.limit = TBS_MAX_LEN;
    if (!judge_key(request, &input.key_type, err) ||
        !resolve_period(issuer, request, &out->period, err) ||
        !serial_draw(&out->serial, err) ||
        !name_encode(&request->subject, &out->subject, err))
        return false;
    input.serial = out->serial;
    input.period = out->period;
    input.subject = (struct der){out->subject.data, out->subject.len};
    return tbs_build(request->profile, &input, &out->tbs, err) &&
           lint_tbs(request->profile, &lint,
                    (struct der){out->tbs.data, out->tbs.len}, issuer->scheme,
                    NULL, err);
}

void
certify_built_clear(struct certify_built *built)
{
    buf_clear(&built->subject);
    buf_clear(&built->tbs);
}

/* ---- Recording --------------------------------------------------------- */

struct recorded {
    const struct certify_issuer *issuer;
    const struct certify_request *request;
    const struct certify_built *built;
    const char *subject_text;
    uint8_t spki_sha256[PUBLIC_KEY_DIGEST_LEN];
};

static bool
record(struct db *db, void *arg, struct error *err)
{
    const struct recorded *recorded = arg;
    const struct certify_built *built = recorded->built;
    const struct certify_request *request = recorded->request;
    struct db_certificate_intent row = {
        .issuer_id = recorded->issuer->issuer_id,
        .order_id = request->order_id,
        .ordinal = request->ordinal,
        .profile = request->profile->name,
        .subject = built->subject.data,
        .subject_len = built->subject.len,
        .subject_text = recorded->subject_text,
        .tbs = built->tbs.data,
        .tbs_len = built->tbs.len,
        .not_before = built->period.not_before,
        .not_after = built->period.not_after,
    };
    char serial[SERIAL_TEXT_LEN + 1];
    uint8_t digest[32];
    json_t *body = json_object();
    int64_t index;
    bool ok = false;

    memcpy(row.serial, built->serial.octet, sizeof row.serial);
    memcpy(row.spki_sha256, recorded->spki_sha256, sizeof row.spki_sha256);
    serial_format(&built->serial, serial);
    if (!hash_sha256(built->tbs.data, built->tbs.len, digest, err))
        goto out;
    json_set_text(body, "order_id", request->order_id);
    json_set_text(body, "issuer", recorded->issuer->name);
    json_set_text(body, "profile", request->profile->name);
    json_set_text(body, "serial", serial);
    json_set_hex(body, "tbs_sha256", digest, sizeof digest);
    ok =
        (request->when_recorded == NULL ||
         request->when_recorded(db, (struct der){0}, request->also_arg, err)) &&
        db_certificate_intend(db, &row, 1, err) &&
        entry_append(db, request->now, "certificate.intended", serial, body,
                     &index, err);
out:
    json_decref(body);
    return ok;
}

/* A key that was compromised is certified for nobody, ourselves included
 * (reliability.md, incident 21). */
static bool
check_blocked(struct db *db, const uint8_t digest[PUBLIC_KEY_DIGEST_LEN],
              struct error *err)
{
    bool is_blocked = false;

    if (!db_key_is_blocked(db, digest, &is_blocked, err))
        return false;
    return !is_blocked ||
           error_set(err, ERROR_DENIED,
                     "this key is blocked: it was reported compromised");
}

static bool
build_and_record(struct db *db, const struct certify_issuer *issuer,
                 const struct certify_request *request, struct error *err)
{
    struct certify_built built = {0};
    struct buf text = BUF_INIT(4 * NAME_MAX_LEN);
    struct recorded recorded = {issuer, request, &built, NULL, {0}};
    bool ok = false;

    if (!certify_build(issuer, request, &built, err) ||
        !name_format((struct der){built.subject.data, built.subject.len}, &text,
                     err) ||
        !public_key_digest(request->spki, recorded.spki_sha256, err) ||
        !check_blocked(db, recorded.spki_sha256, err))
        goto out;
    recorded.subject_text = buf_text(&text);
    ok = db_transaction(db, record, &recorded, err);
out:
    certify_built_clear(&built);
    buf_clear(&text);
    return ok;
}

/* ---- Signing and storing ----------------------------------------------- */

struct result {
    const struct certify_request *request;
    const struct db_certificate *row;
    struct der der;
    struct record issued;
};

static bool
store(struct db *db, void *arg, struct error *err)
{
    const struct result *result = arg;
    const struct certify_request *request = result->request;
    struct db_certificate_result row = {.issuer_id = result->row->issuer_id,
                                        .der = result->der.data,
                                        .der_len = result->der.len};
    const struct record *const issued = &result->issued;

    memcpy(row.serial, result->row->serial, sizeof row.serial);
    /* The rows' locks before the log's. */
    return (request->when_valid == NULL ||
            request->when_valid(db, result->der, request->also_arg, err)) &&
           record_append(db, &issued, 1, &row.status_index, err) &&
           db_certificate_store(db, &row, 1, err) &&
           db_certificate_notify(db, err);
}

/* Signs what the database has, not what we remember. */
static bool
sign_and_store(struct db *db, const struct certify_issuer *issuer,
               const struct certify_request *request,
               const struct db_certificate *row, struct buf *der,
               struct error *err)
{
    struct result result = {.request = request, .row = row};
    struct record_issue issue = {request->order_id,
                                 issuer->name,
                                 row->profile,
                                 row->serial,
                                 row->spki_sha256,
                                 NULL,
                                 0};
    uint8_t signature[HSM_SIGNATURE_MAX];
    size_t len = sizeof signature, start = der->len;
    bool ok;

    if (!hsm_sign_checked(issuer->hsm, issuer->key, issuer->scheme, row->tbs,
                          row->tbs_len, signature, &len, err) ||
        !tbs_certificate((struct der){row->tbs, row->tbs_len}, issuer->scheme,
                         signature, len, der, err))
        return false;
    result.der = (struct der){der->data + start, der->len - start};
    issue.der = result.der.data;
    issue.der_len = result.der.len;
    ok = record_issued(&result.issued, &issue, request->now, err) &&
         db_transaction(db, store, &result, err);
    record_clear(&result.issued);
    return ok;
}

/* The order's certificate with this ordinal; NULL if there is none. */
static const struct db_certificate *
find(const struct db_certificate *rows, size_t count, int32_t ordinal)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (rows[i].ordinal == ordinal)
            return &rows[i];
    return NULL;
}

static bool
finish(struct db *db, const struct certify_issuer *issuer,
       const struct certify_request *request, const struct db_certificate *row,
       struct buf *der, struct error *err)
{
    uint8_t digest[PUBLIC_KEY_DIGEST_LEN];

    if (!public_key_digest(request->spki, digest, err))
        return false;
    if (row->issuer_id != issuer->issuer_id ||
        memcmp(row->spki_sha256, digest, sizeof digest) != 0)
        return error_set(err, ERROR_CONFLICT,
                         "certificate %d of order %s was made for another key",
                         (int)request->ordinal, request->order_id);
    if (row->state == DB_CERTIFICATE_INTENDED)
        return sign_and_store(db, issuer, request, row, der, err);
    if (row->der == NULL || !buf_add(der, row->der, row->der_len))
        return error_set(err, ERROR_CONFLICT,
                         "certificate %d of order %s was given up",
                         (int)request->ordinal, request->order_id);
    return true;
}

bool
certify(struct db *db, const struct certify_issuer *issuer,
        const struct certify_request *request, struct buf *der,
        struct error *err)
{
    struct db_certificate *rows = NULL;
    const struct db_certificate *row;
    size_t count = 0;
    bool ok = false;

    if (!db_certificate_of_order(db, request->order_id, &rows, &count, err))
        goto out;
    row = find(rows, count, request->ordinal);
    if (row == NULL) {
        db_certificates_free(rows, count);
        rows = NULL;
        count = 0;
        if (!build_and_record(db, issuer, request, err) ||
            !db_certificate_of_order(db, request->order_id, &rows, &count, err))
            goto out;
        row = find(rows, count, request->ordinal);
    }
    if (row == NULL) {
        error_set(err, ERROR_INTERNAL, "the certificate recorded is not there");
        goto out;
    }
    ok = finish(db, issuer, request, row, der, err);
out:
    db_certificates_free(rows, count);
    return ok || error_wrap(err, "certificate %d under %s",
                            (int)request->ordinal, issuer->name);
}
