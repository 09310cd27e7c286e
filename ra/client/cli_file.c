/* signet-key encrypt, decrypt, sign, verify: files. */
#include "ra/client/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/json.h"
#include "base/text.h"
#include "ra/client/addressee.h"
#include "ra/client/envelope.h"
#include "ra/client/holding.h"
#include "ra/client/signature.h"

enum { PATH_LEN = 4096 };

/* ---- Files
 * ----------------------------------------------------------------------------
 */

/* A result that appears whole or not at all. */
struct result {
    char path[PATH_LEN];
    char part[PATH_LEN + 8];
    FILE *file;
};

static bool
result_open(struct result *result, const char *path, bool is_forced,
            struct error *err)
{
    struct stat unused;

    result->file = NULL;
    if ((size_t)snprintf(result->path, sizeof result->path, "%s", path) >=
        sizeof result->path)
        return error_set(err, ERROR_INPUT, "%s: path too long", path);
    if (!is_forced && lstat(path, &unused) == 0)
        return error_set(err, ERROR_CONFLICT,
                         "%s is there already: --force replaces it", path);
    (void)snprintf(result->part, sizeof result->part, "%s.part", path);
    /* For nobody else: it may hold what was secret. */
    (void)unlink(result->part);
    result->file = fopen(result->part, "wxe");
    if (result->file == NULL)
        return error_errno(err, ERROR_INPUT, "%s", result->part);
    (void)fchmod(fileno(result->file), 0600);
    return true;
}

static bool
result_close(struct result *result, bool ok, struct error *err)
{
    if (result->file == NULL)
        return ok;
    if (ok && (fflush(result->file) != 0 || fsync(fileno(result->file)) != 0))
        ok = error_errno(err, ERROR_INTERNAL, "%s", result->part);
    (void)fclose(result->file);
    result->file = NULL;
    if (ok && rename(result->part, result->path) != 0)
        ok = error_errno(err, ERROR_INTERNAL, "%s", result->path);
    if (!ok)
        (void)unlink(result->part);
    return ok;
}

struct bar {
    struct client *client;
    uint64_t total;
};

static void
tell(uint64_t done, void *arg)
{
    const struct bar *bar = arg;

    if (!bar->client->is_json && isatty(STDERR_FILENO) && bar->total > 0)
        (void)fprintf(
            stderr, "\r%3d %%",
            (int)(done * 100 / (bar->total > done ? bar->total : done)));
}

static FILE *
input_open(const char *path, struct bar *bar, struct error *err)
{
    struct stat status;
    FILE *file = fopen(path, "re");

    if (file == NULL || fstat(fileno(file), &status) != 0) {
        (void)error_errno(err, ERROR_INPUT, "%s", path);
        if (file != NULL)
            (void)fclose(file);
        return NULL;
    }
    bar->total = S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
    return file;
}

/* ---- encrypt
 * ---------------------------------------------------------------------------
 */

static bool
encrypt_one(struct client *client, const char *path, const char *out_path,
            bool is_forced, STACK_OF(X509) * recipients, struct error *err)
{
    struct bar bar = {.client = client};
    const struct envelope_watch watch = {tell, &bar};
    struct result result;
    char name[PATH_LEN + 8];
    FILE *in = input_open(path, &bar, err);
    bool ok;

    if (in == NULL)
        return false;
    (void)snprintf(name, sizeof name, "%s.p7m", path);
    ok = result_open(&result, out_path != NULL ? out_path : name, is_forced,
                     err) &&
         (envelope_encrypt(in, result.file, recipients, &watch, err) ||
          error_wrap(err, "%s", path));
    (void)fclose(in);
    ok = result_close(&result, ok, err);
    if (ok) {
        json_array_append_new(json_object_get(client->answer, "files"),
                              json_string(result.path));
        client_say(client, "已加密：%s", "Encrypted: %s", result.path);
    }
    return ok;
}

static const char *
folder_of(struct client *client, char path[PATH_LEN])
{
    const char *given = client_option(client, "--certificates");
    const char *home = getenv("HOME");

    if (given != NULL)
        return given;
    (void)snprintf(path, PATH_LEN, "%s/.config/signet-key/certificates",
                   home == NULL ? "" : home);
    return path;
}

