/*
 * Verbs of cases: ra/cli/cli_ra.h. An officer's key stays here: what is signed
 * is shown first, and the digest is taken from what was shown, never from what
 * the RA says it is.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/pem.h"
#include "ca-core/api.h"
#include "ra/cli/cli_ra.h"
#include "ra/cli/ra_client.h"

enum {
    WRONG_USE = 2, /* base/cli.h */
    FIELDS_MAX = 64 * 1024,
    LINK_MAX = 128 * 1024,
    ORDER_MAX = 256 * 1024,
};

/* Who asks: --token-file for an account, --officer for an officer. */
struct asker {
    const char *token_file;
    const char *officer;
    bool is_json;
    bool is_wrong;
};

static struct asker
asker_options(struct cli *cli)
{
    struct asker asker = {0};

    asker.token_file = cli_option(cli, "--token-file", &asker.is_wrong);
    asker.officer = cli_option(cli, "--officer", &asker.is_wrong);
    asker.is_json = cli_flag(cli, "--json");
    return asker;
}

static bool
asker_client(const struct cli *cli, const struct asker *asker,
             struct http_client **out, struct error *err)
{
    if (asker->officer != NULL && asker->token_file == NULL)
        return ra_client_for_officer(cli, asker->officer, out, err);
    if (asker->token_file != NULL && asker->officer == NULL)
        return ra_client_for_account(cli, asker->token_file, out, err);
    return error_set(err, ERROR_INPUT,
                     "--token-file FILE or --officer DIR is needed");
}

/* ---- Looking --------------------------------------------------------------
 */

static void
case_print(const json_t *one)
{
    printf("case         %s\nbusiness     %s\naccount      %s\n"
           "unit         %s\nstate        %s\nrevision     %lld\n",
           ra_client_text(one, "number"), ra_client_text(one, "business"),
           ra_client_text(one, "account"), ra_client_text(one, "unit_name"),
           ra_client_text(one, "state"),
           json_integer_value(json_object_get(one, "revision")));
    if (ra_client_text(one, "deadline_at")[0] != '\0')
        printf("deadline     %s\n", ra_client_text(one, "deadline_at"));
    if (ra_client_text(one, "remark")[0] != '\0')
        printf("remark       %s\n", ra_client_text(one, "remark"));
}

static void
timeline_print(const json_t *timeline)
{
    const json_t *step;
    size_t i;

    json_array_foreach(json_object_get(timeline, "steps"), i, step)
    {
        printf("  %s  %-20s %-18s by %-16s", ra_client_text(step, "at"),
               ra_client_text(step, "event"), ra_client_text(step, "state"),
               ra_client_text(step, "role"));
        if (ra_client_text(step, "remark")[0] != '\0')
            printf("  %s", ra_client_text(step, "remark"));
        printf("\n");
    }
}

static int
case_show(struct cli *cli)
{
    struct asker asker = asker_options(cli);
    struct http_client *client = NULL;
    struct error err = {0};
    json_t *one = NULL;
    json_t *timeline = NULL;
    bool ok;

    if (asker.is_wrong || !cli_rest(cli, 1))
        return WRONG_USE;
    ok = asker_client(cli, &asker, &client, &err) &&
         ra_client_case(client, HTTP_GET, cli->argv[0], "", NULL, &one, &err) &&
         ra_client_case(client, HTTP_GET, cli->argv[0], "timeline", NULL,
                        &timeline, &err);
    if (ok && asker.is_json) {
        json_object_set(one, "steps", json_object_get(timeline, "steps"));
        ra_client_print(one);
    } else if (ok) {
        case_print(one);
        timeline_print(timeline);
    }
    json_decref(one);
    json_decref(timeline);
    http_client_free(client);
    return ok ? 0 : cli_fail(cli, &err);
}

static int
case_list(struct cli *cli)
{
    struct asker asker = asker_options(cli);
    /* Not --state: that is the launcher's. */
    const char *state = cli_option(cli, "--state-is", &asker.is_wrong);
    const char *business = cli_option(cli, "--business", &asker.is_wrong);
    struct http_client *client = NULL;
    struct error err = {0};
    bool ok;

    if (asker.is_wrong || !cli_rest(cli, 0))
        return WRONG_USE;
    ok = asker_client(cli, &asker, &client, &err) &&
         ra_client_cases(client, state, business, asker.is_json, &err);
    http_client_free(client);
    return ok ? 0 : cli_fail(cli, &err);
}

