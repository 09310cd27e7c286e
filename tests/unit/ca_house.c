/* A small authority for tests; see ca_house.h. */
#include "tests/unit/ca_house.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/wait.h>

#include "base/clock.h"
#include "ca-core/ceremony_internal.h"
#include "ca-core/entry.h"
#include "db/order.h"
#include "tests/unit/pg.h"

const char ca_house_small[] =
    "<ceremony xmlns='urn:signet:ceremony:1'"
    " id='11111111-2222-4333-8444-555555555555'>"
    "<title>Small</title><witness name='W' role='witness'/>"
    "<log-key key-type='ec-p256'/>"
    "<authority name='root-1' profile='root-ca' key-type='ec-p256' years='20'>"
    "<subject><attribute name='country'>CN</attribute>"
    "<attribute name='organization'>甲</attribute>"
    "<attribute name='common_name'>甲 根</attribute></subject></authority>"
    "<authority name='issuing-1' profile='issuing-ca' parent='root-1'"
    " key-type='ec-p256' years='10'>"
    "<subject><attribute name='country'>CN</attribute>"
    "<attribute name='organization'>甲</attribute>"
    "<attribute name='common_name'>甲 签发</attribute></subject>"
    "<ocsp-key key-type='ec-p256' days='7'/></authority>"
    "<service name='ca' profile='tls-server' issuer='issuing-1'"
    " key-type='ec-p256' days='30'><subject>"
    "<attribute name='common_name'>ca.internal</attribute></subject>"
    "<san type='dns'>ca.internal</san></service>"
    "<officer name='first' person='P-1' profile='officer' issuer='issuing-1'"
    " days='30' key='file'><role>first-reviewer</role><subject>"
    "<attribute name='country'>CN</attribute>"
    "<attribute name='organization'>甲</attribute>"
    "<attribute name='serial_number'>P-1</attribute>"
    "<attribute name='common_name'>李初审</attribute></subject></officer>"
    "</ceremony>";

static void
must(bool ok, const struct error *err)
{
    if (ok)
        return;
    (void)fprintf(stderr, "tests/unit/ca_house.c: %s (%s)\n", err->what,
                  err->cause);
    exit(1);
}

/* ---- The house --------------------------------------------------------- */

static void
make_config(struct ca_house *house)
{
    struct buf text = BUF_INIT(8192);
    struct error err = {0};

    (void)buf_addf(&text,
                   "publish.url = http://127.0.0.1:8080\n"
                   "schema_dir = %s/config/schema\n"
                   "ca.profiles_dir = %s/config/profiles\n"
                   "db.ca = %s\nhsm.module = %s\nhsm.lock_dir = %s\n"
                   "hsm.root.pin_file = %s\nhsm.ca.pin_file = %s\n"
                   "hsm.ocsp.pin_file = %s\n",
                   SOURCE_DIR, SOURCE_DIR, pg_connection("signet_ca"),
                   house->token.options.module, house->token.lock_dir,
                   house->token.pin_file, house->token.pin_file,
                   house->token.pin_file);
    must(config_parse(buf_text(&text), text.len, "house", "/", &house->config,
                      &err),
         &err);
    buf_clear(&text);
}

void
ca_house_make(struct ca_house *house, bool is_spoilt)
{
    struct error err = {0};

    memset(house, 0, sizeof *house);
    soft_token_make(&house->token);
    soft_token_add(&house->token, "signet-root");
    soft_token_add(&house->token, "signet-ca");
    soft_token_add(&house->token, "signet-ocsp");
    if (is_spoilt)
        soft_token_spoil(&house->token);
    make_config(house);
    (void)snprintf(house->out, sizeof house->out, "%s/out",
                   house->token.folder);
    must(profile_set_load(SOURCE_DIR "/config/profiles",
                          SOURCE_DIR "/config/schema", &house->profiles, &err),
         &err);
}

void
ca_house_remove(struct ca_house *house)
{
    ca_house_close(house);
    profile_set_clear(&house->profiles);
    config_free(house->config);
    soft_token_remove(&house->token);
}

void
ca_house_reset(struct ca_house *house)
{
    const char *const rm[] = {"rm", "-rf", house->out, NULL};

    ca_house_close(house);
    (void)soft_token_run(rm);
    pg_reset();
}

void
ca_house_open(struct ca_house *house)
{
    struct error err = {0};

    must(ceremony_open_database(house->config, &house->db_options, &house->db,
                                &err),
         &err);
    must(ceremony_open_token(house->config, "ca", &house->hsm, &err), &err);
}

void
ca_house_close(struct ca_house *house)
{
    db_close(house->db);
    hsm_close(house->hsm);
    house->db = NULL;
    house->hsm = NULL;
}

/* ---- Ceremonies -------------------------------------------------------- */

struct ceremony *
ca_house_parse(struct ca_house *house, const char *xml)
{
    struct ceremony *ceremony = NULL;
    struct error err = {0};

    must(ceremony_parse((const uint8_t *)xml, strlen(xml), "test",
                        SOURCE_DIR "/config/schema", &house->profiles,
                        &ceremony, &err),
         &err);
    return ceremony;
}

