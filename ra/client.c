/* Pages, proofs and seals of the holder's client: ra/client.h. */
#include "ra/client_internal.h"

#include <ctype.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/json.h"
#include "base/text.h"
#include "db/client.h"

bool
client_denied(struct error *err)
{
    return error_set(err, ERROR_DENIED,
                     "the code, the device or its signature is not right, or "
                     "the code has run out");
}

bool
client_unknown(struct error *err, const struct error *why)
{
    if (why->code == ERROR_NOT_FOUND)
        return client_denied(err);
    if (err != NULL)
        *err = *why;
    return false;
}

/* ---- What is signed --------------------------------------------------------
 */

bool
client_certificate(struct db *db, const struct db_case *row, int64_t at,
                   struct db_holder *out, struct error *err)
{
    bool found = false;

    if (row->predecessor_issuer == NULL)
        return error_set(err, ERROR_CONFLICT, "case %s is about no certificate",
                         row->number);
    if (!db_holder_get(db, row->predecessor_issuer, row->predecessor_serial,
                       &found, out, err))
        return false;
    if (found && strcmp(out->state, "valid") == 0 && out->not_after > at)
        return true;
    if (found)
        db_holder_clear(out);
    return error_set(err, ERROR_CONFLICT,
                     "the certificate of case %s is not live", row->number);
}

bool
client_verify_certificate(const struct db_holder *holder,
                          const struct buf *statement, const uint8_t *signature,
                          size_t signature_len, struct error *err)
{
    const unsigned char *p = holder->der;
    X509 *x509 = d2i_X509(NULL, &p, (long)holder->der_len);
    EVP_PKEY *key; /* borrowed from x509 */
    bool ok;

    if (x509 == NULL || (key = X509_get0_pubkey(x509)) == NULL)
        ok = error_openssl(err, ERROR_INTERNAL, "certificate of %s",
                           holder->number);
    else
        ok = api_verify(key, statement->data, statement->len, signature,
                        signature_len, err);
    X509_free(x509);
    return ok;
}

bool
client_call_statement(const struct client_call *call, struct buf *out,
                      struct error *err)
{
    json_t *json;
    bool ok;

    if (call->signed_at < call->at - CLIENT_TOLERANCE_S ||
        call->signed_at > call->at + CLIENT_TOLERANCE_S)
        return error_set(err, ERROR_DENIED,
                         "signed_at: more than %d s from the server's time",
                         CLIENT_TOLERANCE_S);
    json = json_object();
    json_set_text(json, "action", call->action);
    json_set_text(json, "device", call->device);
    json_set_text(json, "number", call->number);
    json_set_time(json, "signed_at", call->signed_at);
    ok = json_canonical(json, out, err);
    json_decref(json);
    return ok;
}

bool
client_csr_parse(const uint8_t *der, size_t len, X509_REQ **out,
                 struct error *err)
{
    const unsigned char *p = der;
    X509_REQ *req =
        len > CLIENT_CSR_MAX ? NULL : d2i_X509_REQ(NULL, &p, (long)len);
    EVP_PKEY *key; /* borrowed from req */

    if (req != NULL && p == der + len &&
        (key = X509_REQ_get0_pubkey(req)) != NULL &&
        X509_REQ_verify(req, key) == 1) {
        *out = req;
        return true;
    }
    X509_REQ_free(req);
    return error_openssl(err, ERROR_INPUT,
                         "csr: no PKCS #10 request signed with its own key");
}

/* ---- The page and the client -----------------------------------------------
 */

struct code_run {
    const struct business *business;
    const char *account;
    const char *number;
    int64_t at;
    char code[CODE_MAX + 1];
};

static bool
code_run(struct db *db, void *arg, struct error *err)
{
    struct code_run *run = arg;
    struct db_case row = {0};
    enum case_state state;
    bool ok = false;

    if (!db_case_get(db, run->number, true, &row, err))
        return false;
    if (strcmp(row.account, run->account) != 0)
        error_set(err, ERROR_NOT_FOUND, "there is no such case");
    else if (!case_state_find(row.state, &state) || case_state_is_final(state))
        error_set(err, ERROR_CONFLICT, "a case that is %s needs no client",
                  row.state);
    else
        ok = code_draw(db, run->business->vault, run->number, CODE_CLIENT, NULL,
                       run->at, run->code, err);
    db_case_clear(&row);
    return ok;
}

bool
client_code_make(const struct business *business, struct db *db,
                 const char *account, const char *number, int64_t at,
                 char code[CODE_MAX + 1], int64_t *expires_at,
                 struct error *err)
{
    struct code_run run = {
        .business = business, .account = account, .number = number, .at = at};

    if (!db_transaction(db, code_run, &run, err))
        return false;
    memcpy(code, run.code, sizeof run.code);
    OPENSSL_cleanse(run.code, sizeof run.code);
    *expires_at = at + code_life_s(CODE_CLIENT);
    return true;
}

/* Bound to code and case, and nothing that can be told from either: there is
 * no row to keep. */
static void
challenge_make(const struct vault *vault, const char *number, const char *code,
               char out[2 * VAULT_BLIND_LEN + 1])
{
    struct buf text = BUF_INIT(256);
    uint8_t hash[VAULT_BLIND_LEN];

    (void)buf_addf(&text, "%s/", number);
    for (; *code != '\0'; code++)
        if (*code != ' ' && *code != '-')
            (void)buf_add_byte(&text, (uint8_t)toupper((unsigned char)*code));
    vault_blind(vault, "client-challenge", buf_text(&text), hash);
    text_hex(hash, sizeof hash, out);
    buf_cleanse(&text);
}