/* ---- The chain ------------------------------------------------------------
 */

/* One link: its hash is that of its octets, and it holds the one before. */
static bool
link_check(const json_t *link, char previous[2 * HASH_LEN + 1], json_t **body,
           struct error *err)
{
    struct buf octets = BUF_INIT(LINK_MAX);
    uint8_t hash[HASH_LEN];
    char hex[2 * HASH_LEN + 1];
    bool ok = json_get_bytes(link, "link", LINK_MAX, &octets, err) &&
              hash_sha256(octets.data, octets.len, hash, err) &&
              json_parse_object(octets.data, octets.len, body, err);

    buf_clear(&octets);
    if (!ok)
        return false;
    text_hex(hash, sizeof hash, hex);
    if (strcmp(hex, ra_client_text(link, "hash")) != 0 ||
        strcmp(previous, ra_client_text(*body, "previous")) != 0)
        return error_set(err, ERROR_CONFLICT, "the chain breaks at link %lld",
                         json_integer_value(json_object_get(link, "seq")));
    memcpy(previous, hex, sizeof hex);
    return true;
}

static bool
history_print(const json_t *history, bool is_json, struct error *err)
{
    char previous[2 * HASH_LEN + 1];
    const json_t *link;
    size_t i;

    memset(previous, '0', sizeof previous - 1);
    previous[sizeof previous - 1] = '\0';
    json_array_foreach(json_object_get(history, "history"), i, link)
    {
        json_t *body = NULL;

        if (!link_check(link, previous, &body, err)) {
            json_decref(body);
            return false;
        }
        if (is_json)
            ra_client_print(body);
        else
            printf("%4lld  %s  %-20s %-36s  %.16s\n",
                   json_integer_value(json_object_get(link, "seq")),
                   ra_client_text(body, "at"), ra_client_text(body, "event"),
                   ra_client_text(body, "actor"), previous);
        json_decref(body);
    }
    return true;
}

static int
case_history(struct cli *cli)
{
    struct asker asker = asker_options(cli);
    struct http_client *client = NULL;
    struct error err = {0};
    json_t *history = NULL;
    bool ok;

    if (asker.is_wrong || !cli_rest(cli, 1))
        return WRONG_USE;
    ok = asker_client(cli, &asker, &client, &err) &&
         ra_client_case(client, HTTP_GET, cli->argv[0], "history", NULL,
                        &history, &err) &&
         history_print(history, asker.is_json, &err);
    json_decref(history);
    http_client_free(client);
    return ok ? 0 : cli_fail(cli, &err);
}

/* ---- The applicant's part -------------------------------------------------
 */

static int
case_new(struct cli *cli)
{
    struct asker asker = asker_options(cli);
    const char *business = cli_option(cli, "--business", &asker.is_wrong);
    const char *notice = cli_option(cli, "--notice", &asker.is_wrong);
    const char *file = cli_option(cli, "--fields", &asker.is_wrong);
    struct http_client *client = NULL;
    struct buf text = BUF_INIT(FIELDS_MAX);
    struct error err = {0};
    json_t *fields = NULL;
    json_t *body = json_object();
    json_t *answer = NULL;
    bool ok = false;

    if (asker.is_wrong || !cli_rest(cli, 0)) {
        json_decref(body);
        return WRONG_USE;
    }
    if (business == NULL || file == NULL) {
        error_set(&err, ERROR_INPUT,
                  "--business NAME and --fields FILE are needed");
        goto out;
    }
    if (!text_file_read(file, FIELDS_MAX, &text, &err) ||
        !json_parse_object(text.data, text.len, &fields, &err))
        goto out;
    json_set_text(body, "business", business);
    if (notice != NULL)
        json_set_text(body, "notice_version", notice);
    json_object_set(body, "fields", fields);
    ok = asker_client(cli, &asker, &client, &err) &&
         http_client_json(client, HTTP_POST, "/v1/cases", body, &answer, &err);
    if (ok && asker.is_json)
        ra_client_print(answer);
    else if (ok)
        printf("%s\n", ra_client_text(answer, "number"));
out:
    json_decref(fields);
    json_decref(body);
    json_decref(answer);
    buf_cleanse(&text);
    http_client_free(client);
    return ok ? 0 : cli_fail(cli, &err);
}

