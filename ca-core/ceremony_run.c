/*
 * A ceremony as it is run; see ca-core/ceremony.h. Steps in order, each of
 * which finds what an earlier run has done of it.
 */
#include "ca-core/ceremony_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "ca-core/entry.h"
#include "db/officer.h"
#include "db/order.h"

/* ---- The order --------------------------------------------------------- */

static bool
begin_run(struct db *db, void *arg, struct error *err)
{
    struct run *run = arg;
    const struct ceremony *plan = run->plan;
    struct db_order_row row = {.order_id = plan->id,
                               .kind = "ceremony",
                               .body = plan->file,
                               .body_len = plan->file_len,
                               .requested_by = "ceremony",
                               .received_at = run->now};
    json_t *body = json_object();
    int64_t index;
    bool is_new = false, ok;

    memcpy(row.digest, plan->digest, sizeof row.digest);
    json_set_text(body, "title", plan->title);
    json_set_hex(body, "file_sha256", plan->digest, sizeof plan->digest);
    json_object_set_new(body, "witnesses", ceremony_witnesses_json(plan));
    ok = db_order_insert(db, &row, 1, &is_new, err) && is_new &&
         entry_append(db, run->now, "ceremony.begun", plan->id, body, &index,
                      err);
    json_decref(body);
    return ok;
}

/* `is_done`: nothing is left to do. */
static bool
begin(struct run *run, bool *is_done, struct error *err)
{
    struct db_order *order = NULL;
    bool ok = false;

    *is_done = false;
    if (!db_order_find(run->db, run->plan->id, &order, err))
        return false;
    if (order == NULL)
        return db_transaction(run->db, begin_run, run, err);
    if (memcmp(order->digest, run->plan->digest, sizeof order->digest) != 0) {
        error_set(err, ERROR_CONFLICT,
                  "ceremony %s was begun with another file", run->plan->id);
        goto out;
    }
    *is_done = order->state == DB_ORDER_DONE;
    /* The protocol tells when the ceremony began, not when it was resumed. */
    run->now = order->received_at;
    ok = true;
out:
    db_order_free(order);
    return ok;
}

struct ending {
    struct run *run;
    uint8_t protocol[32];
};

static bool
end_run(struct db *db, void *arg, struct error *err)
{
    struct ending *ending = arg;
    const char *id = ending->run->plan->id;
    int64_t now = clock_now(), index;
    json_t *body = json_object();
    bool is_mine = false, ok;

    json_set_hex(body, "protocol_sha256", ending->protocol,
                 sizeof ending->protocol);
    ok = db_order_finish(db, &id, 1, now, &is_mine, err) && is_mine &&
         entry_append(db, now, "ceremony.done", id, body, &index, err);
    json_decref(body);
    return ok;
}

/* ---- The log key ------------------------------------------------------- */

static bool
record_log_key(struct db *db, void *arg, struct error *err)
{
    struct run *run = arg;
    json_t *body = json_object();
    int64_t index;
    bool ok;

    json_set_text(body, "order_id", run->plan->id);
    json_set_hex(body, "key_id", run->log_row.key_id, run->log_row.key_id_len);
    json_set_bytes(body, "spki", run->log_row.spki, run->log_row.spki_len);
    ok = db_log_key_insert(db, &run->log_row, err) &&
         entry_append(db, run->now, "log-key.made", run->plan->id, body, &index,
                      err);
    json_decref(body);
    return ok;
}

static void
describe_log_key(struct db_log_key *row, const struct hsm_key *key)
{
    memset(row, 0, sizeof *row);
    memcpy(row->key_id, key->id, key->id_len);
    row->key_id_len = key->id_len;
    memcpy(row->spki, key->spki, key->spki_len);
    row->spki_len = key->spki_len;
    (void)snprintf(row->scheme, sizeof row->scheme, "%s",
                   hsm_scheme_name(hsm_scheme_default(key->type)));
}

/* The house has one log key: what is signed with it is checked with one public
 * key for as long as the log lives. */
