/* Verbs about the records of units: ra/cli/cli_unit.h. */
#include "ra/cli/cli_unit.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "ra/cli/ra_client.h"
#include "ra/unit_import.h"

enum { CLI_WRONG_USE = 2 /* base/cli.h */ };

static bool
ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool
import_send(struct http_client *client, const char *file, bool is_dry,
            json_t **out, struct error *err)
{
    struct buf data = BUF_INIT(UNIT_IMPORT_MAX + 1);
    struct http_answer answer = {0};
    bool is_xml = ends_with(file, ".xml");
    char path[64];
    bool ok = false;

    if (!is_xml && !ends_with(file, ".csv"))
        return error_set(err, ERROR_INPUT,
                         "%s: the name has to end in .csv or .xml", file);
    (void)snprintf(path, sizeof path, "/v1/platform/import?format=%s%s",
                   is_xml ? "xml" : "csv", is_dry ? "&dry_run=1" : "");
    if (!text_file_read(file, UNIT_IMPORT_MAX, &data, err) ||
        !http_client_call(client, HTTP_POST, path,
                          is_xml ? "application/xml" : "text/csv", data.data,
                          data.len, &answer, err))
        goto out;
    ok = answer.status < 400
             ? json_parse_object(answer.body.data, answer.body.len, out, err)
             : http_answer_error(&answer, err);
out:
    http_answer_clear(&answer);
    buf_clear(&data);
    return ok;
}

static int64_t
number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

/* A line for each record that did not stay as it was, and the sums. */
static void
report_print(const json_t *report)
{
    const json_t *lines = json_object_get(report, "lines");

    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *one = json_array_get(lines, i);
        const char *result = ra_client_text(one, "result");

        if (strcmp(result, "unchanged") != 0)
            printf("%lld\t%s\t%s\t%s\n", (long long)number_of(one, "line"),
                   result, ra_client_text(one, "account"),
                   ra_client_text(one, "problem"));
    }
    printf("%s%lld created, %lld changed, %lld unchanged, %lld wrong\n",
           json_is_true(json_object_get(report, "dry_run")) ? "nothing stored: "
                                                            : "",
           (long long)number_of(report, "created"),
           (long long)number_of(report, "changed"),
           (long long)number_of(report, "unchanged"),
           (long long)number_of(report, "errors"));
}

static int
account_import(struct cli *cli)
{
    bool is_wrong = false;
    const char *officer = cli_option(cli, "--officer", &is_wrong);
    bool is_dry = cli_flag(cli, "--dry-run");
    bool is_json = cli_flag(cli, "--json");
    struct http_client *client = NULL;
    struct error err = {0};
    json_t *report = NULL;
    int status = 1;

    if (is_wrong || !cli_rest(cli, 1))
        return CLI_WRONG_USE;
    if (!ra_client_for_officer(cli, officer, &client, &err) ||
        !import_send(client, cli->argv[0], is_dry, &report, &err)) {
        cli_fail(cli, &err);
        goto out;
    }
    if (is_json)
        ra_client_print(report);
    else
        report_print(report);
    status = number_of(report, "errors") > 0 ? 1 : 0;
out:
    json_decref(report);
    http_client_free(client);
    return status;
}

const struct cli_verb unit_verbs[] = {
    {"account import", "FILE.csv|FILE.xml --officer DIR [--dry-run] [--json]",
     "store records of units and open their accounts; a report by line", true,
     account_import},
    {0},
};
