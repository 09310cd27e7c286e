/* `signet kmc ...`: the beginning, the check, and what people do with cases. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/clock.h"
#include "base/http_client.h"
#include "base/pem.h"
#include "ca-core/cli_client.h"
#include "ca-core/kmc/cli.h"
#include "ca-core/kmc/init.h"
#include "ca-core/kmc/share.h"
#include "db/sql_kmc.h"

enum {
    TIMEOUT_MS = 60000,
    ANSWER_MAX = 4 * 1024 * 1024,
    PATH_LEN = 1024,
    FILE_MAX = 65536,
    CONNECT_TIMEOUT_S = 5,
};

/* ---- On the tokens and the database ----------------------------------------
 */

static bool
world_open(const struct cli *cli, struct init_world *out, struct error *err)
{
    static const char *const needed[] = {"db.kmc", "hsm.kgen.pin_file", NULL};
    const struct config *config = cli->config;
    struct hsm_options options = {0};

    *out = (struct init_world){0};
    if (!config_require(config, needed, err))
        return false;
    options.module = config_path(config, "hsm.module");
    options.token = config_text(config, "hsm.kgen.token");
    options.pin_file = config_path(config, "hsm.kgen.pin_file");
    options.lock_dir = config_path(config, "hsm.lock_dir");
    out->krec = options;
    out->krec.token = config_text(config, "hsm.krec.token");
    out->krec.pin_file = NULL;
    out->db = (struct db_options){
        .connection = config_text(config, "db.kmc"),
        .statements = db_kmc_statements,
        .statement_count = DB_KMC_STATEMENT_COUNT,
        .connect_timeout_s = CONNECT_TIMEOUT_S,
    };
    return hsm_open(&options, &out->kgen, err);
}

/* Every "--ROLE NAME=FILE". */
static bool
take_parties(struct cli *cli, struct init_plan *plan, bool *is_wrong,
             struct error *err)
{
    static const char *const options[KMC_ROLE_COUNT] = {
        [KMC_CA] = "--ca",
        [KMC_OPERATOR] = "--operator",
        [KMC_RA_OFFICER] = "--ra-officer",
        [KMC_AUDIT_ADMINISTRATOR] = "--audit-administrator"};
    const char *text;

    for (int role = 0; role < KMC_ROLE_COUNT; role++)
        while ((text = cli_option(cli, options[role], is_wrong)) != NULL)
            if (!init_plan_add(plan, (enum kmc_role)role, text, err))
                return false;
    return true;
}

static int
run_plan(struct cli *cli, bool is_begin)
{
    struct init_plan *plan = base_alloc(sizeof *plan);
    struct init_world world = {0};
    bool is_wrong = false, ok;
    const char *needed =
        is_begin ? cli_option(cli, "--needed", &is_wrong) : NULL;
    struct error err = {0};
    int64_t m = 3;
    int status = 0;

    if (needed != NULL && !text_int64(needed, 2, SHAMIR_PLACES_MAX, &m))
        is_wrong = true;
    plan->needed = (unsigned)m;
    ok = take_parties(cli, plan, &is_wrong, &err);
    if (ok && (is_wrong || !cli_rest(cli, 0) || plan->count == 0)) {
        status = CLI_WRONG_USE;
    } else if (!ok || !world_open(cli, &world, &err) ||
               !(is_begin ? init_run : init_enrol)(&world, plan, clock_now(),
                                                   &err)) {
        status = cli_fail(cli, &err);
    } else {
        printf(is_begin ? "the key management centre has begun: %zu parties\n"
                        : "enrolled: %zu\n",
               plan->count);
    }
    hsm_close(world.kgen);
    init_plan_clear(plan);
    free(plan);
    return status;
}

static int
run_init(struct cli *cli)
{
    return run_plan(cli, true);
}

static int
run_enrol(struct cli *cli)
{
    return run_plan(cli, false);
}

static void
tell_wrong(const char *what)
{
    printf("WRONG  %s\n", what);
}

static int
run_verify(struct cli *cli)
{
    struct init_world world = {0};
    struct init_check check;
    struct error err = {0};
    int status = 0;

    if (!cli_rest(cli, 0))
        return CLI_WRONG_USE;
    if (world_open(cli, &world, &err) &&
        init_verify(&world, tell_wrong, &check, &err)) {
        printf("%lld escrowed keys, %lld recovery keys, %lld parties: %lld "
               "wrong\n",
               (long long)check.keys, (long long)check.recovery_keys,
               (long long)check.parties, (long long)check.wrong);
        status = check.wrong == 0 ? 0 : 1;
    } else {
        status = cli_fail(cli, &err);
    }
    hsm_close(world.kgen);
    return status;
}