static int
case_step(struct cli *cli, const char *step)
{
    struct asker asker = asker_options(cli);
    struct http_client *client = NULL;
    struct error err = {0};
    json_t *answer = NULL;
    bool ok;

    if (asker.is_wrong || !cli_rest(cli, 1))
        return WRONG_USE;
    ok = asker_client(cli, &asker, &client, &err) &&
         ra_client_case(client, HTTP_POST, cli->argv[0], step, NULL, &answer,
                        &err);
    if (ok && asker.is_json)
        ra_client_print(answer);
    else if (ok)
        case_print(answer);
    json_decref(answer);
    http_client_free(client);
    return ok ? 0 : cli_fail(cli, &err);
}

static int
case_submit(struct cli *cli)
{
    return case_step(cli, "submit");
}

static int
case_hand_in(struct cli *cli)
{
    return case_step(cli, "hand-in");
}

static int
case_withdraw(struct cli *cli)
{
    return case_step(cli, "withdraw");
}

static int
case_certificate(struct cli *cli)
{
    struct asker asker = asker_options(cli);
    const char *file = cli_option(cli, "--out", &asker.is_wrong);
    struct http_client *client = NULL;
    struct http_answer answer = {0};
    struct error err = {0};
    char path[128];
    bool ok;

    if (asker.is_wrong || !cli_rest(cli, 1))
        return WRONG_USE;
    ok = (file != NULL ||
          error_set(&err, ERROR_INPUT, "--out FILE is needed")) &&
         ra_client_case_path(cli->argv[0], "certificate", path, &err) &&
         asker_client(cli, &asker, &client, &err) &&
         http_client_call(client, HTTP_GET, path, NULL, NULL, 0, &answer,
                          &err) &&
         (answer.status == 200 ||
          error_set(&err, ERROR_NOT_FOUND, "no certificate (HTTP %d)",
                    answer.status)) &&
         text_file_write(file, answer.body.data, answer.body.len, 0644, &err);
    http_answer_clear(&answer);
    http_client_free(client);
    return ok ? 0 : cli_fail(cli, &err);
}

/* ---- Deciding -------------------------------------------------------------
 */

struct review {
    struct officer_folder officer;
    struct http_client *client;
    json_t *json;
    const char *order_id; /* borrowed from json */
    uint8_t digest[HASH_LEN];
};

static void
review_clear(struct review *review)
{
    json_decref(review->json);
    http_client_free(review->client);
    officer_folder_clear(&review->officer);
}

/* Each text that stands among the fields must stand in the order. */
static bool
same(const json_t *fields, const char *name, const json_t *ordered,
     const char *as, struct error *err)
{
    return strcmp(ra_client_text(fields, name), ra_client_text(ordered, as)) ==
               0 ||
           error_set(err, ERROR_CONFLICT,
                     "the order does not say what the case says: %s", name);
}

/* The order against the fields that the officer compares with the papers. */
static bool
order_check(const json_t *review, const json_t *order, struct error *err)
{
    const json_t *fields = json_object_get(review, "fields");
    const json_t *subject = json_object_get(order, "subject");
    const json_t *applicant = json_object_get(order, "applicant");
    uint8_t hash[HASH_LEN];
    char hex[2 * HASH_LEN + 1];

    if (applicant == NULL) { /* decided without the CA core */
        if (!json_digest(fields, hash, err))
            return false;
        text_hex(hash, sizeof hash, hex);
        return (strcmp(hex, ra_client_text(order, "fields_sha256")) == 0 &&
                strcmp(ra_client_text(order, "case"),
                       ra_client_text(review, "number")) == 0) ||
               error_set(err, ERROR_CONFLICT,
                         "what is decided is not what the case says");
    }
    if (!same(review, "account", applicant, "account", err) ||
        !same(fields, "handler_id_number", applicant, "person", err))
        return false;
    if (subject == NULL)
        return strcmp(ra_client_text(order, "kind"), "revoke") != 0 ||
               same(fields, "reason", order, "reason", err);
    return same(fields, "unit_name", subject, "common_name", err) &&
           same(fields, "unit_name", subject, "organization", err) &&
           same(fields, "uscc", order, "organization_code", err) &&
           same(fields, "country", subject, "country", err) &&
           same(fields, "province", subject, "state", err) &&
           same(fields, "locality", subject, "locality", err) &&
           same(fields, "street", subject, "street", err);
}

