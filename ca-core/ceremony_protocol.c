/* The signed protocol of a ceremony: what was done, before whom, with what. */
#include "ca-core/ceremony_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/pem.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/text.h"
#include "ca-core/crl.h"
#include "ca-core/serial.h"
#include "db/crl.h"
#include "hsm/inspect.h"

enum { PROTOCOL_MAX = 4 * 1024 * 1024, TEXT_MAX = 4096 };

json_t *
ceremony_witnesses_json(const struct ceremony *plan)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < plan->witness_count; i++) {
        json_t *entry = json_object();

        json_set_text(entry, "name", plan->witness[i].name);
        json_set_text(entry, "role", plan->witness[i].role);
        json_array_append_new(list, entry);
    }
    return list;
}

static bool
digest_hex(json_t *entry, const char *name, const uint8_t *data, size_t len,
           struct error *err)
{
    uint8_t digest[32];

    if (!hash_sha256(data, len, digest, err))
        return false;
    json_set_hex(entry, name, digest, sizeof digest);
    return true;
}

/* Told from the database's rows, not from what this run remembers: a ceremony
 * that was resumed has one protocol of all that was done. */
static bool
list_certificates(struct run *run, json_t *list, struct error *err)
{
    struct db_certificate *rows = NULL;
    size_t count = 0, i;
    bool ok;

    ok = db_certificate_of_order(run->db, run->plan->id, &rows, &count, err);
    for (i = 0; ok && i < count; i++) {
        json_t *entry = json_object();
        struct serial serial;
        char text[SERIAL_TEXT_LEN + 1];

        memcpy(serial.octet, rows[i].serial, sizeof serial.octet);
        serial_format(&serial, text);
        json_set_int(entry, "ordinal", rows[i].ordinal);
        json_set_text(entry, "profile", rows[i].profile);
        json_set_text(entry, "serial", text);
        json_set_text(entry, "subject", rows[i].subject_text);
        json_set_time(entry, "not_before", rows[i].not_before);
        json_set_time(entry, "not_after", rows[i].not_after);
        json_set_hex(entry, "spki_sha256", rows[i].spki_sha256, 32);
        ok = digest_hex(entry, "sha256", rows[i].der, rows[i].der_len, err);
        json_array_append_new(list, entry);
    }
    db_certificates_free(rows, count);
    return ok;
}

static bool
list_officers(const struct run *run, json_t *list, struct error *err)
{
    size_t i, k;

    for (i = 0; i < run->plan->officer_count; i++) {
        const struct ceremony_officer *plan = &run->plan->officer[i];
        char id[TEXT_UUID_LEN + 1];
        json_t *entry, *roles;

        if (!ceremony_officer_id(run->plan, plan->person, id, err))
            return false;
        entry = json_object();
        roles = json_array();
        for (k = 0; k < plan->role_count; k++)
            json_array_append_new(roles,
                                  json_string(api_role_name(plan->role[k])));
        json_set_text(entry, "officer_id", id);
        json_set_text(entry, "person", plan->person);
        json_object_set_new(entry, "roles", roles);
        json_array_append_new(list, entry);
    }
    return true;
}

static bool
list_crls(struct run *run, json_t *list, struct error *err)
{
    size_t i;

    for (i = 0; i < run->plan->authority_count; i++) {
        const struct db_issuer *row = &run->making[i].row;
        struct buf der = BUF_INIT(CRL_MAX_LEN);
        json_t *entry = json_object();
        int64_t number;
        bool ok;

        ok = db_crl_newest(run->db, row->issuer_id, &number, &der, err) &&
             digest_hex(entry, "sha256", der.data, der.len, err);
        buf_clear(&der);
        json_set_text(entry, "issuer", row->name);
        if (ok)
            json_set_int(entry, "number", number);
        json_array_append_new(list, entry);
        if (!ok)
            return false;
    }
    return true;
}

