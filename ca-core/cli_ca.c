/* Verbs about orders, officers, issuers and CRLs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/pem.h"
#include "ca-core/api.h"
#include "ca-core/cli.h"
#include "ca-core/cli_cert.h"
#include "ca-core/cli_client.h"

enum { PEM_MAX = 64 * 1024, PATH_LEN = 4096 };

/* ---- order submit, check, show ----------------------------------------- */

static int
answer(const struct cli *cli, enum http_method method, const char *path,
       const json_t *body)
{
    struct error err = {0};
    json_t *out = NULL;

    if (!cli_client_call(cli, method, path, body, &out, &err))
        return cli_fail(cli, &err);
    cli_client_print(out);
    json_decref(out);
    return 0;
}

static int
run_submit(struct cli *cli)
{
    json_t *envelope = json_object(), *decisions = json_array(), *one;
    bool is_wrong = false, ok = true;
    struct error err = {0};
    const char *file, *completion;
    int status;

    json_object_set_new(envelope, "decisions", decisions);
    completion = cli_option(cli, "--completion", &is_wrong);
    if (completion != NULL) {
        ok = cli_client_read(completion, &one, &err);
        if (ok) {
            json_object_update(envelope, one);
            json_decref(one);
        }
    }
    while (ok && (file = cli_option(cli, "--decision", &is_wrong)) != NULL) {
        ok = cli_client_read(file, &one, &err);
        if (ok)
            json_array_append_new(decisions, one);
    }
    if (is_wrong || (ok && !cli_rest(cli, 1))) {
        json_decref(envelope);
        return CLI_WRONG_USE;
    }
    ok = ok && cli_client_read(cli->argv[0], &one, &err);
    if (ok)
        json_object_set_new(envelope, "order", one);
    status = ok ? answer(cli, HTTP_POST, "/v1/orders", envelope)
                : cli_fail(cli, &err);
    json_decref(envelope);
    return status;
}

static int
run_check(struct cli *cli)
{
    json_t *envelope, *order;
    struct error err = {0};
    int status;

    if (!cli_rest(cli, 1))
        return CLI_WRONG_USE;
    if (!cli_client_read(cli->argv[0], &order, &err))
        return cli_fail(cli, &err);
    envelope = json_object();
    json_object_set_new(envelope, "order", order);
    status = answer(cli, HTTP_POST, "/v1/orders/check", envelope);
    json_decref(envelope);
    return status;
}

static int
run_show(struct cli *cli)
{
    struct error err = {0};
    char path[128];

    if (!cli_rest(cli, 1))
        return CLI_WRONG_USE;
    if (!text_is_uuid(cli->argv[0])) {
        error_set(&err, ERROR_INPUT, "%s is no order id", cli->argv[0]);
        return cli_fail(cli, &err);
    }
    (void)snprintf(path, sizeof path, "/v1/orders/%s", cli->argv[0]);
    return answer(cli, HTTP_GET, path, NULL);
}

/* ---- order sign -------------------------------------------------------- */

static bool
read_officer_file(const char *folder, const char *name, size_t max,
                  struct buf *out, struct error *err)
{
    char path[PATH_LEN];

    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return error_set(err, ERROR_INPUT, "path too long");
    return text_file_read(path, max, out, err);
}

static bool
read_certificate(const char *folder, struct buf *der, struct error *err)
{
    struct buf pem = BUF_INIT(PEM_MAX);
    bool ok = read_officer_file(folder, "cert.pem", PEM_MAX, &pem, err) &&
              cli_cert_der(&pem, der, err);

    buf_clear(&pem);
    return ok || error_wrap(err, "%s/cert.pem", folder);
}

static bool
read_key(const char *folder, EVP_PKEY **out, struct error *err)
{
    char path[PATH_LEN];

    if (snprintf(path, sizeof path, "%s/key.pem", folder) >= (int)sizeof path)
        return error_set(err, ERROR_INPUT, "path too long");
    return pem_private_key_read(path, out, err);
}

static bool
read_officer_id(const char *folder, char out[TEXT_UUID_LEN + 1],
                struct error *err)
{
    struct buf text = BUF_INIT(128);
    bool ok = read_officer_file(folder, "officer_id", 128, &text, err);

    (void)snprintf(out, TEXT_UUID_LEN + 1, "%.*s", TEXT_UUID_LEN,
                   buf_text(&text));
    buf_clear(&text);
    return ok &&
           (text_is_uuid(out) ||
            error_set(err, ERROR_INPUT, "%s/officer_id: no UUID", folder));
}

/* What is asked for on the command line; NULL: not. */
struct signing {
    const char *file, *step, *folder, *decided_at;
    const char *verdict, *remark;
    const char *device, *device_key; /* serial number; public key, PEM */
};