/* Fetches what is to be decided and checks that it holds together. */
static bool
review_open(const struct cli *cli, const char *folder, struct review *out,
            struct error *err)
{
    json_t *order;
    char hex[2 * HASH_LEN + 1];
    const char *told;

    if (!ra_client_for_officer(cli, folder, &out->client, err) ||
        !officer_folder_open(folder, &out->officer, err) ||
        !ra_client_case(out->client, HTTP_GET, cli->argv[0], "review", NULL,
                        &out->json, err) ||
        !json_get_object(out->json, "order", &order, err) ||
        !json_get_text(order, "order_id", TEXT_UUID_LEN, &out->order_id, err) ||
        !json_get_text(out->json, "digest", 64, &told, err) ||
        !json_digest(order, out->digest, err))
        return false;
    text_hex(out->digest, sizeof out->digest, hex);
    if (strcmp(hex, told) != 0)
        return error_set(err, ERROR_CONFLICT,
                         "the RA tells another digest than the order has");
    return order_check(out->json, order, err);
}

static void
review_print(const json_t *review)
{
    const json_t *one;
    size_t i;

    case_print(review);
    printf("fields ");
    ra_client_print(json_object_get(review, "fields"));
    printf("order ");
    ra_client_print(json_object_get(review, "order"));
    json_array_foreach(json_object_get(review, "findings"), i,
                       one) if (strcmp(ra_client_text(one, "level"), "ok") != 0)
        printf("%s: %s: %s\n", ra_client_text(one, "level"),
               ra_client_text(one, "subject"),
               ra_client_text(json_object_get(one, "message"), "en"));
    json_array_foreach(json_object_get(review, "decisions"), i, one) printf(
        "decided: %s %s by officer %s at %s\n", ra_client_text(one, "step"),
        ra_client_text(one, "verdict"), ra_client_text(one, "officer_id"),
        ra_client_text(one, "decided_at"));
}

/* SHA-256 of a public key, read from a PEM file. */
static bool
key_hash(const char *path, uint8_t out[HASH_LEN], struct error *err)
{
    unsigned char *spki = NULL;
    EVP_PKEY *key = NULL;
    int len = 0;
    bool ok = pem_public_key_read(path, &key, err);

    if (ok) {
        len = i2d_PUBKEY(key, &spki);
        ok = len > 0 ||
             error_openssl(err, ERROR_INPUT, "%s: no public key", path);
    }
    ok = ok && hash_sha256(spki, (size_t)len, out, err);
    OPENSSL_free(spki);
    EVP_PKEY_free(key);
    return ok;
}

/* The device that a maker signs for: by the key that the maker read from it,
 * not by what the RA says it is, or a stolen RA would have its own signed. */
static bool
device_get(const json_t *review, const char *key_file, struct api_device *out,
           struct error *err)
{
    const json_t *device = json_object_get(review, "making_device");
    uint8_t told[HASH_LEN];
    size_t len = 0;

    if (device == NULL)
        return error_set(err, ERROR_CONFLICT,
                         "no personalised device is for this case");
    snprintf(out->serial, sizeof out->serial, "%s",
             ra_client_text(device, "serial"));
    if (!text_unhex(ra_client_text(device, "spki_sha256"), told, sizeof told,
                    &len) ||
        len != sizeof told)
        return error_set(err, ERROR_INTERNAL, "device not understood");
    return key_hash(key_file, out->spki_sha256, err) &&
           (memcmp(out->spki_sha256, told, sizeof told) == 0 ||
            error_set(err, ERROR_CONFLICT,
                      "the RA has another key for device %s than %s: do not "
                      "sign, tell an administrator",
                      out->serial, key_file));
}

/* Shows, signs, sends. */
static bool
decide(const struct cli *cli, struct review *review, const char *key_file,
       struct api_decision *decision, struct error *err)
{
    struct officer_folder *officer = &review->officer;
    json_t *body = NULL;
    json_t *answer = NULL;
    bool ok = false;