static bool
make_log_key(struct run *run, struct error *err)
{
    const char *token = config_text(run->config, "hsm.ca.token");
    struct error none = {0};
    bool is_there = db_log_key_get(run->db, &run->log_row, &none);

    if (!is_there && none.code != ERROR_NOT_FOUND) {
        if (err != NULL)
            *err = none;
        return false;
    }
    if (run->plan->has_log_key) {
        if (!ceremony_token_key(run, run->ca, token, "log", "log",
                                run->plan->log_key_type, &run->log_key, err))
            return false;
        if (is_there && (run->log_row.key_id_len != run->log_key->id_len ||
                         memcmp(run->log_row.key_id, run->log_key->id,
                                run->log_key->id_len) != 0))
            return error_set(err, ERROR_CONFLICT,
                             "there is a log key of another ceremony");
        describe_log_key(&run->log_row, run->log_key);
        if (!is_there && !db_transaction(run->db, record_log_key, run, err))
            return false;
    } else if (!is_there) {
        return error_set(err, ERROR_INPUT,
                         "there is no log key yet, and the file makes none");
    } else if (!hsm_key_get(run->ca, run->log_row.key_id,
                            run->log_row.key_id_len, &run->log_key, err)) {
        return error_wrap(err, "log key");
    }
    if (!hsm_scheme_find(run->log_row.scheme, &run->log_scheme))
        return error_set(err, ERROR_INTERNAL, "the log key has no scheme");
    return true;
}

/* ---- Services ---------------------------------------------------------- */

/* What the certificates of a run have in common. */
static struct certify_request
request_of(const struct run *run, const struct profile *profile, size_t ordinal)
{
    return (struct certify_request){
        .order_id = run->plan->id,
        .ordinal = (int32_t)ordinal,
        .profile = profile,
        .publish_url = config_text(run->config, "publish.url"),
        .now = clock_now(),
    };
}

static bool
issuer_of(const struct run *run, const char *name,
          const struct profile *profile, struct certify_issuer *out,
          struct error *err)
{
    const struct db_issuer *row = ceremony_issuer(run, name);

    if (row == NULL || row->certificate == NULL)
        return error_set(err, ERROR_INPUT, "there is no issuer %s", name);
    if (!profile_allows_issuer(profile, name, row->is_root))
        return error_set(err, ERROR_INPUT,
                         "profile %s is not signed by an issuer like %s",
                         profile->name, name);
    return certify_issuer_init(out, row, ceremony_token_of(run, row), err);
}

static bool
make_service(struct run *run, size_t place, struct error *err)
{
    const struct ceremony_service *plan = &run->plan->service[place];
    struct certify_request request =
        request_of(run, plan->profile, ORDINAL_SERVICE + place);
    struct buf path = BUF_INIT(1), spki = BUF_INIT(HSM_SPKI_MAX);
    struct buf der = BUF_INIT(TBS_CERTIFICATE_MAX_LEN);
    struct certify_issuer issuer;
    EVP_PKEY *key = NULL;
    bool ok;

    request.subject = plan->subject;
    request.validity = (struct api_validity){API_VALIDITY_DAYS, plan->days};
    request.san = plan->san;
    request.san_count = plan->san_count;
    ok = issuer_of(run, plan->issuer, plan->profile, &issuer, err) &&
         ceremony_path(run, "tls", plan->name, "key", &path, err) &&
         ceremony_file_key(buf_text(&path), plan->type, &key, err) &&
         ceremony_spki(key, &spki, err);
    request.spki = (struct der){spki.data, spki.len};
    ok = ok && certify(run->db, &issuer, &request, &der, err) &&
         ceremony_write_chain(run, "tls", plan->name, plan->issuer, &der, err);
    EVP_PKEY_free(key);
    buf_clear(&der);
    buf_clear(&spki);
    buf_clear(&path);
    return ok || error_wrap(err, "service %s", plan->name);
}

/* ---- Officers ---------------------------------------------------------- */

struct enrolment {
    const struct run *run;
    const struct ceremony_officer *plan;
    char officer_id[TEXT_UUID_LEN + 1];
};

static bool
add_roles(struct db *db, const struct enrolment *enrolment, json_t *names,
          struct error *err)
{
    size_t i;

    for (i = 0; i < enrolment->plan->role_count; i++) {
        const char *role = api_role_name(enrolment->plan->role[i]);

        json_array_append_new(names, json_string(role));
        if (!db_officer_add_role(db, enrolment->officer_id, role, err))
            return false;
    }
    return true;
}

