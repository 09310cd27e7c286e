/*
 * Verbs of officers: ra/cli/cli_ra.h. The officer's key stays here: what is
 * signed is shown first, and the digest is taken from what was shown, never
 * from what the RA says it is.
 */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "ca-core/api.h"
#include "ra/cli/cli_ra.h"
#include "ra/cli/ra_client.h"
#include "ra/review.h"

enum { WRONG_USE = 2 }; /* base/cli.h */

/* Each text that stands in the record must stand in the order. */
static bool
same(const json_t *record, const char *name, const char *ordered,
     struct error *err)
{
    if (ordered != NULL && strcmp(ra_client_text(record, name), ordered) == 0)
        return true;
    return error_set(err, ERROR_CONFLICT,
                     "the order does not say what the record says: %s", name);
}

/* The order against the record that the officer compares with the papers. */
static bool
order_check(const json_t *application, const struct api_order *order,
            struct error *err)
{
    const json_t *record = json_object_get(application, "applicant");
    const json_t *domicile = json_object_get(record, "domicile");
    const json_t *handler = json_object_get(record, "handler");
    const char *const *subject = order->subject.attribute;
    struct buf csr = BUF_INIT(API_CSR_MAX);
    bool ok;

    if (order->kind != API_ISSUE || order->san_count != 0 ||
        order->validity.rule != API_VALIDITY_YEARS ||
        order->validity.amount !=
            json_integer_value(json_object_get(application, "years")))
        return error_set(err, ERROR_CONFLICT,
                         "the order does not ask for what is applied for");
    ok = same(application, "account", order->account, err) &&
         same(record, "unit_name", subject[API_COMMON_NAME], err) &&
         same(record, "unit_name", subject[API_ORGANIZATION], err) &&
         same(record, "uscc", order->organization_code, err) &&
         same(domicile, "country", subject[API_COUNTRY], err) &&
         same(domicile, "province", subject[API_STATE], err) &&
         same(domicile, "locality", subject[API_LOCALITY], err) &&
         same(domicile, "street", subject[API_STREET], err) &&
         same(handler, "person", order->person, err) &&
         json_get_bytes(application, "csr", API_CSR_MAX, &csr, err);
    if (ok && (csr.len != order->csr_len ||
               memcmp(csr.data, order->csr, csr.len) != 0))
        ok = error_set(err, ERROR_CONFLICT,
                       "the order holds another request than the application");
    buf_clear(&csr);
    return ok;
}

static void
review_print(const json_t *review)
{
    const json_t *application = json_object_get(review, "application");
    const json_t *decision;
    size_t i;

    printf("application %s of account %s, %s\nrecord ",
           ra_client_text(application, "number"),
           ra_client_text(application, "account"),
           ra_client_text(application, "state"));
    ra_client_print(json_object_get(application, "applicant"));
    printf("order ");
    ra_client_print(json_object_get(review, "order"));
    json_array_foreach(json_object_get(review, "decisions"), i, decision)
    {
        printf("decided: %s by officer %s at %s\n",
               ra_client_text(decision, "step"),
               ra_client_text(decision, "officer_id"),
               ra_client_text(decision, "decided_at"));
    }
}

struct review {
    struct officer_folder officer;
    struct http_client *client;
    json_t *json;
    struct api_order *order;
    uint8_t digest[32];
};

static void
review_clear(struct review *review)
{
    api_order_free(review->order);
    json_decref(review->json);
    http_client_free(review->client);
    officer_folder_clear(&review->officer);
}

/* Fetches what is to be decided and checks that it holds together. */
static bool
review_open(const struct cli *cli, const char *folder, const char *number,
            struct review *out, struct error *err)
{
    json_t *order;
    char hex[65];
    const char *told;

    if (folder == NULL)
        return error_set(err, ERROR_INPUT, "--officer DIR is needed");
    if (!officer_folder_open(folder, &out->officer, err) ||
        !ra_client_for_officer(cli, folder, &out->client, err) ||
        !ra_client_application(out->client, HTTP_GET, number, "review", NULL,
                               &out->json, err) ||
        !json_get_object(out->json, "order", &order, err) ||
        !json_get_text(out->json, "digest", 64, &told, err) ||
        !api_order_parse(order, &out->order, err) ||
        !api_order_digest(order, out->digest, err))
        return false;
    text_hex(out->digest, sizeof out->digest, hex);
    if (strcmp(hex, told) != 0)
        return error_set(err, ERROR_CONFLICT,
                         "the RA tells another digest than the order has");
    return order_check(json_object_get(out->json, "application"), out->order,
                       err);
}

static int
review_show(struct cli *cli)
{
    bool is_wrong = false;
    const char *folder = cli_option(cli, "--officer", &is_wrong);
    bool is_json = cli_flag(cli, "--json");
    struct review review = {0};
    struct error err = {0};
    int status = 0;

    if (is_wrong || !cli_rest(cli, 1))
        return WRONG_USE;
    if (!review_open(cli, folder, cli->argv[0], &review, &err))
        status = cli_fail(cli, &err);
    else if (is_json)
        ra_client_print(review.json);
    else
        review_print(review.json);
    review_clear(&review);
    return status;
}