bool
ca_house_run(struct ca_house *house, const char *xml, bool *was_done,
             struct error *err)
{
    struct ceremony *ceremony = ca_house_parse(house, xml);
    bool ok = ceremony_run(ceremony, house->config, &house->profiles,
                           house->out, was_done, err);

    ceremony_free(ceremony);
    return ok;
}

bool
ca_house_run_apart(struct ca_house *house, const char *xml, const char *rules)
{
    struct error err = {0};
    bool was_done;
    pid_t child;
    int status = 0;

    soft_token_rules(&house->token, rules);
    child = fork();
    if (child == 0) {
        bool ok = ca_house_run(house, xml, &was_done, &err);

        if (!ok && rules == NULL)
            (void)fprintf(stderr, "%s (%s)\n", err.what, err.cause);
        _exit(ok ? 0 : 1);
    }
    (void)waitpid(child, &status, 0);
    soft_token_rules(&house->token, NULL);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- Rows -------------------------------------------------------------- */

struct db_issuer *
ca_house_issuer(struct ca_house *house, const char *name)
{
    struct db_issuer *rows = NULL, *found = NULL;
    struct error err = {0};
    size_t count = 0, i;

    must(db_issuer_list(house->db, &rows, &count, &err), &err);
    for (i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0) {
            struct db_issuer first = rows[0];

            rows[0] = rows[i];
            rows[i] = first;
            found = rows;
        }
    if (found == NULL) {
        error_set(&err, ERROR_NOT_FOUND, "no issuer %s", name);
        must(false, &err);
    }
    for (i = 1; i < count; i++) {
        free(rows[i].subject);
        free(rows[i].spki);
        free(rows[i].certificate);
    }
    return found;
}

static bool
insert_order(struct db *db, struct der certificate, void *arg,
             struct error *err)
{
    const char *id = arg;
    struct db_order_row row = {.order_id = id,
                               .kind = "issue",
                               .body = (const uint8_t *)"{}",
                               .body_len = 2,
                               .requested_by = "test",
                               .received_at = clock_now()};
    bool is_new;

    (void)certificate;
    return db_order_insert(db, &row, 1, &is_new, err);
}

void
ca_house_certify(struct ca_house *house, const struct db_issuer *issuer,
                 int64_t not_after, uint8_t serial[DB_SERIAL_LEN])
{
    const struct profile *profile =
        profile_set_find(&house->profiles, "tls-client");
    struct validity_period period = {not_after - 86400, not_after};
    struct buf spki = BUF_INIT(HSM_SPKI_MAX), der = BUF_INIT(65536);
    char id[TEXT_UUID_LEN + 1];
    struct certify_request request = {
        .order_id = id,
        .profile = profile,
        .period = &period,
        .publish_url = "http://127.0.0.1:8080",
        .now = clock_now(),
        .when_recorded = insert_order,
        .also_arg = id,
    };
    struct db_certificate *rows = NULL;
    struct certify_issuer signer;
    EVP_PKEY *key = NULL;
    struct error err = {0};
    size_t count;

    must(text_uuid_draw(id, &err) &&
             ceremony_soft_key(HSM_KEY_EC_P256, &key, &err) &&
             ceremony_spki(key, &spki, &err) &&
             certify_issuer_init(&signer, issuer, house->hsm, &err),
         &err);
    request.subject.attribute[API_COMMON_NAME] = id;
    request.spki = (struct der){spki.data, spki.len};
    must(certify(house->db, &signer, &request, &der, &err) &&
             db_certificate_of_order(house->db, id, &rows, &count, &err),
         &err);
    memcpy(serial, rows[0].serial, DB_SERIAL_LEN);
    db_certificates_free(rows, count);
    EVP_PKEY_free(key);
    buf_clear(&der);
    buf_clear(&spki);
}

static bool
change(struct db *db, void *arg, struct error *err)
{
    static const char *const events[] = {
        [DB_CERTIFICATE_VALID] = "certificate.released",
        [DB_CERTIFICATE_HELD] = "certificate.held",
        [DB_CERTIFICATE_REVOKED] = "certificate.revoked",
    };
    struct db_certificate_change *row = arg;

    return entry_append(db, clock_now(), events[row->to], "test", NULL,
                        &row->status_index, err) &&
           db_certificate_change(db, row, 1, err);
}

void
ca_house_change(struct ca_house *house, const struct db_issuer *issuer,
                const uint8_t serial[DB_SERIAL_LEN],
                enum db_certificate_state from, enum db_certificate_state to,
                int reason, int64_t at, int64_t invalid_from)
{
    struct db_certificate_change row = {.issuer_id = issuer->issuer_id,
                                        .from = from,
                                        .to = to,
                                        .reason = reason,
                                        .revoked_at = at,
                                        .invalid_from = invalid_from};
    struct error err = {0};

    memcpy(row.serial, serial, DB_SERIAL_LEN);
    must(db_transaction(house->db, change, &row, &err), &err);
}