/* In the transaction in which the certificate becomes valid. */
static bool
enrol(struct db *db, struct der certificate, void *arg, struct error *err)
{
    const struct enrolment *enrolment = arg;
    const struct ceremony_officer *plan = enrolment->plan;
    const char *name = plan->subject.attribute[API_COMMON_NAME];
    struct validity_period period;
    uint8_t id[32];
    json_t *body = json_object(), *roles = json_array();
    int64_t index, now = enrolment->run->now;
    bool ok;

    json_set_text(body, "order_id", enrolment->run->plan->id);
    json_set_text(body, "name", name != NULL ? name : plan->name);
    json_set_text(body, "person", plan->person);
    json_object_set(body, "roles", roles);
    ok = hash_sha256(certificate.data, certificate.len, id, err);
    json_set_hex(body, "credential_id", id, sizeof id);
    ok = ok && ceremony_period(certificate, &period, err) &&
         db_officer_insert(db, enrolment->officer_id,
                           name != NULL ? name : plan->name, plan->person, now,
                           err) &&
         add_roles(db, enrolment, roles, err) &&
         db_credential_insert(db, id, enrolment->officer_id, "x509",
                              certificate.data, certificate.len,
                              period.not_before, period.not_after, err) &&
         entry_append(db, now, "officer.enrolled", enrolment->officer_id, body,
                      &index, err);
    json_decref(roles);
    json_decref(body);
    return ok;
}

static bool
officer_spki(struct run *run, const struct ceremony_officer *plan,
             struct buf *out, struct error *err)
{
    struct buf path = BUF_INIT(1), folder = BUF_INIT(256);
    EVP_PKEY *key = NULL;
    bool ok;

    if (plan->csr != NULL)
        return ceremony_csr_spki(run->plan, plan, out, err);
    (void)buf_addf(&folder, "officers/%s", plan->name);
    ok = ceremony_path(run, buf_text(&folder), "key", "pem", &path, err) &&
         ceremony_file_key(buf_text(&path), plan->type, &key, err) &&
         ceremony_spki(key, out, err);
    EVP_PKEY_free(key);
    buf_clear(&folder);
    buf_clear(&path);
    return ok;
}

static bool
make_officer(struct run *run, size_t place, struct error *err)
{
    const struct ceremony_officer *plan = &run->plan->officer[place];
    struct enrolment enrolment = {.run = run, .plan = plan};
    struct certify_request request =
        request_of(run, plan->profile, ORDINAL_OFFICER + place);
    struct buf spki = BUF_INIT(HSM_SPKI_MAX);
    struct buf der = BUF_INIT(TBS_CERTIFICATE_MAX_LEN);
    struct certify_issuer issuer;
    bool ok;

    request.subject = plan->subject;
    request.validity = (struct api_validity){API_VALIDITY_DAYS, plan->days};
    request.when_valid = enrol;
    request.also_arg = &enrolment;
    ok = issuer_of(run, plan->issuer, plan->profile, &issuer, err) &&
         ceremony_officer_id(run->plan, plan->person, enrolment.officer_id,
                             err) &&
         officer_spki(run, plan, &spki, err);
    request.spki = (struct der){spki.data, spki.len};
    ok = ok && certify(run->db, &issuer, &request, &der, err) &&
         ceremony_write_officer(run, plan, &der, err);
    buf_clear(&der);
    buf_clear(&spki);
    return ok || error_wrap(err, "officer %s", plan->name);
}

/* ---- The whole --------------------------------------------------------- */

static bool
make_all(struct run *run, struct error *err)
{
    struct ending ending = {.run = run};
    size_t i;

    if (!make_log_key(run, err))
        return false;
    for (i = 0; i < run->plan->authority_count; i++)
        if (!ceremony_make_authority(run, i, err))
            return false;
    for (i = 0; i < run->plan->service_count; i++)
        if (!make_service(run, i, err))
            return false;
    for (i = 0; i < run->plan->officer_count; i++)
        if (!make_officer(run, i, err))
            return false;
    /* The files first: once the order is done nobody makes them again. */
    return ceremony_write_public(run, err) &&
           ceremony_write_protocol(run, ending.protocol, err) &&
           db_transaction(run->db, end_run, &ending, err);
}

bool
ceremony_run(const struct ceremony *ceremony, const struct config *config,
             const struct profile_set *profiles, const char *out,
             bool *was_done, struct error *err)
{
    struct run run = {.plan = ceremony,
                      .config = config,
                      .out = out,
                      .now = clock_now(),
                      .ocsp_signer = profile_set_find(profiles, "ocsp-signer"),
                      .link = profile_set_find(profiles, "link-ca"),
                      .keys = json_array(),
                      .crls = json_array()};
    bool ok;

    ok = ceremony_open(&run, err) && begin(&run, was_done, err) &&
         (*was_done || make_all(&run, err));
    ceremony_close(&run);
    return ok || error_wrap(err, "ceremony %s", ceremony->id);
}
