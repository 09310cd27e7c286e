/* Calls to signet-ca from the command line; see ca-core/cli_client.h. */
#include "ca-core/cli_client.h"

#include <stdio.h>

#include "base/json.h"
#include "base/text.h"

enum {
    TIMEOUT_MS = 120000, /* an order of 10,000 certificates */
    ANSWER_MAX = 64 * 1024 * 1024,
};

bool
cli_client_new(const struct cli *cli, struct http_client **out,
               struct error *err)
{
    static const char *const needed[] = {"cli.ca_url", "tls.trust_file",
                                         "cli.certificate_file", "cli.key_file",
                                         NULL};
    struct http_client_options options = {.timeout_ms = TIMEOUT_MS,
                                          .body_max = ANSWER_MAX};

    if (!config_require(cli->config, needed, err))
        return false;
    options.base_url = config_text(cli->config, "cli.ca_url");
    options.trust_file = config_path(cli->config, "tls.trust_file");
    options.certificate_file = config_path(cli->config, "cli.certificate_file");
    options.key_file = config_path(cli->config, "cli.key_file");
    return http_client_new(&options, out, err);
}

bool
cli_client_call(const struct cli *cli, enum http_method method,
                const char *path, const json_t *body, json_t **out,
                struct error *err)
{
    struct http_client *client = NULL;
    bool ok = cli_client_new(cli, &client, err) &&
              http_client_json(client, method, path, body, out, err);

    http_client_free(client);
    return ok;
}

bool
cli_client_read(const char *path, json_t **out, struct error *err)
{
    struct buf text = BUF_INIT(JSON_MAX_LEN);
    bool is_input = path[0] == '-' && path[1] == '\0';
    bool ok =
        text_file_read(is_input ? "/dev/stdin" : path, JSON_MAX_LEN, &text,
                       err) &&
        json_parse_object((const uint8_t *)buf_text(&text), text.len, out, err);

    buf_clear(&text);
    return ok || error_wrap(err, "%s", path);
}

void
cli_client_print(const json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    putchar('\n');
}
