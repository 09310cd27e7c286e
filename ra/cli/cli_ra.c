/* Verbs of accounts and their applications: ra/cli/cli_ra.h. */
#include "ra/cli/cli_ra.h"

#include <string.h>

#include <openssl/crypto.h>

#include "base/json.h"
#include "ra/cli/ra_client.h"

enum {
    RECORD_MAX = 64 * 1024,
    CSR_MAX = 64 * 1024,
    CLI_WRONG_USE = 2, /* base/cli.h */
};

/* ---- account ------------------------------------------------------------- */

static int
account_create(struct cli *cli)
{
    bool is_wrong = false;
    const char *officer = cli_option(cli, "--officer", &is_wrong);
    const char *file = cli_option(cli, "--token-file", &is_wrong);
    struct http_client *client = NULL;
    struct error err = {0};
    json_t *body = NULL;
    json_t *answer = NULL;
    const char *token;
    int status = 1;

    if (is_wrong || !cli_rest(cli, 1))
        return CLI_WRONG_USE;
    if (officer == NULL) {
        error_set(&err, ERROR_INPUT, "--officer DIR is needed");
        goto out;
    }
    body = json_object();
    json_set_text(body, "account", cli->argv[0]);
    if (!ra_client_for_officer(cli, officer, &client, &err) ||
        !http_client_json(client, HTTP_POST, "/v1/accounts", body, &answer,
                          &err) ||
        !json_get_text(answer, "token", 256, &token, &err))
        goto out;
    if (file == NULL)
        printf("%s\n", token);
    else if (!text_file_write(file, token, strlen(token), 0600, &err))
        goto out;
    status = 0;
out:
    if (status != 0)
        cli_fail(cli, &err);
    json_decref(body);
    json_decref(answer);
    http_client_free(client);
    return status;
}

/* ---- application --------------------------------------------------------- */

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

/* The body of a new application, from three files' worth of options. */
static bool
application_body(const char *record_file, const char *csr_file, int64_t years,
                 json_t **out, struct error *err)
{
    struct buf record = BUF_INIT(RECORD_MAX);
    struct buf csr = BUF_INIT(CSR_MAX);
    json_t *applicant = NULL;
    bool ok = false;

    if (!text_file_read(record_file, RECORD_MAX, &record, err))
        goto out;
    if (!json_parse_object(record.data, record.len, &applicant, err)) {
        error_wrap(err, "%s", record_file);
        goto out;
    }
    if (!text_file_read(csr_file, CSR_MAX, &csr, err))
        goto out;
    *out = json_object();
    json_object_set(*out, "applicant", applicant);
    json_set_int(*out, "years", years);
    if (memcmp(buf_text(&csr), "-----", csr.len < 5 ? csr.len : 5) == 0)
        json_set_text(*out, "csr", buf_text(&csr));
    else
        json_set_bytes(*out, "csr", csr.data, csr.len);
    ok = true;
out:
    json_decref(applicant);
    buf_clear(&record);
    buf_clear(&csr);
    return ok;
}

static int
application_new(struct cli *cli)
{
    struct asker asker = asker_options(cli);
    const char *record = cli_option(cli, "--record", &asker.is_wrong);
    const char *csr = cli_option(cli, "--csr", &asker.is_wrong);
    const char *years_text = cli_option(cli, "--years", &asker.is_wrong);
    struct http_client *client = NULL;
    struct error err = {0};
    json_t *body = NULL;
    json_t *answer = NULL;
    int64_t years = 1;
    int status = 1;

    if (asker.is_wrong || !cli_rest(cli, 0))
        return CLI_WRONG_USE;
    if (record == NULL || csr == NULL ||
        (years_text != NULL && !text_int64(years_text, 1, 5, &years)))
        error_set(&err, ERROR_INPUT,
                  "--record FILE, --csr FILE and --years 1 to 5 are needed");
    else if (application_body(record, csr, years, &body, &err) &&
             asker_client(cli, &asker, &client, &err) &&
             http_client_json(client, HTTP_POST, "/v1/applications", body,
                              &answer, &err)) {
        if (asker.is_json)
            ra_client_print(answer);
        else
            printf("%s\n", ra_client_text(answer, "number"));
        status = 0;
    }
    if (status != 0)
        cli_fail(cli, &err);
    json_decref(body);
    json_decref(answer);
    http_client_free(client);
    return status;
}

static void
history_print(const json_t *history)
{
    const json_t *link;
    size_t i;

    json_array_foreach(json_object_get(history, "history"), i, link)
    {
        printf("  %s  %-10s by %-16s", ra_client_text(link, "at"),
               ra_client_text(link, "event"), ra_client_text(link, "role"));
        if (ra_client_text(link, "remark")[0] != '\0')
            printf("  %s", ra_client_text(link, "remark"));
        printf("\n");
    }
}

static void
application_print(const json_t *application)
{
    printf("application  %s\naccount      %s\nunit         %s\n"
           "state        %s\nrevision     %lld\n",
           ra_client_text(application, "number"),
           ra_client_text(application, "account"),
           ra_client_text(application, "unit_name"),
           ra_client_text(application, "state"),
           json_integer_value(json_object_get(application, "revision")));
    if (ra_client_text(application, "order_id")[0] != '\0')
        printf("order        %s\n", ra_client_text(application, "order_id"));
}