/* The case that the code belongs to, which may be at its end by now. */
static bool
case_of_code(const struct business *business, struct db *db, const char *code,
             int64_t at, struct db_case *row, struct error *err)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    if (!code_client_find(db, business->vault, code, at, number, sizeof number,
                          err))
        return false;
    if (number[0] == '\0')
        return client_denied(err);
    return db_case_get(db, number, false, row, err);
}

bool
client_challenge(const struct business *business, struct db *db,
                 const char *code, int64_t at, json_t **out, struct error *err)
{
    struct db_case row = {0};
    struct db_holder holder = {0};
    char challenge[2 * VAULT_BLIND_LEN + 1];
    json_t *certificate;
    bool ok = false;

    if (!case_of_code(business, db, code, at, &row, err) ||
        !client_certificate(db, &row, at, &holder, err))
        goto out;
    challenge_make(business->vault, row.number, code, challenge);
    certificate = json_object();
    json_set_text(certificate, "issuer", holder.issuer);
    json_set_hex(certificate, "serial", holder.serial, DB_HOLDER_SERIAL_LEN);
    *out = json_object();
    json_set_text(*out, "number", row.number);
    json_set_text(*out, "business", row.business);
    json_set_text(*out, "challenge", challenge);
    if (holder.device != NULL)
        json_set_text(*out, "device", holder.device);
    json_object_set_new(*out, "certificate", certificate);
    ok = true;
out:
    db_holder_clear(&holder);
    db_case_clear(&row);
    return ok;
}

static bool
proof_verify(const struct business *business, const struct client_proof *proof,
             const struct db_case *row, const struct db_holder *holder,
             struct error *err)
{
    struct buf statement = BUF_INIT(CLIENT_STATEMENT_MAX);
    char challenge[2 * VAULT_BLIND_LEN + 1];
    json_t *json = json_object();
    bool ok = false;

    challenge_make(business->vault, row->number, proof->code, challenge);
    json_set_text(json, "challenge", challenge);
    json_set_text(json, "device", proof->device);
    json_set_text(json, "number", row->number);
    if (!json_canonical(json, &statement, err))
        goto out;
    if (holder->device == NULL || strcmp(holder->device, proof->device) != 0) {
        error_set(err, ERROR_DENIED,
                  "device %s does not hold the certificate of this account",
                  proof->device);
        goto out;
    }
    ok = client_verify_certificate(holder, &statement, proof->signature,
                                   proof->signature_len, err);
out:
    buf_clear(&statement);
    json_decref(json);
    return ok;
}

struct prove_run {
    const char *number;
    const struct client_proof *proof;
};

static bool
prove_run(struct db *db, void *arg, struct error *err)
{
    struct prove_run *run = arg;
    struct db_case row = {0};
    json_t *detail;
    bool ok;

    if (!db_case_get(db, run->number, true, &row, err))
        return false;
    detail = json_object();
    json_set_text(detail, "device", run->proof->device);
    json_set_text(detail, "issuer", row.predecessor_issuer);
    json_set_hex(detail, "serial", row.predecessor_serial,
                 DB_HOLDER_SERIAL_LEN);
    ok = code_spend(db, run->number, CODE_CLIENT, run->proof->at, err) &&
         case_note(db, &row, "device-proved", "holder", detail, run->proof->at,
                   err);
    json_decref(detail);
    db_case_clear(&row);
    return ok;
}

bool
client_prove(const struct business *business, struct db *db,
             const struct client_proof *proof,
             char number[DB_CASE_NUMBER_MAX + 1], struct error *err)
{
    struct db_case row = {0};
    struct db_holder holder = {0};
    struct prove_run run = {number, proof};
    bool ok = false;

    if (!case_of_code(business, db, proof->code, proof->at, &row, err) ||
        !client_certificate(db, &row, proof->at, &holder, err) ||
        !proof_verify(business, proof, &row, &holder, err))
        goto out;
    memcpy(number, row.number, strlen(row.number) + 1);
    ok = db_transaction(db, prove_run, &run, err);
out:
    db_holder_clear(&holder);
    db_case_clear(&row);
    return ok;
}

bool
client_is_proved(struct db *db, const char *number, bool *is_proved,
                 struct error *err)
{
    return db_client_is_proved(db, number, is_proved, err);
}

/* ---- Seal ------------------------------------------------------------------
 */

bool
client_seal_installed(const struct business *business, struct db *db,
                      const struct client_call *call, enum case_state *to,
                      struct error *err)
{
    struct db_case row = {0};
    struct db_holder holder = {0};
    struct buf statement = BUF_INIT(CLIENT_STATEMENT_MAX);
    struct case_act act = {.number = call->number,
                           .event = CASE_INSTALL,
                           .who = CASE_BY_HOLDER,
                           .actor = "holder",
                           .at = call->at,
                           .known = {.holder_signed = true}};
    bool ok = false;

    if (!client_call_statement(call, &statement, err) ||
        !db_case_get(db, call->number, false, &row, err))
        goto out;
    if (strcmp(row.business, "seal") != 0) {
        error_set(err, ERROR_NOT_FOUND, "there is no such case");
        goto out;
    }
    if (!client_certificate(db, &row, call->at, &holder, err) ||
        !client_verify_certificate(&holder, &statement, call->signature,
                                   call->signature_len, err))
        goto out;
    if (holder.device == NULL || strcmp(holder.device, call->device) != 0) {
        client_denied(err);
        goto out;
    }
    *to = CASE_INSTALLED;
    ok = strcmp(row.state, "installed") == 0 ||
         case_apply(business, db, &act, to, err);
out:
    buf_clear(&statement);
    db_holder_clear(&holder);
    db_case_clear(&row);
    return ok;
}