/* ---- As a person -----------------------------------------------------------
 */

struct person {
    struct http_client *client;
    EVP_PKEY *key;
    X509 *certificate;
};

static void
person_clear(struct person *person)
{
    http_client_free(person->client);
    EVP_PKEY_free(person->key);
    X509_free(person->certificate);
}

/* --officer FOLDER with cert.pem and key.pem. */
static bool
person_open(const struct cli *cli, const char *folder, struct person *out,
            struct error *err)
{
    static const char *const needed[] = {"cli.kmc_url", "tls.trust_file", NULL};
    char certificate[PATH_LEN], key[PATH_LEN];
    struct http_client_options options = {.timeout_ms = TIMEOUT_MS,
                                          .body_max = ANSWER_MAX};

    if (folder == NULL)
        return error_set(err, ERROR_INPUT, "--officer FOLDER is needed");
    if (!config_require(cli->config, needed, err))
        return false;
    (void)snprintf(certificate, sizeof certificate, "%s/cert.pem", folder);
    (void)snprintf(key, sizeof key, "%s/key.pem", folder);
    options.base_url = config_text(cli->config, "cli.kmc_url");
    options.trust_file = config_path(cli->config, "tls.trust_file");
    options.certificate_file = certificate;
    options.key_file = key;
    return pem_private_key_read(key, &out->key, err) &&
           pem_certificate_read(certificate, &out->certificate, err) &&
           http_client_new(&options, &out->client, err);
}

/* One call as this person, its answer printed. */
static int
call_and_print(struct cli *cli, enum http_method method, const char *path,
               const json_t *body, const char *folder)
{
    struct person person = {0};
    struct error err = {0};
    json_t *answer = NULL;
    bool ok =
        person_open(cli, folder, &person, &err) &&
        http_client_json(person.client, method, path, body, &answer, &err);

    if (ok)
        cli_client_print(answer);
    json_decref(answer);
    person_clear(&person);
    return ok ? 0 : cli_fail(cli, &err);
}

static int
run_simple(struct cli *cli, enum http_method method, const char *format,
           int count)
{
    bool is_wrong = false;
    const char *folder = cli_option(cli, "--officer", &is_wrong);
    char path[PATH_LEN];

    if (is_wrong || !cli_rest(cli, count) ||
        (count > 0 && !text_is_uuid(cli->argv[0])))
        return CLI_WRONG_USE;
    (void)snprintf(path, sizeof path, "/v1/%s%s%s", count > 0 ? "cases/" : "",
                   count > 0 ? cli->argv[0] : "", format);
    return call_and_print(cli, method, path, NULL, folder);
}

static int
run_status(struct cli *cli)
{
    return run_simple(cli, HTTP_GET, "statistics", 0);
}

static int
run_refill(struct cli *cli)
{
    return run_simple(cli, HTTP_POST, "standby", 0);
}

static int
run_cases(struct cli *cli)
{
    return run_simple(cli, HTTP_GET, "cases", 0);
}

static int
run_show(struct cli *cli)
{
    return run_simple(cli, HTTP_GET, "", 1);
}

static int
run_withdraw(struct cli *cli)
{
    return run_simple(cli, HTTP_POST, "/abort", 1);
}

static int
run_answer(struct cli *cli)
{
    return cli_flag(cli, "--received")
               ? run_simple(cli, HTTP_POST, "/received", 1)
               : run_simple(cli, HTTP_GET, "/answer", 1);
}

/* The target as DER: a file of an SPKI or a certificate, PEM. */
static bool
set_target(json_t *json, const char *path, bool is_cms, struct error *err)
{
    unsigned char *der = NULL;
    EVP_PKEY *key = NULL;
    X509 *x509 = NULL;
    int len = 0;

    if (is_cms && pem_certificate_read(path, &x509, err))
        len = i2d_X509(x509, &der);
    if (!is_cms && pem_public_key_read(path, &key, err))
        len = i2d_PUBKEY(key, &der);
    if (len > 0)
        json_set_bytes(json, "target", der, (size_t)len);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    X509_free(x509);
    return len > 0;
}