static bool
run_encrypt(struct client *client, struct error *err)
{
    STACK_OF(X509) *recipients = sk_X509_new_null();
    char folder_path[PATH_LEN];
    const char *folder = folder_of(client, folder_path);
    const char *out = client_option(client, "--out");
    bool is_forced = client_flag(client, "--force");
    const char *to;
    bool ok = recipients != NULL;

    while (ok && (to = client_option(client, "--to")) != NULL)
        ok = addressee_add(to, folder, recipients, err);
    ok = ok && client_rest(client, 1, out == NULL ? 10000 : 1, err);
    if (ok && sk_X509_num(recipients) == 0)
        ok = error_set(err, ERROR_INPUT,
                       "say for whom: --to CERTIFICATE or NAME");
    json_object_set_new(client->answer, "files", json_array());
    for (int i = 0; ok && i < client->argc; i++)
        ok = encrypt_one(client, client->argv[i], out, is_forced, recipients,
                         err);
    sk_X509_pop_free(recipients, X509_free);
    return ok;
}

/* ---- decrypt
 * ------------------------------------------------------------------------------
 */

/* Looks among the device's certificates, old ones too, for one that the file
 * was encrypted for and whose key is there. */
struct match {
    const struct envelope *envelope;
    const struct hsm_device_key *key;
    size_t key_count;
    const struct recipient *recipient;
    const struct hsm_device_key *found;
};

static bool
match_each(const uint8_t *der, size_t len, void *arg, struct error *err)
{
    struct match *match = arg;
    const unsigned char *p = der;
    X509 *cert = match->found == NULL ? d2i_X509(NULL, &p, (long)len) : NULL;
    const struct hsm_device_key *key = NULL;

    (void)err;
    if (cert != NULL)
        key = holding_key_of(match->key, match->key_count, cert);
    for (size_t i = 0; key != NULL && i < match->envelope->recipient_count; i++)
        if (recipient_is_for(&match->envelope->recipient[i], der, len)) {
            match->recipient = &match->envelope->recipient[i];
            match->found = key;
        }
    X509_free(cert);
    return true;
}

static bool
open_key(struct hsm_device *device, const struct envelope *envelope,
         uint8_t *content_key, size_t *len, struct error *err)
{
    struct hsm_device_key *keys =
        base_alloc(HSM_DEVICE_KEYS_MAX * sizeof *keys);
    struct match match = {.envelope = envelope, .key = keys};
    bool ok = hsm_device_keys(device, keys, &match.key_count, err) &&
              hsm_device_certificates(device, match_each, &match, err);

    if (ok && match.found == NULL)
        ok = error_set(err, ERROR_NOT_FOUND,
                       "none of the keys on this device is one that the file "
                       "was encrypted for; if the key was on another device, "
                       "apply for its recovery: signet-key recover --start");
    ok = ok && recipient_open(match.recipient, device, match.found, content_key,
                              len, err);
    free(keys);
    return ok;
}

/* "a.txt.p7m" to "a.txt". */
static bool
clear_name(const char *path, char out[PATH_LEN], struct error *err)
{
    size_t len = strlen(path);

    if (len <= 4 || len >= PATH_LEN || strcmp(path + len - 4, ".p7m") != 0)
        return error_set(err, ERROR_INPUT, "%s: say where to: --out FILE",
                         path);
    memcpy(out, path, len - 4);
    out[len - 4] = '\0';
    return true;
}

static bool
decrypt_one(struct client *client, struct hsm_device *device, const char *path,
            const char *out_path, bool is_forced, struct error *err)
{
    struct bar bar = {.client = client};
    const struct envelope_watch watch = {tell, &bar};
    uint8_t key[CONTENT_KEY_MAX];
    struct envelope *envelope = NULL;
    struct result result = {.file = NULL};
    char name[PATH_LEN];
    size_t key_len = 0;
    FILE *in;
    bool ok;

    if ((out_path == NULL && !clear_name(path, name, err)) ||
        (in = input_open(path, &bar, err)) == NULL)
        return false;
    ok = envelope_begin(in, &envelope, err) &&
         open_key(device, envelope, key, &key_len, err) &&
         result_open(&result, out_path != NULL ? out_path : name, is_forced,
                     err) &&
         envelope_decrypt(envelope, key, key_len, result.file, &watch, err);
    OPENSSL_cleanse(key, sizeof key);
    envelope_free(envelope);
    (void)fclose(in);
    ok = result_close(&result, ok, err);
    if (!ok)
        return error_wrap(err, "%s", path);
    json_array_append_new(json_object_get(client->answer, "files"),
                          json_string(result.path));
    client_say(client, "已解密：%s", "Decrypted: %s", result.path);
    return true;
}

