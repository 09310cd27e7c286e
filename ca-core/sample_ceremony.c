/* Samples that ceremonies make: roots, issuing authorities, OCSP signers and
 * link certificates, one for each key type. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ca-core/ceremony_internal.h"
#include "ca-core/sample.h"

enum { FILE_MAX = 65536, NAME_TEXT_MAX = 256 };

static void
add_authority(struct buf *out, const char *kind, const char *tag,
              const char *type, const char *more, const char *ocsp_types)
{
    const char *at = ocsp_types;

    (void)buf_addf(out,
                   "<authority name=\"sample-%s-%s-%s\" profile=\"%s-ca\""
                   " key-type=\"%s\" %s><subject>"
                   "<attribute name=\"country\">CN</attribute>"
                   "<attribute name=\"organization\">样本有限公司</attribute>"
                   "<attribute name=\"common_name\">样本 %s %s %s</attribute>"
                   "</subject>",
                   kind, type, tag, kind, type, more, kind, type, tag);
    while (*at != '\0') {
        size_t len = strcspn(at, " ");

        (void)buf_addf(out, "<ocsp-key key-type=\"%.*s\" days=\"7\"/>",
                       (int)len, at);
        at += len + strspn(at + len, " ");
    }
    (void)buf_add_text(out, "</authority>");
}

/* The file, as an operator would write it. Its issuing authorities issue
 * nothing afterwards (crl-only): the one that orders go to stays the only one.
 */
static bool
write_file(const struct sample *sample, const char *id, struct buf *out)
{
    const struct profile *root = profile_set_find(&sample->profiles, "root-ca");
    char more[NAME_TEXT_MAX];
    int type;

    if (root == NULL)
        return false;
    (void)buf_addf(out,
                   "<ceremony xmlns=\"urn:signet:ceremony:1\" id=\"%s\">"
                   "<title>Samples %s</title>"
                   "<witness name=\"signet sample\" role=\"program\"/>",
                   id, sample->tag);
    for (type = 0; type < HSM_KEY_TYPE_COUNT; type++) {
        const char *name = hsm_key_type_name((enum hsm_key_type)type);

        if (!root->is_key_allowed[type])
            continue;
        add_authority(out, "root", sample->tag, name,
                      "years=\"20\" state=\"active\"", "");
        (void)snprintf(more, sizeof more,
                       "years=\"10\" state=\"crl-only\""
                       " parent=\"sample-root-%s-%s\"",
                       name, sample->tag);
        /* RSA-2048 is no key of an authority, but of its OCSP signer. */
        add_authority(out, "issuing", sample->tag, name, more,
                      type == HSM_KEY_RSA_3072 ? "rsa-2048 rsa-3072" : name);
    }
    (void)buf_addf(out,
                   "<authority name=\"sample-root-g2-%s\" profile=\"root-ca\""
                   " key-type=\"ec-p384\" years=\"20\""
                   " replaces=\"sample-root-ec-p256-%s\"><subject>"
                   "<attribute name=\"country\">CN</attribute>"
                   "<attribute name=\"organization\">样本有限公司</attribute>"
                   "<attribute name=\"common_name\">样本 root ec-p256 %s"
                   "</attribute></subject></authority></ceremony>",
                   sample->tag, sample->tag, sample->tag);
    return !buf_is_full(out);
}

/* "ec-p256": of the key in a certificate. */
static bool
key_name(const uint8_t *spki, size_t len, const char **out, struct error *err)
{
    struct public_key key = {0};

    if (!public_key_parse((struct der){spki, len}, &key, err))
        return false;
    *out = hsm_key_type_name(key.type);
    public_key_clear(&key);
    return true;
}

/* What tells certificates of one profile and key type apart. */
static const char *
suffix_of(const struct ceremony *ceremony, int ordinal)
{
    size_t place = (size_t)ordinal / ORDINAL_AUTHORITY;

    switch (ordinal % ORDINAL_AUTHORITY) {
    case 0:
        return ceremony->authority[place].replaces != NULL
                   ? "--second-generation"
                   : "";
    case ORDINAL_NEW_BY_OLD:
        return "--new-with-old";
    case ORDINAL_OLD_BY_NEW:
        return "--old-with-new";
    default:
        return "";
    }
}

static bool
take_certificate(struct sample *sample, const struct ceremony *ceremony,
                 const struct db_certificate *row, struct error *err)
{
    const unsigned char *p = row->der;
    X509 *cert = d2i_X509(NULL, &p, (long)row->der_len);
    unsigned char *spki = NULL;
    const char *type;
    char name[NAME_TEXT_MAX];
    int len;
    bool ok = false;

    if (cert == NULL ||
        (len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki)) <= 0) {
        error_openssl(err, ERROR_INTERNAL, "a certificate of the ceremony");
        goto out;
    }
    if (!key_name(spki, (size_t)len, &type, err))
        goto out;
    (void)snprintf(name, sizeof name, "%s--%s%s", row->profile, type,
                   suffix_of(ceremony, row->ordinal));
    ok = sample_write_certificate(sample, name, row->der, row->der_len, err);
out:
    OPENSSL_free(spki);
    X509_free(cert);
    return ok;
}

static bool
take_certificates(struct sample *sample, const struct ceremony *ceremony,
                  struct error *err)
{
    struct db_certificate *rows = NULL;
    struct db_options options;
    struct db *db = NULL;
    size_t count = 0, i;
    bool ok;

    ok = ceremony_open_database(sample->config, &options, &db, err) &&
         db_certificate_of_order(db, ceremony->id, &rows, &count, err);
    for (i = 0; ok && i < count; i++)
        ok = take_certificate(sample, ceremony, &rows[i], err);
    db_certificates_free(rows, count);
    db_close(db);
    return ok;
}

bool
sample_ceremony(struct sample *sample, struct error *err)
{
    struct buf file = BUF_INIT(FILE_MAX), folder = BUF_INIT(4096);
    struct ceremony *ceremony = NULL;
    char id[TEXT_UUID_LEN + 1];
    bool was_done, ok = false;

    (void)buf_addf(&folder, "%s/ceremony", sample->out);
    if (!text_uuid_draw(id, err))
        goto out;
    if (!write_file(sample, id, &file)) {
        error_set(err, ERROR_INTERNAL, "the ceremony's file is not to be made");
        goto out;
    }
    ok = ceremony_parse(file.data, file.len, "ceremony of samples",
                        config_path(sample->config, "schema_dir"),
                        &sample->profiles, &ceremony, err) &&
         ceremony_run(ceremony, sample->config, &sample->profiles,
                      buf_text(&folder), &was_done, err) &&
         take_certificates(sample, ceremony, err);
out:
    ceremony_free(ceremony);
    buf_clear(&folder);
    buf_clear(&file);
    return ok;
}