static bool
read_device(const struct signing *signing, struct api_device *out,
            struct error *err)
{
    unsigned char *spki = NULL;
    EVP_PKEY *key = NULL;
    int len = 0;
    bool ok = pem_public_key_read(signing->device_key, &key, err);

    if (ok) {
        len = i2d_PUBKEY(key, &spki);
        ok = len > 0 || error_openssl(err, ERROR_INPUT, "%s: no public key",
                                      signing->device_key);
    }
    ok = ok && hash_sha256(spki, (size_t)len, out->spki_sha256, err);
    (void)snprintf(out->serial, sizeof out->serial, "%s", signing->device);
    OPENSSL_free(spki);
    EVP_PKEY_free(key);
    return ok;
}

/* Fills the decision in as it was asked for. */
static bool
read_signing(const struct signing *signing, struct api_decision *out,
             struct error *err)
{
    bool is_making;

    if (!api_step_find(signing->step, &out->step))
        return error_set(err, ERROR_INPUT, "no step '%s'", signing->step);
    is_making = out->step == API_STEP_MAKING;
    if (signing->decided_at != NULL &&
        !clock_parse(signing->decided_at, &out->decided_at))
        return error_set(err, ERROR_INPUT,
                         "no time like 2026-11-24T09:00:00Z: %s",
                         signing->decided_at);
    if (signing->verdict != NULL &&
        !api_verdict_find(signing->verdict, &out->verdict))
        return error_set(err, ERROR_INPUT, "no verdict '%s'", signing->verdict);
    if ((signing->remark != NULL) != (out->verdict != API_APPROVE) ||
        (signing->remark != NULL && strlen(signing->remark) > API_REMARK_MAX))
        return error_set(err, ERROR_INPUT,
                         "a --remark of up to %d octets goes with every "
                         "verdict but approve",
                         API_REMARK_MAX);
    if (signing->remark != NULL)
        memcpy(out->remark, signing->remark, strlen(signing->remark) + 1);
    if ((signing->device != NULL) != is_making ||
        (signing->device_key != NULL) != is_making ||
        (is_making && !api_device_serial_is(signing->device)))
        return error_set(err, ERROR_INPUT,
                         "--device SERIAL and --device-key FILE go with step "
                         "making");
    return !is_making || read_device(signing, &out->device, err);
}

static bool
sign(const struct signing *signing, json_t **out, struct error *err)
{
    struct api_decision decision = {.decided_at = clock_now()};
    struct buf der = BUF_INIT(API_CERTIFICATE_MAX);
    struct api_order *order = NULL;
    const struct api_order *over;
    json_t *json = NULL;
    EVP_PKEY *key = NULL;
    uint8_t digest[32];
    bool ok = false;

    /* Parsed, so that nobody signs what the core would not understand. A holder
     * is no officer. */
    if (!read_signing(signing, &decision, err) ||
        !cli_client_read(signing->file, &json, err) ||
        !api_order_parse(json, &order, err) ||
        !api_order_signed(order, &over, digest, err) ||
        (decision.step != API_STEP_HOLDER &&
         !read_officer_id(signing->folder, decision.officer_id, err)) ||
        !read_certificate(signing->folder, &der, err) ||
        !read_key(signing->folder, &key, err) ||
        !api_decision_sign(&decision, over->order_id, digest, der.data, der.len,
                           key, err))
        goto out;
    *out = api_decision_json(&decision);
    ok = true;
out:
    EVP_PKEY_free(key);
    buf_clear(&der);
    api_order_free(order);
    json_decref(json);
    return ok;
}

static int
run_sign(struct cli *cli)
{
    bool is_wrong = false;
    struct signing signing = {
        .step = cli_option(cli, "--step", &is_wrong),
        .folder = cli_option(cli, "--officer", &is_wrong),
        .decided_at = cli_option(cli, "--decided-at", &is_wrong),
        .verdict = cli_option(cli, "--verdict", &is_wrong),
        .remark = cli_option(cli, "--remark", &is_wrong),
        .device = cli_option(cli, "--device", &is_wrong),
        .device_key = cli_option(cli, "--device-key", &is_wrong),
    };
    struct error err = {0};
    json_t *decision = NULL;

    if (is_wrong || !cli_rest(cli, 1))
        return CLI_WRONG_USE;
    if (signing.step == NULL || signing.folder == NULL) {
        error_set(&err, ERROR_INPUT,
                  "--step STEP and --officer DIR are needed");
        return cli_fail(cli, &err);
    }
    signing.file = cli->argv[0];
    if (!sign(&signing, &decision, &err))
        return cli_fail(cli, &err);
    cli_client_print(decision);
    json_decref(decision);
    return 0;
}

/* ---- Lists ------------------------------------------------------------- */

/* A text member, or "". Borrowed. */
static const char *
text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value != NULL ? value : "";
}

