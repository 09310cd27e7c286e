/* The files that a ceremony leaves; see ca-core/ceremony.h for which. */
#include "ca-core/ceremony_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "ca-core/crl.h"
#include "db/crl.h"
#include "db/link.h"

enum { PATH_LEN_MAX = 4096, PEM_FILE_MAX = 1024 * 1024, CHAIN_MAX = 8 };

static bool
make_folder(const char *path, unsigned mode, struct error *err)
{
    if (mkdir(path, mode) != 0 && errno != EEXIST)
        return error_errno(err, ERROR_INTERNAL, "make folder %s", path);
    return true;
}

bool
ceremony_path(const struct run *run, const char *folder, const char *name,
              const char *suffix, struct buf *path, struct error *err)
{
    bool is_secret =
        strcmp(folder, "tls") == 0 || strncmp(folder, "officers/", 9) == 0;

    buf_reset(path);
    path->limit = PATH_LEN_MAX;
    if (!make_folder(run->out, 0755, err))
        return false;
    if (strncmp(folder, "officers/", 9) == 0) {
        (void)buf_addf(path, "%s/officers", run->out);
        if (!make_folder(buf_text(path), 0755, err))
            return false;
        buf_reset(path);
    }
    (void)buf_addf(path, "%s/%s", run->out, folder);
    if (!make_folder(buf_text(path), is_secret ? 0700 : 0755, err))
        return false;
    (void)buf_addf(path, "/%s%s%s", name, suffix[0] == '\0' ? "" : ".", suffix);
    if (buf_is_full(path))
        return error_set(err, ERROR_INPUT, "the path of %s is too long", name);
    return true;
}

void
ceremony_add_pem(struct buf *out, const char *label, const uint8_t *der,
                 size_t len)
{
    struct buf text = BUF_INIT(SIZE_MAX / 2);
    size_t i;

    text_base64(der, len, &text);
    (void)buf_addf(out, "-----BEGIN %s-----\n", label);
    for (i = 0; i < text.len; i += 64) { /* RFC 7468, section 2 */
        (void)buf_add(out, text.data + i,
                      text.len - i < 64 ? text.len - i : 64);
        (void)buf_add_byte(out, '\n');
    }
    (void)buf_addf(out, "-----END %s-----\n", label);
    buf_clear(&text);
}

static void
add_certificate(struct buf *out, const uint8_t *der, size_t len)
{
    ceremony_add_pem(out, "CERTIFICATE", der, len);
}

static bool
write_file(const struct run *run, const char *folder, const char *name,
           const char *suffix, const struct buf *content, struct error *err)
{
    struct buf path = BUF_INIT(PATH_LEN_MAX);
    bool ok;

    ok = ceremony_path(run, folder, name, suffix, &path, err) &&
         text_file_write(buf_text(&path), content->data, content->len, 0644,
                         err);
    buf_clear(&path);
    return ok;
}

/* ---- Of services and officers ------------------------------------------ */

static const struct db_issuer *
issuer_by_id(const struct run *run, int32_t issuer_id)
{
    size_t i;

    for (i = 0; i < run->plan->authority_count; i++)
        if (run->making[i].row.issuer_id == issuer_id)
            return &run->making[i].row;
    for (i = 0; i < run->issuer_count; i++)
        if (run->issuers[i].issuer_id == issuer_id)
            return &run->issuers[i];
    return NULL;
}

bool
ceremony_write_chain(const struct run *run, const char *folder,
                     const char *name, const char *issuer,
                     const struct buf *certificate, struct error *err)
{
    struct buf pem = BUF_INIT(PEM_FILE_MAX);
    const struct db_issuer *at = ceremony_issuer(run, issuer);
    int depth;
    bool ok;

    add_certificate(&pem, certificate->data, certificate->len);
    for (depth = 0; depth < CHAIN_MAX && at != NULL && !at->is_root; depth++) {
        add_certificate(&pem, at->certificate, at->certificate_len);
        at = issuer_by_id(run, at->parent_id);
    }
    ok = write_file(run, folder, name, "pem", &pem, err);
    buf_clear(&pem);
    return ok;
}

bool
ceremony_write_officer(const struct run *run,
                       const struct ceremony_officer *officer,
                       const struct buf *certificate, struct error *err)
{
    struct buf pem = BUF_INIT(PEM_FILE_MAX), folder = BUF_INIT(PATH_LEN_MAX);
    struct buf id = BUF_INIT(TEXT_UUID_LEN + 1);
    char uuid[TEXT_UUID_LEN + 1];
    bool ok;

    (void)buf_addf(&folder, "officers/%s", officer->name);
    add_certificate(&pem, certificate->data, certificate->len);
    ok = ceremony_officer_id(run->plan, officer->person, uuid, err) &&
         write_file(run, buf_text(&folder), "cert", "pem", &pem, err);
    if (ok) {
        (void)buf_addf(&id, "%s\n", uuid);
        ok = write_file(run, buf_text(&folder), "officer_id", "", &id, err);
    }
    buf_clear(&id);
    buf_clear(&folder);
    buf_clear(&pem);
    return ok;
}