static json_t *
split_keys(const char *text)
{
    json_t *array = json_array();

    while (*text != '\0') {
        size_t len = strcspn(text, ",");

        json_array_append_new(array, json_stringn(text, len));
        text += len + (text[len] == ',');
    }
    return array;
}

static int
run_open(struct cli *cli)
{
    static const char *const texts[] = {"kind", "reason", "holder", "document",
                                        "delivery"};
    bool is_wrong = false, is_cms;
    const char *folder = cli_option(cli, "--officer", &is_wrong);
    const char *id = cli_option(cli, "--case", &is_wrong);
    const char *keys = cli_option(cli, "--keys", &is_wrong);
    const char *target = cli_option(cli, "--target", &is_wrong);
    char drawn[TEXT_UUID_LEN + 1];
    json_t *body = json_object();
    struct error err = {0};
    int status;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char option[32];
        const char *value;

        (void)snprintf(option, sizeof option, "--%s", texts[i]);
        value = cli_option(cli, option, &is_wrong);
        if (value != NULL)
            json_set_text(body, texts[i], value);
    }
    is_cms = json_object_get(body, "delivery") != NULL &&
             strcmp(json_string_value(json_object_get(body, "delivery")),
                    "cms") == 0;
    if (keys != NULL)
        json_object_set_new(body, "keys", split_keys(keys));
    if (is_wrong || !cli_rest(cli, 0))
        status = CLI_WRONG_USE;
    else if ((id == NULL && !text_uuid_draw(drawn, &err)) ||
             (target != NULL && !set_target(body, target, is_cms, &err)))
        status = cli_fail(cli, &err);
    else {
        json_set_text(body, "case", id != NULL ? id : drawn);
        status = call_and_print(cli, HTTP_POST, "/v1/cases", body, folder);
    }
    json_decref(body);
    return status;
}

/* ---- Decisions -------------------------------------------------------------
 */

static bool
sign(const struct person *person, const struct buf *statement, json_t *body,
     struct error *err)
{
    uint8_t signature[HSM_SIGNATURE_MAX];
    size_t len = sizeof signature;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool is_pure = EVP_PKEY_is_a(person->key, "ED25519") == 1;
    bool ok = ctx != NULL &&
              EVP_DigestSignInit_ex(ctx, NULL, is_pure ? NULL : "SHA256", NULL,
                                    NULL, person->key, NULL) == 1 &&
              EVP_DigestSign(ctx, signature, &len, statement->data,
                             statement->len) == 1;

    EVP_MD_CTX_free(ctx);
    if (!ok)
        return error_openssl(err, ERROR_INTERNAL, "sign the statement");
    json_set_bytes(body, "signature", signature, len);
    return true;
}

/* Signs what the case that was fetched says: its digest is made here, of the
 * body that is shown. */
static bool
statement_of(const json_t *shown, const char *party, const char *step,
             const char *verdict, int64_t now, struct buf *out,
             struct error *err)
{
    uint8_t digest[32];
    const char *id;
    json_t *content;

    return json_get_text(shown, "case", TEXT_UUID_LEN, &id, err) &&
           json_get_object(shown, "body", &content, err) &&
           json_digest(content, digest, err) &&
           kmc_statement_encode(id, digest, party, step, verdict, now, out,
                                err);
}

/* The operator's share, opened with the operator's key. */
static bool
add_share(struct person *person, json_t *body, struct error *err)
{
    struct buf cms = BUF_INIT(SHARE_CMS_MAX);
    struct share share = {{0}};
    json_t *answer = NULL;
    bool ok = http_client_json(person->client, HTTP_GET, "/v1/share", NULL,
                               &answer, err) &&
              json_get_bytes(answer, "share", SHARE_CMS_MAX, &cms, err) &&
              share_open(cms.data, cms.len, person->certificate, person->key,
                         &share, err);

    if (ok)
        json_set_bytes(body, "share", share.octet, SHARE_LEN);
    OPENSSL_cleanse(&share, sizeof share);
    buf_clear(&cms);
    json_decref(answer);
    return ok;
}

