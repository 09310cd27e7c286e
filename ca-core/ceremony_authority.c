/* Authorities of a ceremony: key, certificate, OCSP signers, first CRL, links
 * to the generation before, and the switch. */
#include "ca-core/ceremony_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ca-core/crl.h"
#include "ca-core/entry.h"
#include "ca-core/ocsp_signer.h"
#include "db/crl.h"
#include "db/link.h"
#include "db/ocsp_key.h"

/* ---- The row ----------------------------------------------------------- */

struct planned {
    struct run *run;
    struct making *making;
};

static bool
record_planned(struct db *db, void *arg, struct error *err)
{
    struct planned *planned = arg;
    struct db_issuer *row = &planned->making->row;
    json_t *body = json_object();
    int64_t index;
    bool ok;

    json_set_text(body, "order_id", planned->run->plan->id);
    json_set_text(body, "token", row->token);
    json_set_hex(body, "key_id", row->key_id, row->key_id_len);
    json_set_text(body, "key_type", row->key_type);
    json_set_bytes(body, "spki", row->spki, row->spki_len);
    json_set_int(body, "generation", row->generation);
    ok = db_issuer_insert(db, row, err) &&
         entry_append(db, planned->run->now, "issuer.planned", row->name, body,
                      &index, err);
    json_decref(body);
    return ok;
}

static bool
fill_row(const struct run *run, struct making *making,
         const struct hsm_key *key, struct error *err)
{
    const struct ceremony_authority *plan = making->plan;
    const struct db_issuer *parent = NULL, *old = NULL;
    struct db_issuer *row = &making->row;
    struct buf subject = BUF_INIT(NAME_MAX_LEN);

    if (plan->parent != NULL)
        parent = ceremony_issuer(run, plan->parent);
    if (plan->replaces != NULL)
        old = ceremony_issuer(run, plan->replaces);
    (void)snprintf(row->name, sizeof row->name, "%s", plan->name);
    row->state = DB_ISSUER_PLANNED;
    row->is_root = plan->parent == NULL;
    row->generation = old == NULL ? 1 : old->generation + 1;
    (void)snprintf(row->token, sizeof row->token, "%s",
                   config_text(run->config, row->is_root ? "hsm.root.token"
                                                         : "hsm.ca.token"));
    memcpy(row->key_id, key->id, key->id_len);
    row->key_id_len = key->id_len;
    (void)snprintf(row->key_type, sizeof row->key_type, "%s",
                   hsm_key_type_name(plan->type));
    (void)snprintf(row->scheme, sizeof row->scheme, "%s",
                   hsm_scheme_name(plan->scheme));
    row->parent_id = parent == NULL ? 0 : parent->issuer_id;
    row->created_at = run->now;
    row->spki = base_copy(key->spki, key->spki_len);
    row->spki_len = key->spki_len;
    if (!name_encode(&plan->subject, &subject, err)) {
        buf_clear(&subject);
        return false;
    }
    row->subject = buf_take(&subject, &row->subject_len);
    return true;
}

/* The row of an earlier run, if there is one. It must be of this ceremony. */
static bool
take_row(const struct run *run, struct making *making,
         const struct hsm_key *key, bool *is_there, struct error *err)
{
    const char *name = making->plan->name;
    size_t i;

    *is_there = false;
    for (i = 0; i < run->issuer_count; i++)
        if (strcmp(run->issuers[i].name, name) == 0) {
            const struct db_issuer *row = &run->issuers[i];

            if (row->key_id_len != key->id_len ||
                memcmp(row->key_id, key->id, key->id_len) != 0)
                return error_set(err, ERROR_CONFLICT,
                                 "there is an issuer %s already", name);
            making->row.issuer_id = row->issuer_id;
            making->row.state = row->state;
            *is_there = true;
        }
    return true;
}

static bool
make_row(struct run *run, struct making *making, struct error *err)
{
    const struct ceremony_authority *plan = making->plan;
    const char *token = config_text(
        run->config, plan->parent == NULL ? "hsm.root.token" : "hsm.ca.token");
    struct planned planned = {run, making};
    const struct hsm_key *key;
    enum db_issuer_state state;
    char purpose[128];
    bool is_there;

    (void)snprintf(purpose, sizeof purpose, "authority %s", plan->name);
    if (!ceremony_token_key(run, plan->parent == NULL ? run->root : run->ca,
                            token, purpose, plan->name, plan->type, &key,
                            err) ||
        !take_row(run, making, key, &is_there, err))
        return false;
    state = making->row.state;
    if (!fill_row(run, making, key, err))
        return false;
    if (is_there) {
        making->row.state = state;
        return true;
    }
    return db_transaction(run->db, record_planned, &planned, err);
}

/* ---- Its certificates -------------------------------------------------- */

static struct certify_request
request_of(const struct run *run, const struct making *making,
           const struct profile *profile, size_t ordinal)
{
    size_t place = (size_t)(making - run->making);

    return (struct certify_request){
        .order_id = run->plan->id,
        .ordinal = (int32_t)(ORDINAL_AUTHORITY * place + ordinal),
        .profile = profile,
        .publish_url = config_text(run->config, "publish.url"),
        .now = clock_now(),
    };
}