/* Shows, signs, sends. */
static bool
review_decide(const struct cli *cli, struct review *review,
              struct review_decision *decision, struct error *err)
{
    struct officer_folder *officer = &review->officer;
    struct api_decision *part = &decision->signed_part;
    json_t *body = NULL;
    json_t *answer = NULL;
    bool ok = false;

    review_print(review->json);
    memcpy(part->officer_id, officer->officer_id, sizeof part->officer_id);
    part->decided_at = clock_now();
    if (!review_decision_sign(decision, review->order->order_id, review->digest,
                              officer->certificate.data,
                              officer->certificate.len, officer->key, err))
        goto out;
    body = review_decision_json(decision);
    if (!ra_client_application(review->client, HTTP_POST, cli->argv[0],
                               "decisions", body, &answer, err))
        goto out;
    printf("signed %s %s; application %s is %s\n", api_step_name(part->step),
           review_verdict_name(decision->verdict), cli->argv[0],
           ra_client_text(json_object_get(answer, "application"), "state"));
    ok = true;
out:
    json_decref(body);
    json_decref(answer);
    return ok;
}

static int
review_run(struct cli *cli, enum review_verdict verdict, const char *step_name)
{
    bool is_wrong = false;
    const char *folder = cli_option(cli, "--officer", &is_wrong);
    const char *step_given =
        step_name == NULL ? cli_option(cli, "--step", &is_wrong) : step_name;
    const char *remark =
        verdict == REVIEW_APPROVE ? "" : cli_option(cli, "--remark", &is_wrong);
    struct review_decision decision = {.verdict = verdict};
    struct review review = {0};
    struct error err = {0};
    bool ok = false;

    if (is_wrong || !cli_rest(cli, 1))
        return WRONG_USE;
    if (step_given == NULL ||
        !api_step_find(step_given, &decision.signed_part.step))
        error_set(&err, ERROR_INPUT,
                  "--step entry, first-review or second-review is needed");
    else if (remark == NULL || strlen(remark) > REVIEW_REMARK_MAX)
        error_set(&err, ERROR_INPUT,
                  "--remark TEXT of at most %d octets is needed",
                  REVIEW_REMARK_MAX);
    else {
        memcpy(decision.remark, remark, strlen(remark) + 1);
        ok = review_open(cli, folder, cli->argv[0], &review, &err) &&
             review_decide(cli, &review, &decision, &err);
    }
    review_clear(&review);
    return ok ? 0 : cli_fail(cli, &err);
}

static int
review_enter(struct cli *cli)
{
    return review_run(cli, REVIEW_APPROVE, api_step_name(API_STEP_ENTRY));
}

static int
review_approve(struct cli *cli)
{
    return review_run(cli, REVIEW_APPROVE, NULL);
}

static int
review_return(struct cli *cli)
{
    return review_run(cli, REVIEW_RETURN, NULL);
}

static int
review_reject(struct cli *cli)
{
    return review_run(cli, REVIEW_REJECT, NULL);
}

/* What waits for a decision. */
static int
review_list(struct cli *cli)
{
    static const char *const states[] = {"submitted", "entered", "first-passed",
                                         "issuing"};
    bool is_wrong = false;
    const char *folder = cli_option(cli, "--officer", &is_wrong);
    bool is_json = cli_flag(cli, "--json");
    struct http_client *client = NULL;
    struct error err = {0};
    bool ok = true;

    if (is_wrong || !cli_rest(cli, 0))
        return WRONG_USE;
    if (folder == NULL)
        ok = error_set(&err, ERROR_INPUT, "--officer DIR is needed");
    ok = ok && ra_client_for_officer(cli, folder, &client, &err);
    for (size_t i = 0; ok && i < sizeof states / sizeof states[0]; i++)
        ok = ra_client_list(client, states[i], is_json, &err);
    http_client_free(client);
    return ok ? 0 : cli_fail(cli, &err);
}

const struct cli_verb review_verbs[] = {
    {"review list", "--officer DIR [--json]",
     "applications that wait for a decision", true, review_list},
    {"review show", "NUMBER --officer DIR [--json]",
     "record, order and decisions of an application", true, review_show},
    {"review enter", "NUMBER --officer DIR", "sign the entry of an application",
     true, review_enter},
    {"review approve", "NUMBER --step STEP --officer DIR",
     "sign a review: first-review or second-review", true, review_approve},
    {"review return", "NUMBER --step STEP --officer DIR --remark TEXT",
     "send an application back to the applicant", true, review_return},
    {"review reject", "NUMBER --step STEP --officer DIR --remark TEXT",
     "end an application", true, review_reject},
    {0},
};