static bool
decide(struct cli *cli, const char *folder, const char *step, const char *name,
       const char *verdict, struct error *err)
{
    struct buf statement = BUF_INIT(KMC_STATEMENT_MAX);
    struct person person = {0};
    json_t *shown = NULL, *body = json_object(), *answer = NULL;
    int64_t now = clock_now();
    char path[PATH_LEN];
    bool ok;

    (void)snprintf(path, sizeof path, "/v1/cases/%s", cli->argv[0]);
    json_set_text(body, "verdict", verdict);
    json_set_time(body, "decided_at", now);
    ok = person_open(cli, folder, &person, err) &&
         http_client_json(person.client, HTTP_GET, path, NULL, &shown, err) &&
         statement_of(shown, name, step, verdict, now, &statement, err) &&
         sign(&person, &statement, body, err) &&
         (strcmp(step, "operator") != 0 || strcmp(verdict, "approve") != 0 ||
          add_share(&person, body, err));
    (void)snprintf(path, sizeof path, "/v1/cases/%s/decisions", cli->argv[0]);
    ok = ok &&
         http_client_json(person.client, HTTP_POST, path, body, &answer, err);
    if (ok)
        cli_client_print(answer);
    json_decref(shown);
    json_decref(body);
    json_decref(answer);
    buf_clear(&statement);
    person_clear(&person);
    return ok;
}

static int
run_decide(struct cli *cli, const char *verdict)
{
    bool is_wrong = false;
    const char *folder = cli_option(cli, "--officer", &is_wrong);
    const char *name = cli_option(cli, "--name", &is_wrong);
    const char *step = cli_option(cli, "--as", &is_wrong);
    struct error err = {0};
    enum kmc_role role;

    if (step == NULL)
        step = kmc_role_name(KMC_OPERATOR);
    if (is_wrong || name == NULL || !kmc_role_find(step, &role) ||
        !cli_rest(cli, 1) || !text_is_uuid(cli->argv[0])) {
        fprintf(stderr,
                "signet %s CASE --officer FOLDER --name NAME "
                "[--as operator|ra-officer|audit-administrator]\n",
                cli->verb);
        return CLI_WRONG_USE;
    }
    return decide(cli, folder, step, name, verdict, &err) ? 0
                                                          : cli_fail(cli, &err);
}

static int
run_approve(struct cli *cli)
{
    return run_decide(cli, "approve");
}

static int
run_refuse(struct cli *cli)
{
    return run_decide(cli, "refuse");
}

const struct cli_verb kmc_verbs[] = {
    {"kmc init",
     "[--needed M] --operator NAME=CERT... --ca NAME=CERT... [--ra-officer "
     "NAME=CERT...] [--audit-administrator NAME=CERT...]",
     "begin a key management centre: tokens' keys, the PIN in shares", true,
     run_init},
    {"kmc enrol",
     "[--ca NAME=CERT...] [--ra-officer NAME=CERT...] [--audit-administrator "
     "NAME=CERT...]",
     "let more authorities and officers call it", true, run_enrol},
    {"kmc verify", "", "check the mark under every record", true, run_verify},
    {"kmc status", "--officer FOLDER", "count its keys", true, run_status},
    {"kmc refill", "--officer FOLDER",
     "fill the standby pool to its maximum now, as an operator", true,
     run_refill},
    {"kmc cases", "--officer FOLDER", "list the recovery cases", true,
     run_cases},
    {"kmc show", "CASE --officer FOLDER", "show a recovery case", true,
     run_show},
    {"kmc open",
     "--kind customer|judicial|rotation|verification --reason TEXT [--holder "
     "ACCOUNT --document NUMBER --keys ID,... --delivery token|cms --target "
     "FILE] [--case ID] --officer FOLDER",
     "open a case for the recovery token", true, run_open},
    {"kmc approve", "CASE --officer FOLDER --name NAME [--as ROLE]",
     "approve a case; an operator hands in the share", true, run_approve},
    {"kmc refuse", "CASE --officer FOLDER --name NAME [--as ROLE]",
     "refuse a case", true, run_refuse},
    {"kmc withdraw", "CASE --officer FOLDER", "withdraw a case of one's own",
     true, run_withdraw},
    {"kmc answer", "CASE [--received] --officer FOLDER",
     "get what was recovered, or say that it was received", true, run_answer},
    {"kmc pkcs12", "ANSWER --certificate FILE --officer FOLDER --out FILE",
     "put a key that was recovered as CMS into a PKCS #12", false,
     kmc_run_pkcs12},
    {NULL, NULL, NULL, false, NULL},
};