static int
list(struct cli *cli, const char *path, const char *name,
     void (*print)(const json_t *item))
{
    bool is_json = cli_flag(cli, "--json");
    struct error err = {0};
    json_t *out = NULL, *item;
    size_t i;

    if (!cli_rest(cli, 0))
        return CLI_WRONG_USE;
    if (!cli_client_call(cli, HTTP_GET, path, NULL, &out, &err))
        return cli_fail(cli, &err);
    if (is_json)
        cli_client_print(out);
    else
        json_array_foreach(json_object_get(out, name), i, item) print(item);
    json_decref(out);
    return 0;
}

static void
print_officer(const json_t *item)
{
    json_t *role;
    size_t i;

    printf("%s  %-9s  %-16s  %s ", text(item, "officer_id"),
           text(item, "state"), text(item, "person"), text(item, "name"));
    json_array_foreach(json_object_get(item, "roles"), i, role)
        printf(" %s", json_string_value(role));
    putchar('\n');
}

static int
run_officer_list(struct cli *cli)
{
    return list(cli, "/v1/officers", "officers", print_officer);
}

static void
print_issuer(const json_t *item)
{
    printf("%-16s %-8s %-8s until %s  %s\n", text(item, "name"),
           text(item, "state"), text(item, "key_type"), text(item, "not_after"),
           text(item, "subject"));
}

static int
run_issuer_list(struct cli *cli)
{
    return list(cli, "/v1/issuers", "issuers", print_issuer);
}

/* ---- Orders about officers --------------------------------------------- */

/* Prints the order, ready to be signed and submitted. */
static int
compose(const struct cli *cli, struct api_order *order)
{
    struct error err = {0};
    json_t *json;

    if (!text_uuid_draw(order->order_id, &err))
        return cli_fail(cli, &err);
    order->created_at = clock_now();
    json = api_order_json(order);
    cli_client_print(json);
    json_decref(json);
    return 0;
}

/* "a,b,c" to roles. */
static bool
read_roles(const char *roles, struct api_officer *out, struct error *err)
{
    char word[64];

    for (const char *p = roles; *p != '\0';) {
        size_t len = strcspn(p, ",");

        (void)snprintf(word, sizeof word, "%.*s", (int)len, p);
        if (out->role_count == API_ROLES_MAX ||
            !api_role_find(word, &out->role[out->role_count++]))
            return error_set(err, ERROR_INPUT, "no role '%s'", word);
        p += len + (p[len] == ',');
    }
    return true;
}

/* A credential of the command line; what it borrows. */
struct enrolling {
    const char *certificate, *passkey; /* files; one of them */
    struct buf der;
    json_t *json;
    void *owned[3];
};

static bool
read_credential(struct enrolling *from, struct api_credential *out,
                struct error *err)
{
    struct buf pem = BUF_INIT(PEM_MAX);
    bool ok;

    if ((from->certificate != NULL) == (from->passkey != NULL))
        return error_set(err, ERROR_INPUT,
                         "either --certificate FILE or --passkey FILE is "
                         "needed");
    if (from->passkey != NULL)
        return cli_client_read(from->passkey, &from->json, err) &&
               api_credential_parse(from->json, out, from->owned, err);
    from->der.limit = API_CERTIFICATE_MAX;
    ok = text_file_read(from->certificate, PEM_MAX, &pem, err) &&
         cli_cert_der(&pem, &from->der, err);
    *out = (struct api_credential){.certificate = from->der.data,
                                   .certificate_len = from->der.len};
    buf_clear(&pem);
    return ok;
}

static void
enrolling_clear(struct enrolling *from)
{
    buf_clear(&from->der);
    json_decref(from->json);
    for (size_t i = 0; i < 3; i++)
        free(from->owned[i]);
}

static int
run_enroll(struct cli *cli)
{
    bool is_wrong = false;
    struct enrolling from = {
        .certificate = cli_option(cli, "--certificate", &is_wrong),
        .passkey = cli_option(cli, "--passkey", &is_wrong),
    };
    const char *roles = cli_option(cli, "--roles", &is_wrong);
    struct api_order order = {.kind = API_ENROLL_OFFICER};
    char officer_id[TEXT_UUID_LEN + 1];
    struct error err = {0};
    int status;

    order.officer.name = cli_option(cli, "--name", &is_wrong);
    order.officer.person = cli_option(cli, "--person", &is_wrong);
    if (is_wrong || !cli_rest(cli, 0))
        return CLI_WRONG_USE;
    if (roles == NULL || order.officer.name == NULL ||
        order.officer.person == NULL) {
        error_set(&err, ERROR_INPUT, "--name, --person and --roles are needed");
        return cli_fail(cli, &err);
    }
    order.officer.officer_id = officer_id;
    status = read_roles(roles, &order.officer, &err) &&
                     read_credential(&from, &order.officer.credential, &err) &&
                     text_uuid_draw(officer_id, &err)
                 ? compose(cli, &order)
                 : cli_fail(cli, &err);
    enrolling_clear(&from);
    return status;
}