    review_print(review->json);
    memcpy(decision->officer_id, officer->officer_id,
           sizeof decision->officer_id);
    decision->decided_at = clock_now();
    if ((decision->step == API_STEP_MAKING &&
         !device_get(review->json, key_file, &decision->device, err)) ||
        !api_decision_sign(decision, review->order_id, review->digest,
                           officer->certificate.data, officer->certificate.len,
                           officer->key, err))
        goto out;
    body = api_decision_json(decision);
    if (!ra_client_case(review->client, HTTP_POST, cli->argv[0], "decisions",
                        body, &answer, err))
        goto out;
    printf("signed %s %s; case %s is %s\n", api_step_name(decision->step),
           api_verdict_name(decision->verdict), cli->argv[0],
           ra_client_text(answer, "state"));
    ok = true;
out:
    json_decref(body);
    json_decref(answer);
    return ok;
}

static int
case_decide(struct cli *cli)
{
    bool is_wrong = false;
    const char *folder = cli_option(cli, "--officer", &is_wrong);
    const char *step = cli_option(cli, "--step", &is_wrong);
    const char *verdict = cli_option(cli, "--verdict", &is_wrong);
    const char *remark = cli_option(cli, "--remark", &is_wrong);
    const char *key_file = cli_option(cli, "--device-key", &is_wrong);
    struct api_decision decision = {0};
    struct review review = {0};
    struct error err = {0};
    bool ok = false;

    if (is_wrong || !cli_rest(cli, 1))
        return WRONG_USE;
    if (step == NULL || !api_step_find(step, &decision.step))
        error_set(&err, ERROR_INPUT,
                  "--step entry, first-review, second-review or making is "
                  "needed");
    else if (!api_verdict_find(verdict == NULL ? "approve" : verdict,
                               &decision.verdict))
        error_set(&err, ERROR_INPUT,
                  "--verdict approve, return, reject or supplement");
    else if ((decision.verdict == API_APPROVE) != (remark == NULL) ||
             (remark != NULL &&
              (remark[0] == '\0' || strlen(remark) > API_REMARK_MAX)))
        error_set(&err, ERROR_INPUT,
                  "--remark TEXT of at most %d octets goes with every verdict "
                  "but approve",
                  API_REMARK_MAX);
    else if ((decision.step == API_STEP_MAKING) != (key_file != NULL))
        error_set(&err, ERROR_INPUT,
                  "--device-key FILE, the public key that the device itself "
                  "shows, goes with --step making");
    else {
        if (remark != NULL)
            memcpy(decision.remark, remark, strlen(remark) + 1);
        ok = review_open(cli, folder, &review, &err) &&
             decide(cli, &review, key_file, &decision, &err);
    }
    review_clear(&review);
    return ok ? 0 : cli_fail(cli, &err);
}

const struct cli_verb case_verbs[] = {
    {"case list",
     "--token-file FILE | --officer DIR [--state-is STATE] [--business NAME] "
     "[--json]",
     "cases, all pages", true, case_list},
    {"case show", "NUMBER --token-file FILE | --officer DIR [--json]",
     "state and time line of a case", true, case_show},
    {"case history", "NUMBER --officer DIR [--json]",
     "the chained links of a case, checked", true, case_history},
    {"case new",
     "--token-file FILE --business NAME --fields FILE [--notice VERSION] "
     "[--json]",
     "file a case: a draft; prints its number", true, case_new},
    {"case submit", "NUMBER --token-file FILE [--json]",
     "lock the fields; order and forms are made", true, case_submit},
    {"case hand-in", "NUMBER --token-file FILE [--json]",
     "hand the uploaded documents in", true, case_hand_in},
    {"case withdraw", "NUMBER --token-file FILE [--json]", "take a case back",
     true, case_withdraw},
    {"case certificate", "NUMBER --token-file FILE | --officer DIR --out FILE",
     "the certificate and its issuer's, PEM", true, case_certificate},
    {"case decide",
     "NUMBER --officer DIR --step STEP [--verdict VERDICT --remark TEXT] "
     "[--device-key FILE]",
     "show a case and sign a decision on it", true, case_decide},
    {0},
};
