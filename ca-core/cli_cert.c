/* cert show, list, hold, release, revoke. */
#include "ca-core/cli_cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "ca-core/api.h"
#include "ca-core/cli_client.h"
#include "ca-core/public_key.h"

enum {
    FILE_MAX = 4 * 1024 * 1024,
    PATH_LEN = 4096,
    SERIAL_TEXT = 2 * API_SERIAL_LEN,
};

bool
cli_cert_der(const struct buf *pem, struct buf *out, struct error *err)
{
    BIO *bio = BIO_new_mem_buf(buf_text(pem), (int)pem->len);
    X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    unsigned char *der = NULL;
    int len = x509 != NULL ? i2d_X509(x509, &der) : -1;
    bool ok = len > 0 && buf_add(out, der, (size_t)len);

    OPENSSL_free(der);
    X509_free(x509);
    BIO_free(bio);
    return ok || error_openssl(err, ERROR_INPUT, "no PEM certificate");
}

/* ---- Asking ------------------------------------------------------------ */

static const char *
text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value != NULL ? value : "";
}

/* The issuer that was named, or else the newest active one below a root. */
static bool
pick_issuer(const struct cli *cli, const char *given,
            char out[API_NAME_MAX + 1], struct error *err)
{
    json_int_t newest = 0;
    json_t *answer, *item;
    size_t i;

    (void)snprintf(out, API_NAME_MAX + 1, "%s", given != NULL ? given : "");
    if (given != NULL)
        return true;
    if (!cli_client_call(cli, HTTP_GET, "/v1/issuers", NULL, &answer, err))
        return false;
    json_array_foreach(json_object_get(answer, "issuers"), i, item)
    {
        json_int_t generation =
            json_integer_value(json_object_get(item, "generation"));

        if (json_is_true(json_object_get(item, "is_root")) ||
            strcmp(text(item, "state"), "active") != 0 || generation < newest)
            continue;
        newest = generation;
        (void)snprintf(out, API_NAME_MAX + 1, "%s", text(item, "name"));
    }
    json_decref(answer);
    return out[0] != '\0' ||
           error_set(err, ERROR_NOT_FOUND, "no issuer is active");
}

/* GET /v1/certificates?name=value[&serial=...] */
static bool
ask(const struct cli *cli, const char *name, const char *value,
    const char *serial, json_t **out, struct error *err)
{
    struct buf path = BUF_INIT(3 * PATH_LEN);
    bool ok;

    buf_addf(&path, "/v1/certificates?%s=", name);
    ok = text_percent(value, &path) &&
         (serial == NULL ||
          (buf_add_text(&path, "&serial=") && text_percent(serial, &path)));
    if (!ok)
        error_set(err, ERROR_INPUT, "too long");
    ok = ok && cli_client_call(cli, HTTP_GET, buf_text(&path), NULL, out, err);
    buf_clear(&path);
    return ok;
}

static void
print_pem(const json_t *certificate)
{
    const char *der = text(certificate, "der");
    size_t len = strlen(der);

    printf("-----BEGIN CERTIFICATE-----\n");
    for (size_t i = 0; i < len; i += 64)
        printf("%.64s\n", der + i);
    printf("-----END CERTIFICATE-----\n");
}

