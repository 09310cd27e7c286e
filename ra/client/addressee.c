/* For whom a file is encrypted; see ra/client/addressee.h. */
#include "ra/client/addressee.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/text.h"
#include "ra/client/holding.h"

enum { PATH_LEN = 4096, FILE_LEN_MAX = 65536 };

/* The certificate that is meant by a name: the newest that others may encrypt
 * to. The signing one of a pair, which has the same name, is not. */
struct choice {
    const char *name; /* CN or O of the subject; NULL: whoever */
    size_t seen;      /* certificates that have the name */
    X509 *best;
};

static bool
has_part(X509_NAME *subject, int nid, const char *name)
{
    int at = X509_NAME_get_index_by_NID(subject, nid, -1);
    unsigned char *text = NULL;
    bool same;
    int len;

    if (at < 0)
        return false;
    len = ASN1_STRING_to_UTF8(
        &text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    same = len >= 0 && strlen(name) == (size_t)len &&
           memcmp(text, name, (size_t)len) == 0;
    if (len >= 0)
        OPENSSL_free(text);
    return same;
}

static void
consider(struct choice *choice, X509 *take_cert)
{
    X509_NAME *subject = X509_get_subject_name(take_cert);
    bool is_meant = choice->name == NULL ||
                    has_part(subject, NID_commonName, choice->name) ||
                    has_part(subject, NID_organizationName, choice->name);

    choice->seen += is_meant ? 1 : 0;
    if (is_meant && holding_encrypts(take_cert) &&
        (choice->best == NULL ||
         ASN1_TIME_compare(X509_get0_notBefore(take_cert),
                           X509_get0_notBefore(choice->best)) > 0)) {
        X509_free(choice->best);
        choice->best = take_cert;
        return;
    }
    X509_free(take_cert);
}

/* All certificates of a file: PEM one after another, or one in DER. */
static void
consider_file(struct choice *choice, const struct buf *data)
{
    const unsigned char *p = data->data;
    BIO *bio = BIO_new_mem_buf(data->data, (int)data->len);
    bool is_pem = false;
    X509 *cert;

    while (bio != NULL &&
           (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        is_pem = true;
        consider(choice, cert);
    }
    BIO_free(bio);
    if (!is_pem && (cert = d2i_X509(NULL, &p, (long)data->len)) != NULL)
        consider(choice, cert);
    ERR_clear_error();
}

/* By the name in the certificates: all files of the folder. */
static void
consider_folder(struct choice *choice, const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        struct buf data = BUF_INIT(FILE_LEN_MAX);
        struct error unused = {0};
        char path[PATH_LEN];

        if (entry->d_name[0] != '.' &&
            (size_t)snprintf(path, sizeof path, "%s/%s", folder,
                             entry->d_name) < sizeof path &&
            text_file_read(path, FILE_LEN_MAX, &data, &unused))
            consider_file(choice, &data);
        buf_clear(&data);
    }
    if (dir != NULL)
        (void)closedir(dir);
}

/* A file in PEM or DER; or, in the folder of certificates, NAME.pem, or who has
 * the name. */
static bool
look_up(const char *name, const char *folder, struct choice *choice,
        struct error *err)
{
    struct buf data = BUF_INIT(FILE_LEN_MAX);
    bool ok = text_file_read(name, FILE_LEN_MAX, &data, err);
    bool is_name =
        !ok && err->code == ERROR_NOT_FOUND && strchr(name, '/') == NULL;
    char path[PATH_LEN];

    if (is_name) {
        *err = (struct error){0};
        (void)snprintf(path, sizeof path, "%s/%s.pem", folder, name);
        ok = text_file_read(path, FILE_LEN_MAX, &data, err);
    }
    if (ok) {
        consider_file(choice, &data);
    } else if (is_name && err->code == ERROR_NOT_FOUND) {
        *err = (struct error){0};
        choice->name = name;
        consider_folder(choice, folder);
        ok = choice->seen > 0 ||
             error_set(err, ERROR_NOT_FOUND,
                       "there is neither a file %s nor %s, nor a certificate "
                       "of this name beside it",
                       name, path);
    }
    buf_clear(&data);
    return ok;
}

bool
addressee_add(const char *name, const char *folder, STACK_OF(X509) * out,
              struct error *err)
{
    struct choice choice = {.name = NULL};
    bool ok = look_up(name, folder, &choice, err);

    if (ok && choice.seen == 0)
        ok = error_set(err, ERROR_INPUT, "%s holds no certificate", name);
    else if (ok && choice.best == NULL)
        ok = error_set(err, ERROR_INPUT,
                       "%s: this certificate is for signing; ask for the one "
                       "for encryption",
                       name);
    if (ok && sk_X509_push(out, choice.best) == 0)
        ok = error_set(err, ERROR_INTERNAL, "recipients");
    if (!ok)
        X509_free(choice.best);
    return ok;
}