/* The devices that the keys are in, by their serial numbers. */
static bool
list_tokens(const struct run *run, json_t *list, struct error *err)
{
    static const char *const settings[] = {"hsm.root.token", "hsm.ca.token",
                                           "hsm.ocsp.token"};
    const struct hsm *const open[] = {run->root, run->ca, run->ocsp};
    struct hsm_listed_token *tokens = base_alloc(HSM_LIST_MAX * sizeof *tokens);
    size_t count = 0, i, k;
    bool ok = hsm_token_list(config_path(run->config, "hsm.module"), tokens,
                             &count, err);

    for (i = 0; ok && i < 3; i++)
        for (k = 0; open[i] != NULL && k < count; k++) {
            json_t *entry;

            if (strcmp(tokens[k].label,
                       config_text(run->config, settings[i])) != 0)
                continue;
            entry = json_object();
            json_set_text(entry, "label", tokens[k].label);
            json_set_text(entry, "serial", tokens[k].serial);
            json_set_text(entry, "manufacturer", tokens[k].manufacturer);
            json_set_text(entry, "model", tokens[k].model);
            json_array_append_new(list, entry);
        }
    free(tokens);
    return ok;
}

static bool
describe(struct run *run, json_t *protocol, struct error *err)
{
    json_t *certificates = json_array(), *officers = json_array();
    json_t *crls = json_array(), *log_key = json_object();
    json_t *tokens = json_array();
    char host[256] = "";

    (void)gethostname(host, sizeof host - 1);
    json_set_text(protocol, "ceremony", run->plan->id);
    json_set_text(protocol, "title", run->plan->title);
    json_set_hex(protocol, "file_sha256", run->plan->digest, 32);
    json_set_text(protocol, "program", "signet " SIGNET_VERSION);
    json_set_text(protocol, "host", host);
    json_set_time(protocol, "begun_at", run->now);
    json_set_time(protocol, "done_at", clock_now());
    json_object_set_new(protocol, "witnesses",
                        ceremony_witnesses_json(run->plan));
    json_object_set_new(protocol, "tokens", tokens);
    json_object_set(protocol, "keys", run->keys);
    json_object_set_new(protocol, "certificates", certificates);
    json_object_set_new(protocol, "officers", officers);
    json_object_set_new(protocol, "crls", crls);
    json_set_hex(log_key, "key_id", run->log_row.key_id,
                 run->log_row.key_id_len);
    json_set_text(log_key, "scheme", run->log_row.scheme);
    json_object_set_new(protocol, "signed_by", log_key);
    return list_tokens(run, tokens, err) &&
           list_certificates(run, certificates, err) &&
           list_officers(run, officers, err) && list_crls(run, crls, err);
}

bool
ceremony_write_protocol(struct run *run, uint8_t digest[32], struct error *err)
{
    struct buf text = BUF_INIT(PROTOCOL_MAX), path = BUF_INIT(1);
    struct buf name = BUF_INIT(TEXT_MAX);
    uint8_t signature[HSM_SIGNATURE_MAX];
    size_t len = sizeof signature;
    json_t *protocol = json_object();
    bool ok;

    (void)buf_addf(&name, "ceremony-%s", run->plan->id);
    ok = describe(run, protocol, err) && json_canonical(protocol, &text, err) &&
         hsm_sign_checked(run->ca, run->log_key, run->log_scheme, text.data,
                          text.len, signature, &len, err) &&
         ceremony_path(run, "protocol", buf_text(&name), "json", &path, err) &&
         text_file_write(buf_text(&path), text.data, text.len, 0644, err) &&
         ceremony_path(run, "protocol", buf_text(&name), "sig", &path, err) &&
         text_file_write(buf_text(&path), signature, len, 0644, err) &&
         hash_sha256(text.data, text.len, digest, err);
    json_decref(protocol);
    buf_clear(&name);
    buf_clear(&path);
    buf_clear(&text);
    return ok || error_wrap(err, "protocol");
}

/* ---- Verifying --------------------------------------------------------- */