static void
print_certificate(const json_t *certificate)
{
    static const char *const names[] = {
        "issuer",  "serial",     "subject",         "profile",    "state",
        "reason",  "revoked_at", "invalidity_date", "not_before", "not_after",
        "account", "order_id",   "spki_sha256"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (json_object_get(certificate, names[i]) != NULL)
            printf("%-16s %s\n", names[i], text(certificate, names[i]));
}

int
cli_cert_show(struct cli *cli)
{
    bool is_wrong = false;
    const char *issuer = cli_option(cli, "--issuer", &is_wrong);
    bool is_pem = cli_flag(cli, "--pem"), is_json = cli_flag(cli, "--json");
    char name[API_NAME_MAX + 1];
    struct error err = {0};
    json_t *out = NULL, *first;

    if (is_wrong || !cli_rest(cli, 1))
        return CLI_WRONG_USE;
    if (!pick_issuer(cli, issuer, name, &err) ||
        !ask(cli, "issuer", name, cli->argv[0], &out, &err))
        return cli_fail(cli, &err);
    first = json_array_get(json_object_get(out, "certificates"), 0);
    if (is_pem)
        print_pem(first);
    else if (is_json)
        cli_client_print(first);
    else
        print_certificate(first);
    json_decref(out);
    return 0;
}

int
cli_cert_list(struct cli *cli)
{
    static const struct {
        const char *option, *name;
    } ways[] = {{"--account", "account"},
                {"--subject", "subject"},
                {"--key", "spki_sha256"},
                {"--issuer", "issuer"}};
    bool is_wrong = false, is_json = cli_flag(cli, "--json");
    const char *name = NULL, *value = NULL, *given;
    char issuer[API_NAME_MAX + 1];
    struct error err = {0};
    json_t *out = NULL, *item;
    size_t i;

    for (i = 0; i < sizeof ways / sizeof *ways; i++)
        if ((given = cli_option(cli, ways[i].option, &is_wrong)) != NULL) {
            name = ways[i].name;
            value = given;
        }
    if (is_wrong || !cli_rest(cli, 0))
        return CLI_WRONG_USE;
    if (name == NULL) {
        if (!pick_issuer(cli, NULL, issuer, &err))
            return cli_fail(cli, &err);
        name = "issuer";
        value = issuer;
    }
    if (!ask(cli, name, value, NULL, &out, &err))
        return cli_fail(cli, &err);
    if (is_json)
        cli_client_print(out);
    else
        json_array_foreach(json_object_get(out, "certificates"), i, item)
            printf("%s  %s  %-8s  until %s  %s\n", text(item, "issuer"),
                   text(item, "serial"), text(item, "state"),
                   text(item, "not_after"), text(item, "subject"));
    json_decref(out);
    return 0;
}

/* ---- Composing --------------------------------------------------------- */

/* An order that is being composed; owns its targets. */
struct composing {
    struct api_order order;
    struct api_certificate_ref *targets;
    char (*issuers)[API_NAME_MAX + 1]; /* of each target */
};

static bool
add_target(struct composing *c, const char *issuer, const char *serial,
           struct error *err)
{
    struct api_certificate_ref *ref;
    size_t at = c->order.target_count, len;

    if (at == API_TARGETS_MAX)
        return error_set(err, ERROR_INPUT, "more than %d certificates",
                         API_TARGETS_MAX);
    ref = &c->targets[at];
    (void)snprintf(c->issuers[at], sizeof c->issuers[at], "%s", issuer);
    ref->issuer = c->issuers[at];
    if (!text_unhex(serial, ref->serial, API_SERIAL_LEN, &len) ||
        len != API_SERIAL_LEN)
        return error_set(err, ERROR_INPUT, "no serial of %d hex digits: %.64s",
                         SERIAL_TEXT, serial);
    c->order.target_count++;
    return true;
}

/* Lines "SERIAL" or "ISSUER SERIAL"; empty ones and "# ..." are passed over. */
static bool
add_list(struct composing *c, const char *path, const char *issuer,
         struct error *err)
{
    struct buf list = BUF_INIT(FILE_MAX);
    char *line, *rest = NULL;
    bool ok = text_file_read(path, FILE_MAX, &list, err);
    size_t number = 0;

    line = ok && list.len > 0 ? strtok_r((char *)list.data, "\n", &rest) : NULL;
    for (; ok && line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        char first[80] = "", second[80] = "";
        int words = sscanf(line, "%79s %79s", first, second);

        number++;
        if (words < 1 || first[0] == '#')
            continue;
        ok = words == 1 ? add_target(c, issuer, first, err)
                        : add_target(c, first, second, err);
        if (!ok)
            error_wrap(err, "%s: entry %zu", path, number);
    }
    buf_clear(&list);
    return ok;
}

/* A SHA-256 in hex, or a PEM file with a certificate or a public key. */
static bool
set_key(struct composing *c, const char *key, struct error *err)
{
    struct buf pem = BUF_INIT(FILE_MAX);
    unsigned char *spki = NULL;
    EVP_PKEY *public_key = NULL;
    X509 *x509 = NULL;
    BIO *bio = NULL;
    size_t len;
    int spki_len = -1;
    bool ok = false;

    c->order.has_key = true;
    if (strlen(key) == 64 && text_unhex(key, c->order.spki_sha256, 32, &len))
        return true;
    if (!text_file_read(key, FILE_MAX, &pem, err))
        goto out;
    bio = BIO_new_mem_buf(buf_text(&pem), (int)pem.len);
    if ((x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        spki_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &spki);
    } else if (BIO_reset(bio) == 1 && (public_key = PEM_read_bio_PUBKEY(
                                           bio, NULL, NULL, NULL)) != NULL) {
        spki_len = i2d_PUBKEY(public_key, &spki);
    }
    if (spki_len <= 0) {
        error_openssl(err, ERROR_INPUT, "%s: no PEM certificate or public key",
                      key);
        goto out;
    }
    ok = public_key_digest((struct der){spki, (size_t)spki_len},
                           c->order.spki_sha256, err);
out:
    OPENSSL_free(spki);
    EVP_PKEY_free(public_key);
    X509_free(x509);
    BIO_free(bio);
    buf_clear(&pem);
    return ok;
}

static bool
set_reason(struct composing *c, const char *reason, const char *invalid_from,
           struct error *err)
{
    if (reason != NULL && !api_reason_find(reason, &c->order.reason))
        return error_set(err, ERROR_INPUT, "no reason '%s'", reason);
    return invalid_from == NULL ||
           clock_parse(invalid_from, &c->order.invalidity_date) ||
           error_set(err, ERROR_INPUT, "no time like 2026-11-24T09:00:00Z: %s",
                     invalid_from);
}

/* Asks what the order would do and prints one line for each certificate. */
static int
dry_run(const struct cli *cli, const json_t *order)
{
    json_t *envelope = json_object(), *out = NULL, *item;
    struct error err = {0};
    size_t i;
    int status = 0;

    json_object_set(envelope, "order", (json_t *)(uintptr_t)order);
    if (cli_client_call(cli, HTTP_POST, "/v1/orders/check", envelope, &out,
                        &err)) {
        const json_t *affects = json_object_get(out, "affects");

        json_array_foreach(affects, i, item)
            printf("%s  %s  %s -> %s\n", text(item, "issuer"),
                   text(item, "serial"), text(item, "from"), text(item, "to"));
        printf("%zu certificates\n", json_array_size(affects));
    } else {
        status = cli_fail(cli, &err);
    }
    json_decref(out);
    json_decref(envelope);
    return status;
}

static bool
fill(struct composing *c, struct cli *cli, const char *issuer, const char *list,
     const char *key, struct error *err)
{
    int ways = (list != NULL) + (key != NULL) + (cli->argc > 0);

    if (ways != 1)
        return error_set(err, ERROR_INPUT,
                         "name serials, or a list%s, and only one of these",
                         c->order.kind == API_REVOKE ? ", or a key" : "");
    if (key != NULL)
        return set_key(c, key, err);
    if (list != NULL)
        return add_list(c, list, issuer, err);
    for (int i = 0; i < cli->argc; i++)
        if (!add_target(c, issuer, cli->argv[i], err))
            return false;
    return true;
}

static int
finish(struct composing *c, const struct cli *cli, bool is_dry)
{
    struct error err = {0};
    json_t *json;
    int status = 0;

    if (!text_uuid_draw(c->order.order_id, &err))
        return cli_fail(cli, &err);
    c->order.created_at = clock_now();
    c->order.target = c->targets;
    json = api_order_json(&c->order);
    if (is_dry)
        status = dry_run(cli, json);
    else
        cli_client_print(json);
    json_decref(json);
    return status;
}

static int
compose(struct cli *cli, enum api_kind kind)
{
    bool is_wrong = false, is_dry = cli_flag(cli, "--dry-run");
    bool is_revoke = kind == API_REVOKE;
    const char *issuer = cli_option(cli, "--issuer", &is_wrong);
    const char *list = cli_option(cli, "--list", &is_wrong);
    const char *account = cli_option(cli, "--account", &is_wrong);
    const char *person = cli_option(cli, "--person", &is_wrong);
    const char *key = is_revoke ? cli_option(cli, "--key", &is_wrong) : NULL;
    const char *reason =
        is_revoke ? cli_option(cli, "--reason", &is_wrong) : NULL;
    const char *invalid_from =
        is_revoke ? cli_option(cli, "--invalidity-date", &is_wrong) : NULL;
    struct composing c = {.order = {.kind = kind}};
    char name[API_NAME_MAX + 1];
    struct error err = {0};
    int status;

    if (is_wrong || !cli_rest(cli, -1))
        return CLI_WRONG_USE;
    /* Of the CA's own motion unless somebody is named (domain.md, 1.8 #26). */
    c.order.account = account != NULL ? account : "ca";
    c.order.person = person != NULL ? person : "ca";
    c.targets = base_alloc(API_TARGETS_MAX * sizeof *c.targets);
    c.issuers = base_alloc(API_TARGETS_MAX * sizeof *c.issuers);
    if (pick_issuer(cli, issuer, name, &err) &&
        fill(&c, cli, name, list, key, &err) &&
        set_reason(&c, reason, invalid_from, &err))
        status = finish(&c, cli, is_dry);
    else
        status = cli_fail(cli, &err);
    free(c.targets);
    free(c.issuers);
    return status;
}

int
cli_cert_hold(struct cli *cli)
{
    return compose(cli, API_HOLD);
}

int
cli_cert_release(struct cli *cli)
{
    return compose(cli, API_RELEASE);
}

int
cli_cert_revoke(struct cli *cli)
{
    return compose(cli, API_REVOKE);
}