static bool
make_certificate(struct run *run, struct making *making, struct error *err)
{
    const struct ceremony_authority *plan = making->plan;
    const struct db_issuer *signer = &making->row;
    struct certify_request request = request_of(run, making, plan->profile, 0);
    struct certify_issuer issuer;
    struct validity_period period;
    struct buf *der = &making->certificate;

    if (plan->parent != NULL) {
        signer = ceremony_issuer(run, plan->parent);
        if (signer == NULL || signer->certificate == NULL)
            return error_set(err, ERROR_INPUT, "there is no issuer %s",
                             plan->parent);
        if (!profile_allows_issuer(plan->profile, plan->parent,
                                   signer->is_root))
            return error_set(err, ERROR_INPUT,
                             "profile %s is not signed by an issuer like %s",
                             plan->profile->name, plan->parent);
    }
    request.subject = plan->subject;
    request.spki = (struct der){making->row.spki, making->row.spki_len};
    request.validity = (struct api_validity){API_VALIDITY_YEARS, plan->years};
    der->limit = TBS_CERTIFICATE_MAX_LEN;
    if (!certify_issuer_init(&issuer, signer, ceremony_token_of(run, signer),
                             err) ||
        !certify(run->db, &issuer, &request, der, err) ||
        !ceremony_period((struct der){der->data, der->len}, &period, err))
        return false;
    making->row.certificate = der->data; /* lent for the run */
    making->row.certificate_len = der->len;
    making->row.not_after = period.not_after;
    return true;
}

static bool
add_ocsp_key(struct db *db, struct der certificate, void *arg,
             struct error *err)
{
    (void)certificate; /* stored by certify() */
    return db_ocsp_key_insert(db, arg, err);
}

static bool
make_ocsp_signer(struct run *run, struct making *making, size_t place,
                 struct error *err)
{
    const struct ceremony_ocsp_key *plan = &making->plan->ocsp_key[place];
    struct certify_request request =
        request_of(run, making, run->ocsp_signer, ORDINAL_OCSP_KEY + place);
    struct db_ocsp_key row = {.issuer_id = making->row.issuer_id};
    struct buf der = BUF_INIT(TBS_CERTIFICATE_MAX_LEN);
    struct certify_issuer issuer;
    const struct hsm_key *key;
    char purpose[128];
    bool ok;

    (void)snprintf(purpose, sizeof purpose, "ocsp %s %zu", making->plan->name,
                   place);
    if (!ceremony_token_key(run, run->ocsp,
                            config_text(run->config, "hsm.ocsp.token"), purpose,
                            making->plan->name, plan->type, &key, err))
        return false;
    memcpy(row.key_id, key->id, key->id_len);
    row.key_id_len = key->id_len;
    memcpy(row.spki, key->spki, key->spki_len);
    row.spki_len = key->spki_len;
    (void)snprintf(row.scheme, sizeof row.scheme, "%s",
                   hsm_scheme_name(hsm_scheme_default(plan->type)));
    request.spki = (struct der){key->spki, key->spki_len};
    request.when_valid = add_ocsp_key;
    request.also_arg = &row;
    ok = certify_issuer_init(&issuer, &making->row,
                             ceremony_token_of(run, &making->row), err) &&
         ocsp_signer_certify(run->db, &issuer, &request,
                             (int64_t)plan->days * 86400, &der, err);
    buf_clear(&der);
    return ok || error_wrap(err, "OCSP signer");
}

static bool
make_crl(struct run *run, struct making *making, struct error *err)
{
    const char *validity =
        making->row.is_root ? "ca.root_crl_validity_s" : "ca.crl_validity_s";
    struct crl_published crl;
    struct db_crl_base base;
    json_t *entry;

    if (!db_crl_base(run->db, making->row.issuer_id, clock_now(), &base, err))
        return false;
    if (base.this_update != 0) /* by an earlier run */
        return true;
    if (!crl_publish(run->db, ceremony_token_of(run, &making->row),
                     &making->row, clock_now(),
                     config_int(run->config, validity), 0, &crl, err))
        return false;
    entry = json_object();
    json_set_text(entry, "issuer", making->row.name);
    json_set_int(entry, "number", crl.number);
    json_array_append_new(run->crls, entry);
    return true;
}

/* ---- Generations ------------------------------------------------------- */

/* One key of an authority, signed with its other: RFC 4210, 4.4. Both have the
 * same name, so it is self-issued and no path length counts it (RFC 5280,
 * 4.2.1.9). */
static bool
make_link(struct run *run, struct making *making,
          const struct db_issuer *signer, const struct db_issuer *subject,
          size_t ordinal, const struct validity_period *period, struct buf *der,
          struct error *err)
{
    struct certify_request request =
        request_of(run, making, run->link, ordinal);
    struct certify_issuer issuer;

