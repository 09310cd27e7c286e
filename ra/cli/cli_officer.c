/*
 * Verbs about officers: ra/cli/cli_ra.h. The first passkeys are enrolled by
 * administrators who have certificates. What is approved is shown first, and
 * the digest is taken from what was shown, never from what the RA says it is.
 */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "ca-core/api.h"
#include "ra/cli/cli_ra.h"
#include "ra/cli/ra_client.h"

enum { WRONG_USE = 2, PATH_LEN = 128 }; /* base/cli.h */

/* One call as the officer whose folder it is. */
static bool
call(const struct cli *cli, const char *folder, enum http_method method,
     const char *path, const json_t *body, json_t **out, struct error *err)
{
    struct http_client *client = NULL;
    bool ok = ra_client_for_officer(cli, folder, &client, err) &&
              http_client_json(client, method, path, body, out, err);

    http_client_free(client);
    return ok;
}

static bool
case_path(const char *id, const char *tail, char out[PATH_LEN],
          struct error *err)
{
    if (!text_is_uuid(id))
        return error_set(err, ERROR_INPUT, "%s is no id of a case", id);
    (void)snprintf(out, PATH_LEN, "/v1/officer-cases/%s%s", id, tail);
    return true;
}

/* Opens a case and tells how it goes on. Takes `body`. */
static int
open_case(struct cli *cli, const char *folder, json_t *take_body)
{
    struct error err = {0};
    json_t *answer = NULL;
    bool ok = call(cli, folder, HTTP_POST, "/v1/officer-cases", take_body,
                   &answer, &err);

    if (ok && ra_client_text(answer, "url")[0] != '\0')
        printf("case %s\ninvitation (once, until %s):\n%s\n",
               ra_client_text(answer, "id"),
               ra_client_text(answer, "expires_at"),
               ra_client_text(answer, "url"));
    else if (ok)
        printf("case %s: two administrators approve it\n",
               ra_client_text(answer, "id"));
    json_decref(answer);
    json_decref(take_body);
    return ok ? 0 : cli_fail(cli, &err);
}

static int
officer_invite(struct cli *cli)
{
    bool is_wrong = false;
    const char *folder = cli_option(cli, "--officer", &is_wrong);
    const char *person = cli_option(cli, "--person", &is_wrong);
    const char *roles = cli_option(cli, "--roles", &is_wrong);
    struct error err = {0};
    json_t *body;
    json_t *list;

    if (is_wrong || !cli_rest(cli, 1))
        return WRONG_USE;
    if (person == NULL || roles == NULL) {
        error_set(&err, ERROR_INPUT,
                  "--person NUMBER and --roles ROLE[,ROLE...] are needed");
        return cli_fail(cli, &err);
    }
    list = json_array();
    while (*roles != '\0') {
        size_t len = strcspn(roles, ",");

        json_array_append_new(list, json_stringn(roles, len));
        roles += len;
        roles += *roles == ',';
    }
    body = json_object();
    json_set_text(body, "kind", "enroll-officer");
    json_set_text(body, "name", cli->argv[0]);
    json_set_text(body, "person", person);
    json_object_set_new(body, "roles", list);
    return open_case(cli, folder, body);
}

static int
about_officer(struct cli *cli, const char *kind)
{
    bool is_wrong = false;
    const char *folder = cli_option(cli, "--officer", &is_wrong);
    json_t *body;

    if (is_wrong || !cli_rest(cli, 1))
        return WRONG_USE;
    body = json_object();
    json_set_text(body, "kind", kind);
    json_set_text(body, "officer_id", cli->argv[0]);
    return open_case(cli, folder, body);
}

static int
officer_passkey(struct cli *cli)
{
    return about_officer(cli, "enroll-credential");
}

static int
officer_dismiss(struct cli *cli)
{
    return about_officer(cli, "dismiss-officer");
}

static void
cases_print(const json_t *cases)
{
    const json_t *row;
    size_t i;

    json_array_foreach(cases, i, row)
    {
        printf("%s  %-17s  %-9s  %s (%s)\n", ra_client_text(row, "id"),
               ra_client_text(row, "kind"), ra_client_text(row, "state"),
               ra_client_text(row, "name"), ra_client_text(row, "person"));
    }
}