static bool
read_public_key(const char *path, EVP_PKEY **out, struct error *err)
{
    struct buf pem = BUF_INIT(PROTOCOL_MAX);
    BIO *bio = NULL;
    bool ok = false;

    if (!text_file_read(path, PROTOCOL_MAX, &pem, err))
        goto out;
    bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    if (bio == NULL ||
        (*out = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL)) == NULL) {
        error_openssl(err, ERROR_INPUT, "%s holds no public key", path);
        goto out;
    }
    ok = true;
out:
    BIO_free(bio);
    buf_clear(&pem);
    return ok;
}

static void
report_list(const json_t *protocol, const char *member,
            const char *const *names, struct buf *report)
{
    const json_t *list = json_object_get(protocol, member), *entry;
    size_t i, k;

    json_array_foreach(list, i, entry)
    {
        (void)buf_addf(report, "%s:", member);
        for (k = 0; names[k] != NULL; k++) {
            const char *text =
                json_string_value(json_object_get(entry, names[k]));

            (void)buf_addf(report, " %s", text == NULL ? "-" : text);
        }
        (void)buf_add_byte(report, '\n');
    }
}

static void
report_protocol(const json_t *protocol, struct buf *report)
{
    static const char *const members[] = {"ceremony", "title", "file_sha256",
                                          "program",  "host",  "begun_at",
                                          "done_at"};
    static const char *const witness[] = {"name", "role", NULL};
    static const char *const token[] = {"label", "serial", "manufacturer",
                                        "model", NULL};
    static const char *const key[] = {"purpose", "token", "key_type", "key_id",
                                      NULL};
    static const char *const certificate[] = {"profile", "serial", "not_after",
                                              "subject", NULL};
    static const char *const officer[] = {"officer_id", "person", NULL};
    static const char *const crl[] = {"issuer", "sha256", NULL};
    size_t i;

    for (i = 0; i < sizeof members / sizeof members[0]; i++) {
        const char *text =
            json_string_value(json_object_get(protocol, members[i]));

        (void)buf_addf(report, "%s: %s\n", members[i],
                       text == NULL ? "-" : text);
    }
    report_list(protocol, "witnesses", witness, report);
    report_list(protocol, "tokens", token, report);
    report_list(protocol, "keys", key, report);
    report_list(protocol, "certificates", certificate, report);
    report_list(protocol, "officers", officer, report);
    report_list(protocol, "crls", crl, report);
}

bool
ceremony_verify(const char *protocol_path, const char *signature_path,
                const char *log_key_path, struct buf *report, struct error *err)
{
    struct buf text = BUF_INIT(PROTOCOL_MAX);
    struct buf signature = BUF_INIT(HSM_SIGNATURE_MAX);
    json_t *protocol = NULL, *signer;
    const char *name;
    enum hsm_scheme scheme;
    EVP_PKEY *key = NULL;
    bool ok = false;

    if (!text_file_read(protocol_path, PROTOCOL_MAX, &text, err) ||
        !text_file_read(signature_path, HSM_SIGNATURE_MAX, &signature, err) ||
        !read_public_key(log_key_path, &key, err) ||
        !json_parse_object(text.data, text.len, &protocol, err) ||
        !json_get_object(protocol, "signed_by", &signer, err) ||
        !json_get_text(signer, "scheme", 64, &name, err))
        goto out;
    if (!hsm_scheme_find(name, &scheme)) {
        error_set(err, ERROR_INPUT, "there is no scheme %s", name);
        goto out;
    }
    if (!hsm_scheme_verify(scheme, key, text.data, text.len, signature.data,
                           signature.len, err)) {
        if (err != NULL)
            err->code = ERROR_DENIED;
        error_wrap(err, "the protocol is not signed with %s", log_key_path);
        goto out;
    }
    report_protocol(protocol, report);
    ok = true;
out:
    json_decref(protocol);
    EVP_PKEY_free(key);
    buf_clear(&signature);
    buf_clear(&text);
    return ok;
}
