/* What the verbs of the CA core share: a client of signet-ca with the
 * administrator's certificate, files, JSON on standard output. */
#ifndef CA_CORE_CLI_CLIENT_H
#define CA_CORE_CLI_CLIENT_H

#include "base/cli.h"
#include "base/http_client.h"

enum { CLI_WRONG_USE = 2 };

/* ERROR_INPUT names the setting that is missing. */
bool cli_client_new(const struct cli *cli, struct http_client **out,
                    struct error *err) MUST_CHECK;

/* One call. `body` may be NULL. The caller owns *out. */
bool cli_client_call(const struct cli *cli, enum http_method method,
                     const char *path, const json_t *body, json_t **out,
                     struct error *err) MUST_CHECK;

/* The one JSON object in a file ("-": standard input). The caller owns *out. */
bool cli_client_read(const char *path, json_t **out,
                     struct error *err) MUST_CHECK;

/* Prints with indentation and a newline. */
void cli_client_print(const json_t *value);

#endif