static int
application_show(struct cli *cli)
{
    struct asker asker = asker_options(cli);
    struct http_client *client = NULL;
    struct error err = {0};
    json_t *application = NULL;
    json_t *history = NULL;
    int status = 1;

    if (asker.is_wrong || !cli_rest(cli, 1))
        return CLI_WRONG_USE;
    if (!asker_client(cli, &asker, &client, &err) ||
        !ra_client_application(client, HTTP_GET, cli->argv[0], "", NULL,
                               &application, &err) ||
        !ra_client_application(client, HTTP_GET, cli->argv[0], "history", NULL,
                               &history, &err))
        goto out;
    if (asker.is_json) {
        json_object_set(application, "history",
                        json_object_get(history, "history"));
        ra_client_print(application);
    } else {
        application_print(application);
        history_print(history);
    }
    status = 0;
out:
    if (status != 0)
        cli_fail(cli, &err);
    json_decref(application);
    json_decref(history);
    http_client_free(client);
    return status;
}

static int
application_list(struct cli *cli)
{
    struct asker asker = asker_options(cli);
    /* Not --state: that is the launcher's. */
    const char *state = cli_option(cli, "--state-is", &asker.is_wrong);
    struct http_client *client = NULL;
    struct error err = {0};
    bool ok;

    if (asker.is_wrong || !cli_rest(cli, 0))
        return CLI_WRONG_USE;
    if (state != NULL &&
        strspn(state, "abcdefghijklmnopqrstuvwxyz-") != strlen(state)) {
        error_set(&err, ERROR_INPUT, "%s is no state", state);
        return cli_fail(cli, &err);
    }
    ok = asker_client(cli, &asker, &client, &err) &&
         ra_client_list(client, state, asker.is_json, &err);
    http_client_free(client);
    return ok ? 0 : cli_fail(cli, &err);
}

/* submit and withdraw */
static int
application_event(struct cli *cli, const char *event)
{
    struct asker asker = asker_options(cli);
    struct http_client *client = NULL;
    struct error err = {0};
    json_t *answer = NULL;
    bool ok;

    if (asker.is_wrong || !cli_rest(cli, 1))
        return CLI_WRONG_USE;
    ok = asker_client(cli, &asker, &client, &err) &&
         ra_client_application(client, HTTP_POST, cli->argv[0], event, NULL,
                               &answer, &err);
    if (ok && asker.is_json)
        ra_client_print(answer);
    else if (ok)
        application_print(answer);
    json_decref(answer);
    http_client_free(client);
    return ok ? 0 : cli_fail(cli, &err);
}

static int
application_submit(struct cli *cli)
{
    return application_event(cli, "submit");
}

static int
application_withdraw(struct cli *cli)
{
    return application_event(cli, "withdraw");
}

static int
application_certificate(struct cli *cli)
{
    struct asker asker = asker_options(cli);
    const char *file = cli_option(cli, "--out", &asker.is_wrong);
    struct http_client *client = NULL;
    struct http_answer answer = {0};
    struct error err = {0};
    char path[128];
    int status = 1;

    if (asker.is_wrong || !cli_rest(cli, 1))
        return CLI_WRONG_USE;
    if (file == NULL)
        error_set(&err, ERROR_INPUT, "--out FILE is needed");
    else if (strspn(cli->argv[0], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") !=
                 strlen(cli->argv[0]) ||
             strlen(cli->argv[0]) > 31)
        error_set(&err, ERROR_INPUT, "%s is no number of an application",
                  cli->argv[0]);
    else if (asker_client(cli, &asker, &client, &err)) {
        snprintf(path, sizeof path, "/v1/applications/%s/certificate",
                 cli->argv[0]);
        if (http_client_call(client, HTTP_GET, path, NULL, NULL, 0, &answer,
                             &err) &&
            (answer.status == 200 ||
             error_set(&err, ERROR_NOT_FOUND, "no certificate (HTTP %d)",
                       answer.status)) &&
            text_file_write(file, answer.body.data, answer.body.len, 0644,
                            &err))
            status = 0;
    }
    if (status != 0)
        cli_fail(cli, &err);
    http_answer_clear(&answer);
    http_client_free(client);
    return status;
}

const struct cli_verb ra_verbs[] = {
    {"account create", "NAME --officer DIR [--token-file FILE]",
     "open an account for a unit; its token is shown this once", true,
     account_create},
    {"application new",
     "--token-file FILE --record FILE --csr FILE [--years N] [--json]",
     "apply for a certificate: a draft; prints its number", true,
     application_new},
    {"application show", "NUMBER --token-file FILE | --officer DIR [--json]",
     "state and history of an application", true, application_show},
    {"application list",
     "--token-file FILE | --officer DIR [--state-is STATE] [--json]",
     "applications, all pages", true, application_list},
    {"application submit", "NUMBER --token-file FILE [--json]",
     "hand a draft in; its fields are locked then", true, application_submit},
    {"application withdraw", "NUMBER --token-file FILE [--json]",
     "take an application back", true, application_withdraw},
    {"application certificate", "NUMBER --token-file FILE --out FILE",
     "the certificate and its issuer's, PEM", true, application_certificate},
    {0},
};
