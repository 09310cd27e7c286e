/* `signet kmc pkcs12`: what was recovered as CMS, for programs that take PKCS
 * #12 alone. */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/json.h"
#include "base/pem.h"
#include "base/text.h"
#include "ca-core/cli_client.h"
#include "ca-core/kmc/cli.h"
#include "ca-core/kmc/pkcs12.h"

enum { SPKI_MAX = 65536, CMS_MAX = 16384, PATH_LEN = 1024 };

/* The CMS of the key that the certificate is for. */
static bool
find_cms(const json_t *answer, X509 *certificate, struct buf *out,
         struct error *err)
{
    json_t *keys;
    unsigned char *spki = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &spki);
    bool ok = json_get_array(answer, "keys", &keys, err);

    for (size_t i = 0; ok && i < json_array_size(keys) && out->len == 0; i++) {
        const json_t *item = json_array_get(keys, i);
        struct buf its = BUF_INIT(SPKI_MAX);

        ok = json_get_bytes(item, "spki", SPKI_MAX, &its, err);
        if (ok && len > 0 && its.len == (size_t)len &&
            memcmp(its.data, spki, its.len) == 0)
            ok = json_get_bytes(item, "cms", CMS_MAX, out, err);
        buf_clear(&its);
    }
    OPENSSL_free(spki);
    return ok && (out->len > 0 ||
                  error_set(err, ERROR_NOT_FOUND,
                            "no key of this certificate is in the answer"));
}

struct request {
    const char *answer, *certificate, *folder, *out;
};

/* Whom the CMS is for, and the certificate of the key. */
struct parties {
    X509 *recipient, *certificate;
    EVP_PKEY *key;
};

static bool
parties_read(const struct request *request, struct parties *out,
             struct error *err)
{
    char certificate[PATH_LEN], key[PATH_LEN];

    (void)snprintf(certificate, sizeof certificate, "%s/cert.pem",
                   request->folder);
    (void)snprintf(key, sizeof key, "%s/key.pem", request->folder);
    return pem_certificate_read(request->certificate, &out->certificate, err) &&
           pem_certificate_read(certificate, &out->recipient, err) &&
           pem_private_key_read(key, &out->key, err);
}

static bool
make(const struct request *request, struct error *err)
{
    struct buf cms = BUF_INIT(CMS_MAX);
    struct buf file = BUF_INIT(PKCS12_FILE_MAX);
    char password[PKCS12_PASSWORD_LEN + 1] = "";
    struct parties parties = {0};
    json_t *answer = NULL;
    bool ok = cli_client_read(request->answer, &answer, err) &&
              parties_read(request, &parties, err) &&
              find_cms(answer, parties.certificate, &cms, err) &&
              pkcs12_make(cms.data, cms.len, parties.recipient, parties.key,
                          parties.certificate, &file, password, err) &&
              text_file_write(request->out, file.data, file.len, 0600, err);

    if (ok)
        printf("%s\n", password);
    OPENSSL_cleanse(password, sizeof password);
    buf_clear(&cms);
    buf_cleanse(&file);
    json_decref(answer);
    X509_free(parties.recipient);
    X509_free(parties.certificate);
    EVP_PKEY_free(parties.key);
    return ok;
}

int
kmc_run_pkcs12(struct cli *cli)
{
    bool is_wrong = false;
    struct request request = {
        .certificate = cli_option(cli, "--certificate", &is_wrong),
        .folder = cli_option(cli, "--officer", &is_wrong),
        .out = cli_option(cli, "--out", &is_wrong),
    };
    struct error err = {0};

    if (is_wrong || request.certificate == NULL || request.folder == NULL ||
        request.out == NULL || !cli_rest(cli, 1)) {
        fprintf(stderr,
                "signet %s ANSWER --certificate FILE --officer FOLDER "
                "--out FILE\n",
                cli->verb);
        return CLI_WRONG_USE;
    }
    request.answer = cli->argv[0];
    return make(&request, &err) ? 0 : cli_fail(cli, &err);
}
