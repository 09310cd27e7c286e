/* How the command line speaks to signet-ra: as an account, with its token from
 * a file, or as an officer, with the folder that holds certificate and key. */
#ifndef RA_CLI_RA_CLIENT_H
#define RA_CLI_RA_CLIENT_H

#include <openssl/evp.h>

#include "base/cli.h"
#include "base/http_client.h"
#include "base/text.h"

/* An officer's folder: cert.pem, key.pem, officer_id. */
struct officer_folder {
    char officer_id[TEXT_UUID_LEN + 1];
    struct buf certificate; /* DER of the first one in cert.pem */
    EVP_PKEY *key;
};
bool officer_folder_open(const char *path, struct officer_folder *out,
                         struct error *err) MUST_CHECK;
void officer_folder_clear(struct officer_folder *officer);

/* A client for the account whose token the file holds (on its first line). */
bool ra_client_for_account(const struct cli *cli, const char *token_file,
                           struct http_client **out,
                           struct error *err) MUST_CHECK;
/* ERROR_INPUT when `folder` is NULL: the option is missing. */
bool ra_client_for_officer(const struct cli *cli, const char *folder,
                           struct http_client **out,
                           struct error *err) MUST_CHECK;

/* "/v1/cases/NUMBER/TAIL" ("" for the case itself). ERROR_INPUT for what is no
 * number. */
bool ra_client_case_path(const char *number, const char *tail, char out[128],
                         struct error *err) MUST_CHECK;
bool ra_client_case(struct http_client *client, enum http_method method,
                    const char *number, const char *tail, const json_t *body,
                    json_t **out, struct error *err) MUST_CHECK;

/* Prints all cases in one state, of one business (NULL: any), page by page. */
bool ra_client_cases(struct http_client *client, const char *state,
                     const char *business, bool is_json,
                     struct error *err) MUST_CHECK;

/* A text member of an answer; "" where there is none. */
const char *ra_client_text(const json_t *object, const char *name);

/* Pretty JSON on standard output. */
void ra_client_print(const json_t *json);

#endif