    request.subject = making->plan->subject;
    request.spki = (struct der){subject->spki, subject->spki_len};
    request.period = period;
    return certify_issuer_init(&issuer, signer, ceremony_token_of(run, signer),
                               err) &&
           certify(run->db, &issuer, &request, der, err);
}

struct activation {
    struct run *run;
    struct making *making;
    const struct db_issuer *old; /* NULL: the first generation */
    struct buf new_by_old, old_by_new;
};

static bool
make_links(struct activation *a, struct error *err)
{
    const struct db_issuer *new = &a->making->row, *old = a->old;
    const struct der old_der = {old->certificate, old->certificate_len};
    const struct der new_der = {new->certificate, new->certificate_len};
    struct validity_period old_by_new, new_by_old;

    /* New with old: from the new key's making to the old one's end. Old with
     * new: as long as the old one. */
    if (!ceremony_period(old_der, &old_by_new, err) ||
        !ceremony_period(new_der, &new_by_old, err))
        return false;
    if (new_by_old.not_after > old_by_new.not_after)
        new_by_old.not_after = old_by_new.not_after;
    return make_link(a->run, a->making, old, new, ORDINAL_NEW_BY_OLD,
                     &new_by_old, &a->new_by_old, err) &&
           make_link(a->run, a->making, new, old, ORDINAL_OLD_BY_NEW,
                     &old_by_new, &a->old_by_new, err);
}

/* In one transaction: the new one is there, the old one issues no more. */
static bool
activate(struct db *db, void *arg, struct error *err)
{
    const struct activation *a = arg;
    const struct db_issuer *row = &a->making->row, *old = a->old;
    const char *state = db_issuer_state_name(a->making->plan->state);
    json_t *body = json_object();
    int64_t index;
    bool ok;

    json_set_text(body, "order_id", a->run->plan->id);
    json_set_text(body, "state", state);
    json_set_bytes(body, "certificate", row->certificate, row->certificate_len);
    if (old != NULL)
        json_set_text(body, "replaces", old->name);
    ok = db_issuer_certify(db, row->issuer_id, row->certificate,
                           row->certificate_len, row->not_after,
                           a->making->plan->state, err) &&
         (old == NULL ||
          (db_issuer_move(db, old->issuer_id, DB_ISSUER_ACTIVE,
                          DB_ISSUER_RETIRED, err) &&
           db_link_insert(db, row->issuer_id, old->issuer_id,
                          a->new_by_old.data, a->new_by_old.len, err) &&
           db_link_insert(db, old->issuer_id, row->issuer_id,
                          a->old_by_new.data, a->old_by_new.len, err))) &&
         entry_append(db, clock_now(), "issuer.activated", row->name, body,
                      &index, err);
    json_decref(body);
    return ok;
}

/* The generation before must be one: the same name. */
static bool
find_old(const struct run *run, const struct making *making,
         const struct db_issuer **out, struct error *err)
{
    const char *name = making->plan->replaces;
    const struct db_issuer *old;

    *out = NULL;
    if (name == NULL)
        return true;
    old = ceremony_issuer(run, name);
    if (old == NULL || old->certificate == NULL)
        return error_set(err, ERROR_INPUT, "there is no issuer %s to replace",
                         name);
    if (old->state != DB_ISSUER_ACTIVE)
        return error_set(err, ERROR_CONFLICT, "issuer %s is %s, not active",
                         name, db_issuer_state_name(old->state));
    if (old->subject_len != making->row.subject_len ||
        memcmp(old->subject, making->row.subject, old->subject_len) != 0)
        return error_set(err, ERROR_INPUT,
                         "%s has another name than %s: a generation is a new "
                         "key under the same name (RFC 4210, 4.4)",
                         making->row.name, name);
    *out = old;
    return true;
}

bool
ceremony_make_authority(struct run *run, size_t place, struct error *err)
{
    struct making *making = &run->making[place];
    struct activation activation = {
        .run = run,
        .making = making,
        .new_by_old = BUF_INIT(TBS_CERTIFICATE_MAX_LEN),
        .old_by_new = BUF_INIT(TBS_CERTIFICATE_MAX_LEN),
    };
    size_t i;
    bool ok;

    making->plan = &run->plan->authority[place];
    ok = make_row(run, making, err) && make_certificate(run, making, err);
    for (i = 0; ok && i < making->plan->ocsp_key_count; i++)
        ok = make_ocsp_signer(run, making, i, err);
    ok = ok && make_crl(run, making, err);
    if (ok && making->row.state == DB_ISSUER_PLANNED) {
        ok = find_old(run, making, &activation.old, err) &&
             (activation.old == NULL || make_links(&activation, err)) &&
             db_transaction(run->db, activate, &activation, err);
        if (ok)
            making->row.state = making->plan->state;
    }
    buf_clear(&activation.new_by_old);
    buf_clear(&activation.old_by_new);
    return ok || error_wrap(err, "authority %s", making->plan->name);
}
