/* What a ceremony stands on: database, tokens, the issuers that are there. */
#include "ca-core/ceremony_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/sql_ca.h"

bool
ceremony_open_token(const struct config *config, const char *which,
                    struct hsm **out, struct error *err)
{
    char token[64], pin_file[64];

    (void)snprintf(token, sizeof token, "hsm.%s.token", which);
    (void)snprintf(pin_file, sizeof pin_file, "hsm.%s.pin_file", which);
    const char *required[] = {pin_file, NULL};
    const struct hsm_options options = {
        .module = config_path(config, "hsm.module"),
        .token = config_text(config, token),
        .pin_file = config_path(config, pin_file),
        .lock_dir = config_path(config, "hsm.lock_dir"),
        .signer_count = 0, /* in this process, on the operator's machine */
    };

    if (!config_require(config, required, err) || !hsm_open(&options, out, err))
        return error_wrap(err, "token %s", options.token);
    return true;
}

bool
ceremony_open_database(const struct config *config, struct db_options *options,
                       struct db **out, struct error *err)
{
    static const char *const required[] = {"db.ca", "publish.url", NULL};

    if (!config_require(config, required, err))
        return false;
    *options = (struct db_options){
        .connection = config_text(config, "db.ca"),
        .statements = db_ca_statements,
        .statement_count = DB_CA_STATEMENT_COUNT,
        .connect_timeout_s = 5,
        .statement_timeout_ms = 600000, /* a CRL of millions */
    };
    return db_open(options, out, err);
}

/* Whether an authority of the file is signed with a key of the root's token. */
static bool
needs_root(const struct run *run)
{
    const char *token = config_text(run->config, "hsm.root.token");
    size_t i;

    for (i = 0; i < run->plan->authority_count; i++) {
        const struct ceremony_authority *plan = &run->plan->authority[i];
        const struct db_issuer *parent;

        if (plan->parent == NULL)
            return true;
        parent = ceremony_issuer(run, plan->parent);
        if (parent != NULL && strcmp(parent->token, token) == 0)
            return true;
    }
    return false;
}

static bool
needs_ocsp(const struct run *run)
{
    size_t i;

    for (i = 0; i < run->plan->authority_count; i++)
        if (run->plan->authority[i].ocsp_key_count > 0)
            return true;
    return false;
}

bool
ceremony_open(struct run *run, struct error *err)
{
    if (run->ocsp_signer == NULL || run->link == NULL)
        return error_set(err, ERROR_INPUT,
                         "a profile is missing: ocsp-signer or link-ca");
    return ceremony_open_database(run->config, &run->db_options, &run->db,
                                  err) &&
           db_issuer_list(run->db, &run->issuers, &run->issuer_count, err) &&
           (!needs_root(run) ||
            ceremony_open_token(run->config, "root", &run->root, err)) &&
           ceremony_open_token(run->config, "ca", &run->ca, err) &&
           (!needs_ocsp(run) ||
            ceremony_open_token(run->config, "ocsp", &run->ocsp, err));
}

void
ceremony_close(struct run *run)
{
    size_t i;

    for (i = 0; i < CEREMONY_AUTHORITIES_MAX; i++) {
        free(run->making[i].row.subject);
        free(run->making[i].row.spki);
        buf_clear(&run->making[i].certificate);
    }
    db_issuers_free(run->issuers, run->issuer_count);
    hsm_close(run->ocsp);
    hsm_close(run->ca);
    hsm_close(run->root);
    db_close(run->db);
    json_decref(run->keys);
    json_decref(run->crls);
}

const struct db_issuer *
ceremony_issuer(const struct run *run, const char *name)
{
    size_t i;

    for (i = 0; i < run->plan->authority_count; i++)
        if (strcmp(run->plan->authority[i].name, name) == 0 &&
            run->making[i].row.issuer_id != 0)
            return &run->making[i].row;
    for (i = 0; i < run->issuer_count; i++)
        if (strcmp(run->issuers[i].name, name) == 0)
            return &run->issuers[i];
    return NULL;
}

struct hsm *
ceremony_token_of(const struct run *run, const struct db_issuer *row)
{
    const char *root = config_text(run->config, "hsm.root.token");

    return strcmp(row->token, root) == 0 ? run->root : run->ca;
}

bool
ceremony_period(struct der certificate, struct validity_period *out,
                struct error *err)
{
    struct der in = certificate, tbs, skipped, validity;
    struct der_item item;

    /* RFC 5280, 4.1: version, serialNumber, signature, issuer, validity. */
    if (der_take(&in, DER_SEQUENCE, &tbs) &&
        der_take(&tbs, DER_SEQUENCE, &in) &&
        der_take(&in, DER_CONTEXT_CONSTRUCTED(0), &skipped) &&
        der_next(&in, &item) && der_next(&in, &item) && der_next(&in, &item) &&
        der_take(&in, DER_SEQUENCE, &validity) &&
        der_take_time(&validity, &out->not_before) &&
        der_take_time(&validity, &out->not_after))
        return true;
    return error_set(err, ERROR_INTERNAL, "this is no certificate");
}