/* ---- public/ ----------------------------------------------------------- */

/* The newest first: who reads one certificate of the file gets that. */
static bool
write_active(struct run *run, const char *name, bool is_root, struct error *err)
{
    struct buf pem = BUF_INIT(PEM_FILE_MAX);
    size_t i;
    bool ok;

    for (i = run->issuer_count; i > 0; i--) {
        const struct db_issuer *at = &run->issuers[i - 1];

        if (at->is_root == is_root && at->state == DB_ISSUER_ACTIVE)
            add_certificate(&pem, at->certificate, at->certificate_len);
    }
    ok = pem.len == 0 || write_file(run, "public", name, "pem", &pem, err);
    buf_clear(&pem);
    return ok;
}

/* Everything that a chain may be built of. */
static bool
write_bundle(struct run *run, struct error *err)
{
    struct buf pem = BUF_INIT(PEM_FILE_MAX);
    size_t i, pass;
    bool ok;

    for (pass = 0; pass < 2; pass++)
        for (i = 0; i < run->issuer_count; i++) {
            const struct db_issuer *at = &run->issuers[i];

            if (at->is_root == (pass == 0) && at->certificate != NULL)
                add_certificate(&pem, at->certificate, at->certificate_len);
        }
    ok = write_file(run, "public", "bundle", "pem", &pem, err);
    buf_clear(&pem);
    return ok;
}

static bool
write_issuer(struct run *run, const struct db_issuer *issuer, struct error *err)
{
    struct buf pem = BUF_INIT(PEM_FILE_MAX), crl = BUF_INIT(CRL_MAX_LEN);
    struct buf der = BUF_INIT(PEM_FILE_MAX);
    struct error none = {0};
    int64_t number;
    bool ok;

    add_certificate(&pem, issuer->certificate, issuer->certificate_len);
    (void)buf_add(&der, issuer->certificate, issuer->certificate_len);
    ok = write_file(run, "public", issuer->name, "pem", &pem, err) &&
         write_file(run, "public", issuer->name, "cer", &der, err);
    if (ok && db_crl_newest(run->db, issuer->issuer_id, &number, &crl, &none))
        ok = write_file(run, "public", issuer->name, "crl", &crl, err);
    else if (ok && none.code != ERROR_NOT_FOUND) {
        if (err != NULL)
            *err = none;
        ok = false;
    }
    buf_clear(&der);
    buf_clear(&crl);
    buf_clear(&pem);
    return ok;
}

static bool
write_link(int32_t subject_id, int32_t signer_id, const uint8_t *certificate,
           size_t len, void *arg, struct error *err)
{
    struct run *run = arg;
    const struct db_issuer *subject = issuer_by_id(run, subject_id);
    const struct db_issuer *signer = issuer_by_id(run, signer_id);
    struct buf pem = BUF_INIT(PEM_FILE_MAX), name = BUF_INIT(PATH_LEN_MAX);
    bool ok;

    if (subject == NULL || signer == NULL)
        return error_set(err, ERROR_INTERNAL, "a link of unknown issuers");
    (void)buf_addf(&name, "link-%s-by-%s", subject->name, signer->name);
    add_certificate(&pem, certificate, len);
    ok = write_file(run, "public", buf_text(&name), "pem", &pem, err);
    buf_clear(&name);
    buf_clear(&pem);
    return ok;
}

static bool
write_log_key(struct run *run, struct error *err)
{
    struct buf pem = BUF_INIT(PEM_FILE_MAX);
    bool ok;

    ceremony_add_pem(&pem, "PUBLIC KEY", run->log_row.spki,
                     run->log_row.spki_len);
    ok = write_file(run, "public", "log", "pem", &pem, err);
    buf_clear(&pem);
    return ok;
}

bool
ceremony_write_public(struct run *run, struct error *err)
{
    size_t i;

    db_issuers_free(run->issuers, run->issuer_count);
    run->issuers = NULL;
    run->issuer_count = 0;
    if (!db_issuer_list(run->db, &run->issuers, &run->issuer_count, err))
        return false;
    for (i = 0; i < run->issuer_count; i++)
        if (run->issuers[i].certificate != NULL &&
            !write_issuer(run, &run->issuers[i], err))
            return false;
    return write_active(run, "root", true, err) &&
           write_active(run, "issuing", false, err) && write_bundle(run, err) &&
           write_log_key(run, err) &&
           db_link_stream(run->db, write_link, run, err);
}