static bool
run_decrypt(struct client *client, struct error *err)
{
    const char *out = client_option(client, "--out");
    bool is_forced = client_flag(client, "--force");
    struct hsm_device *device = NULL;
    bool ok = client_rest(client, 1, out == NULL ? 10000 : 1, err) &&
              client_open(client, true, &device, err);

    json_object_set_new(client->answer, "files", json_array());
    for (int i = 0; ok && i < client->argc; i++)
        ok = decrypt_one(client, device, client->argv[i], out, is_forced, err);
    hsm_device_close(device);
    return ok;
}

/* ---- sign, verify
 * ------------------------------------------------------------------------- */

static bool
run_sign(struct client *client, struct error *err)
{
    const char *out = client_option(client, "--out");
    const char *timestamp = client_option(client, "--timestamp");
    bool is_forced = client_flag(client, "--force");
    struct hsm_device *device = NULL;
    struct bar bar = {.client = client};
    struct result result = {.file = NULL};
    struct buf cms = BUF_INIT(SIGNATURE_FILE_MAX);
    char name[PATH_LEN + 8];
    FILE *in = NULL;
    bool ok = client_rest(client, 1, 1, err) &&
              (in = input_open(client->argv[0], &bar, err)) != NULL &&
              client_open(client, true, &device, err);

    if (ok) {
        (void)snprintf(name, sizeof name, "%s.p7s", client->argv[0]);
        ok = signature_make(device, in, timestamp, client->trust_file, &cms,
                            err) &&
             result_open(&result, out != NULL ? out : name, is_forced, err);
        if (ok && fwrite(cms.data, 1, cms.len, result.file) != cms.len)
            ok = error_errno(err, ERROR_INTERNAL, "%s", result.part);
    }
    ok = result_close(&result, ok, err);
    if (in != NULL)
        (void)fclose(in);
    hsm_device_close(device);
    buf_clear(&cms);
    if (ok) {
        json_set_text(client->answer, "file", result.path);
        client_say(client, "已签名：%s", "Signed: %s", result.path);
    }
    return ok;
}

static bool
run_verify(struct client *client, struct error *err)
{
    struct signature_verdict verdict = {0};
    struct buf cms = BUF_INIT(SIGNATURE_FILE_MAX);
    struct bar bar = {.client = client};
    FILE *in = NULL;
    bool ok = client_rest(client, 2, 2, err) &&
              text_file_read(client->argv[0], SIGNATURE_FILE_MAX, &cms, err) &&
              (in = input_open(client->argv[1], &bar, err)) != NULL &&
              signature_verify(cms.data, cms.len, in, client->trust_file,
                               &verdict, err);

    if (in != NULL)
        (void)fclose(in);
    buf_clear(&cms);
    if (!ok)
        return false;
    json_set_text(client->answer, "signer", verdict.signer);
    if (verdict.signed_at != 0)
        json_set_time(client->answer, "signed_at", verdict.signed_at);
    if (verdict.stamped_at != 0)
        json_set_time(client->answer, "stamped_at", verdict.stamped_at);
    client_say(client, "签名有效。签名人：%s",
               "The signature is good. Signer: %s", verdict.signer);
    return true;
}

const struct client_verb client_file_verbs[] = {
    {"encrypt", "FILE... --to CERTIFICATE|NAME [--to ...] [--out FILE]",
     "加密文件（FILE.p7m）", "encrypts files (FILE.p7m)", run_encrypt},
    {"decrypt", "FILE.p7m... [--out FILE]", "解密文件，自动选择旧密钥",
     "decrypts files, with an old key where it takes one", run_decrypt},
    {"sign", "FILE [--timestamp URL] [--out FILE.p7s]", "签名（CAdES）",
     "signs a file (CAdES, detached)", run_sign},
    {"verify", "FILE.p7s FILE", "验证签名", "verifies a signature", run_verify},
    {NULL, NULL, NULL, NULL, NULL},
};