static int
officer_cases(struct cli *cli)
{
    bool is_wrong = false;
    const char *folder = cli_option(cli, "--officer", &is_wrong);
    bool is_json = cli_flag(cli, "--json");
    struct error err = {0};
    json_t *answer = NULL;
    bool ok;

    if (is_wrong || !cli_rest(cli, 0))
        return WRONG_USE;
    ok = call(cli, folder, HTTP_GET, "/v1/officer-cases", NULL, &answer, &err);
    if (ok && is_json)
        ra_client_print(answer);
    else if (ok)
        cases_print(json_object_get(answer, "cases"));
    json_decref(answer);
    return ok ? 0 : cli_fail(cli, &err);
}

/* The next approval: the first is "administration". */
static bool
sign(const json_t *whole, const struct officer_folder *officer,
     struct api_decision *decision, struct error *err)
{
    struct api_order *order = NULL;
    uint8_t digest[32];
    json_t *body;
    bool ok;

    if (!json_get_object(whole, "order", &body, err))
        return error_wrap(err, "the person invited has made no passkey yet");
    printf("order ");
    ra_client_print(body);
    *decision = (struct api_decision){
        .step = json_array_size(json_object_get(whole, "decisions")) == 0
                    ? API_STEP_ADMINISTRATION
                    : API_STEP_SECOND_ADMINISTRATION,
        .verdict = API_APPROVE,
        .decided_at = clock_now(),
    };
    memcpy(decision->officer_id, officer->officer_id,
           sizeof decision->officer_id);
    ok = api_order_parse(body, &order, err) &&
         api_order_digest(body, digest, err) &&
         api_decision_sign(decision, order->order_id, digest,
                           officer->certificate.data, officer->certificate.len,
                           officer->key, err);
    api_order_free(order);
    return ok;
}

static int
officer_approve(struct cli *cli)
{
    bool is_wrong = false;
    const char *folder = cli_option(cli, "--officer", &is_wrong);
    struct officer_folder officer = {0};
    struct api_decision decision;
    struct error err = {0};
    char path[PATH_LEN];
    json_t *whole = NULL;
    json_t *body = NULL;
    json_t *answer = NULL;
    bool ok;

    if (is_wrong || !cli_rest(cli, 1))
        return WRONG_USE;
    ok = case_path(cli->argv[0], "", path, &err) &&
         call(cli, folder, HTTP_GET, path, NULL, &whole, &err) &&
         officer_folder_open(folder, &officer, &err) &&
         sign(whole, &officer, &decision, &err);
    if (ok) {
        body = api_decision_json(&decision);
        ok = case_path(cli->argv[0], "/decisions", path, &err) &&
             call(cli, folder, HTTP_POST, path, body, &answer, &err);
    }
    if (ok)
        printf("signed %s; case %s is %s\n", api_step_name(decision.step),
               cli->argv[0], ra_client_text(answer, "state"));
    json_decref(whole);
    json_decref(body);
    json_decref(answer);
    officer_folder_clear(&officer);
    return ok ? 0 : cli_fail(cli, &err);
}

static int
officer_withdraw(struct cli *cli)
{
    bool is_wrong = false;
    const char *folder = cli_option(cli, "--officer", &is_wrong);
    struct error err = {0};
    char path[PATH_LEN];
    json_t *answer = NULL;
    bool ok;

    if (is_wrong || !cli_rest(cli, 1))
        return WRONG_USE;
    ok = case_path(cli->argv[0], "", path, &err) &&
         call(cli, folder, HTTP_DELETE, path, NULL, &answer, &err);
    json_decref(answer);
    return ok ? 0 : cli_fail(cli, &err);
}

const struct cli_verb officer_verbs[] = {
    {"officer invite", "NAME --person NUMBER --roles ROLE[,ROLE] --officer DIR",
     "invite a person to become an officer, with a passkey", true,
     officer_invite},
    {"officer passkey", "OFFICER_ID --officer DIR",
     "invite an officer to make another passkey", true, officer_passkey},
    {"officer release", "OFFICER_ID --officer DIR",
     "open the case of an officer who leaves", true, officer_dismiss},
    {"officer cases", "--officer DIR [--json]",
     "officers on the way into the register, or out of it", true,
     officer_cases},
    {"officer approve", "CASE --officer DIR",
     "sign a case as administrator; two are needed", true, officer_approve},
    {"officer withdraw", "CASE --officer DIR", "take a case back", true,
     officer_withdraw},
    {0},
};
