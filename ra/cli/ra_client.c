/* Clients of signet-ra: ra/cli/ra_client.h. */
#include "ra/cli/ra_client.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "base/pem.h"

enum {
    FILE_MAX = 64 * 1024,
    TOKEN_FILE_MAX = 256,
    PATH_LEN = 1024,
    LIST_PATH_MAX = 256,
    /* An approval waits for the CA: longer than the RA does. */
    TIMEOUT_MS = 60000,
    ANSWER_MAX = 16 * 1024 * 1024,
};

static bool
path_join(const char *folder, const char *name, char out[PATH_LEN],
          struct error *err)
{
    int len = snprintf(out, PATH_LEN, "%s/%s", folder, name);

    return (len > 0 && len < PATH_LEN) ||
           error_set(err, ERROR_INPUT, "path too long: %s", folder);
}

static bool
certificate_read(const char *path, struct buf *der, struct error *err)
{
    X509 *x509 = NULL;
    unsigned char *data = NULL;
    int len = 0;
    bool ok = false;

    if (!pem_certificate_read(path, &x509, err))
        return false;
    len = i2d_X509(x509, &data);
    ok = len > 0 ? buf_add(der, data, (size_t)len)
                 : error_openssl(err, ERROR_INPUT, "%s: certificate", path);
    OPENSSL_free(data);
    X509_free(x509);
    return ok;
}

/* The first line of a short file. */
static bool
line_read(const char *path, struct buf *out, struct error *err)
{
    if (!text_file_read(path, TOKEN_FILE_MAX, out, err))
        return false;
    out->len = strcspn(buf_text(out), "\r\n");
    if (out->len == 0)
        return error_set(err, ERROR_INPUT, "%s: its first line is empty", path);
    out->data[out->len] = '\0';
    return true;
}

bool
officer_folder_open(const char *path, struct officer_folder *out,
                    struct error *err)
{
    char file[PATH_LEN];
    struct buf id = BUF_INIT(TOKEN_FILE_MAX);
    bool ok = false;

    *out = (struct officer_folder){.certificate = BUF_INIT(FILE_MAX)};
    if (!path_join(path, "officer_id", file, err) || !line_read(file, &id, err))
        goto out;
    if (!text_is_uuid(buf_text(&id))) {
        error_set(err, ERROR_INPUT, "%s: no UUID", file);
        goto out;
    }
    memcpy(out->officer_id, buf_text(&id), TEXT_UUID_LEN + 1);
    ok = path_join(path, "cert.pem", file, err) &&
         certificate_read(file, &out->certificate, err) &&
         path_join(path, "key.pem", file, err) &&
         pem_private_key_read(file, &out->key, err);
out:
    buf_clear(&id);
    if (!ok)
        officer_folder_clear(out);
    return ok;
}

void
officer_folder_clear(struct officer_folder *officer)
{
    EVP_PKEY_free(officer->key);
    officer->key = NULL;
    buf_clear(&officer->certificate);
}

static bool
client_new(const struct cli *cli, const char *certificate, const char *key,
           const char *bearer, struct http_client **out, struct error *err)
{
    static const char *const needed[] = {"cli.ra_url", "tls.trust_file", NULL};
    struct http_client_options options = {
        .certificate_file = certificate,
        .key_file = key,
        .bearer = bearer,
        .timeout_ms = TIMEOUT_MS,
        .body_max = ANSWER_MAX,
    };

    if (!config_require(cli->config, needed, err))
        return false;
    options.base_url = config_text(cli->config, "cli.ra_url");
    options.trust_file = config_path(cli->config, "tls.trust_file");
    return http_client_new(&options, out, err);
}

bool
ra_client_for_account(const struct cli *cli, const char *token_file,
                      struct http_client **out, struct error *err)
{
    struct buf token = BUF_INIT(TOKEN_FILE_MAX);
    bool ok = line_read(token_file, &token, err) &&
              client_new(cli, NULL, NULL, buf_text(&token), out, err);

    buf_cleanse(&token);
    return ok;
}

bool
ra_client_for_officer(const struct cli *cli, const char *folder,
                      struct http_client **out, struct error *err)
{
    char certificate[PATH_LEN];
    char key[PATH_LEN];

    if (folder == NULL)
        return error_set(err, ERROR_INPUT, "--officer DIR is needed");
    return path_join(folder, "cert.pem", certificate, err) &&
           path_join(folder, "key.pem", key, err) &&
           client_new(cli, certificate, key, NULL, out, err);
}

void
ra_client_print(const json_t *json)
{
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_PRESERVE_ORDER);

    printf("%s\n", text != NULL ? text : "");
    free(text);
}

const char *
ra_client_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

bool
ra_client_case_path(const char *number, const char *tail, char out[128],
                    struct error *err)
{
    size_t len = strlen(number);

    /* It becomes a part of a path: only what numbers are made of. */
    if (len == 0 || len > 31 ||
        strspn(number, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != len)
        return error_set(err, ERROR_INPUT, "%s is no number of a case", number);
    snprintf(out, 128, "/v1/cases/%s%s%s", number, tail[0] == '\0' ? "" : "/",
             tail);
    return true;
}

bool
ra_client_case(struct http_client *client, enum http_method method,
               const char *number, const char *tail, const json_t *body,
               json_t **out, struct error *err)
{
    char path[128];

    return ra_client_case_path(number, tail, path, err) &&
           http_client_json(client, method, path, body, out, err);
}

/* A word that goes into a query as it is. */
static bool
is_word(const char *text)
{
    return text == NULL ||
           (strlen(text) <= 32 &&
            strspn(text, "abcdefghijklmnopqrstuvwxyz-") == strlen(text));
}

bool
ra_client_cases(struct http_client *client, const char *state,
                const char *business, bool is_json, struct error *err)
{
    char path[LIST_PATH_MAX];
    char after[64] = "";
    const json_t *one;
    json_t *page;
    size_t i;

    if (!is_word(state) || !is_word(business))
        return error_set(err, ERROR_INPUT, "no state, or no business");
    do {
        page = NULL;
        snprintf(path, sizeof path, "/v1/cases?limit=100%s%s%s%s%s%s",
                 state != NULL ? "&state=" : "", state != NULL ? state : "",
                 business != NULL ? "&business=" : "",
                 business != NULL ? business : "",
                 after[0] != '\0' ? "&after=" : "", after);
        if (!http_client_json(client, HTTP_GET, path, NULL, &page, err))
            return false;
        if (is_json)
            ra_client_print(page);
        json_array_foreach(json_object_get(page, "cases"), i, one)
        {
            if (!is_json)
                printf("%s  %-8s  %-18s  %-20s  %s\n",
                       ra_client_text(one, "number"),
                       ra_client_text(one, "business"),
                       ra_client_text(one, "state"),
                       ra_client_text(one, "account"),
                       ra_client_text(one, "unit_name"));
        }
        snprintf(after, sizeof after, "%s", ra_client_text(page, "next"));
        json_decref(page);
    } while (after[0] != '\0');
    return true;
}