static int
run_credential(struct cli *cli)
{
    bool is_wrong = false;
    struct enrolling from = {
        .certificate = cli_option(cli, "--certificate", &is_wrong),
        .passkey = cli_option(cli, "--passkey", &is_wrong),
    };
    struct api_order order = {.kind = API_ENROLL_CREDENTIAL};
    struct error err = {0};
    int status;

    if (is_wrong || !cli_rest(cli, 1))
        return CLI_WRONG_USE;
    order.officer_id = cli->argv[0];
    if (!text_is_uuid(order.officer_id)) {
        error_set(&err, ERROR_INPUT, "%s is no officer id", order.officer_id);
        return cli_fail(cli, &err);
    }
    status = read_credential(&from, &order.credential, &err)
                 ? compose(cli, &order)
                 : cli_fail(cli, &err);
    enrolling_clear(&from);
    return status;
}

static int
run_dismiss(struct cli *cli)
{
    struct api_order order = {.kind = API_DISMISS_OFFICER};
    struct error err = {0};

    if (!cli_rest(cli, 1))
        return CLI_WRONG_USE;
    order.officer_id = cli->argv[0];
    if (!text_is_uuid(order.officer_id)) {
        error_set(&err, ERROR_INPUT, "%s is no officer id", order.officer_id);
        return cli_fail(cli, &err);
    }
    return compose(cli, &order);
}

/* ---- crl new ----------------------------------------------------------- */

static int
run_crl_new(struct cli *cli)
{
    struct error err = {0};
    char path[128];

    if (!cli_rest(cli, 1))
        return CLI_WRONG_USE;
    if (strspn(cli->argv[0], "abcdefghijklmnopqrstuvwxyz0123456789-") !=
            strlen(cli->argv[0]) ||
        strlen(cli->argv[0]) > API_NAME_MAX) {
        error_set(&err, ERROR_INPUT, "no name of an issuer: %s", cli->argv[0]);
        return cli_fail(cli, &err);
    }
    (void)snprintf(path, sizeof path, "/v1/crls/%s", cli->argv[0]);
    return answer(cli, HTTP_POST, path, NULL);
}

const struct cli_verb ca_verbs[] = {
    {"order submit", "FILE --decision FILE... [--completion FILE]",
     "Hands an order and its decisions to the CA.", true, run_submit},
    {"order check", "FILE", "What the CA would say to an order; no effect.",
     true, run_check},
    {"order show", "ID", "The answer to an order.", true, run_show},
    {"order sign",
     "FILE --step STEP --officer DIR [--decided-at TIME]"
     " [--verdict V --remark TEXT] [--device SERIAL --device-key FILE]",
     "Signs a decision over an order with an officer's key.", false, run_sign},
    {"cert show", "SERIAL [--issuer NAME] [--pem | --json]",
     "What is known of a certificate.", true, cli_cert_show},
    {"cert list",
     "--account A | --subject TEXT | --key SHA256 | --issuer NAME [--json]",
     "Lists certificates, newest first.", true, cli_cert_list},
    {"cert hold",
     "SERIAL... | --list FILE [--dry-run] [--issuer NAME]"
     " [--account A] [--person NUMBER]",
     "Composes an order that puts certificates on hold.", true, cli_cert_hold},
    {"cert release",
     "SERIAL... | --list FILE [--dry-run] [--issuer NAME]"
     " [--account A] [--person NUMBER]",
     "Composes an order that releases certificates.", true, cli_cert_release},
    {"cert revoke",
     "SERIAL... | --list FILE | --key SHA256|FILE [--reason R]"
     " [--invalidity-date TIME] [--dry-run] [--issuer NAME]"
     " [--account A] [--person NUMBER]",
     "Composes an order that revokes certificates.", true, cli_cert_revoke},
    {"officer list", "[--json]", "Lists the officers.", true, run_officer_list},
    {"officer enroll",
     "--name NAME --person NUMBER --roles R,R"
     " --certificate FILE | --passkey FILE",
     "Composes an order that enrolls an officer.", false, run_enroll},
    {"officer credential", "ID --certificate FILE | --passkey FILE",
     "Composes an order that enrolls another credential.", false,
     run_credential},
    {"officer dismiss", "ID", "Composes an order that dismisses an officer.",
     false, run_dismiss},
    {"issuer list", "[--json]", "Lists the issuers.", true, run_issuer_list},
    {"crl new", "ISSUER", "Makes a CRL now.", true, run_crl_new},
    {NULL, NULL, NULL, false, NULL},
};
