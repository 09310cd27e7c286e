/* Verbs of accounts: ra/cli/cli_ra.h. */
#include "ra/cli/cli_ra.h"

#include <string.h>

#include "base/json.h"
#include "ra/cli/ra_client.h"

enum { CLI_WRONG_USE = 2 }; /* base/cli.h */

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

const struct cli_verb ra_verbs[] = {
    {"account create", "NAME --officer DIR [--token-file FILE]",
     "open an account for a unit; its token is shown this once", true,
     account_create},
    {0},
};
