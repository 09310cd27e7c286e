/* Pre-issuance lint: frame and throw-away signature; see ca-core/lint.h. */
#include "ca-core/lint.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "ca-core/lint_rules.h"
#include "ca-core/tbs.h"

/* ---- Findings ---------------------------------------------------------- */

void
lint_find(struct lint_view *view, const char *clause, const char *format, ...)
{
    struct findings *findings = view->findings;
    struct finding *finding;
    va_list args;

    if (findings->count++ >= LINT_FINDINGS_MAX)
        return;
    finding = &findings->at[findings->count - 1];
    (void)snprintf(finding->clause, sizeof finding->clause, "%s", clause);
    va_start(args, format);
    (void)vsnprintf(finding->what, sizeof finding->what, format, args);
    va_end(args);
}

const struct lint_extension *
lint_extension_find(const struct lint_view *view, enum extension_id id)
{
    for (size_t i = 0; i < view->extension_count; i++) {
        enum extension_id found;

        if (extension_find(view->extension[i].oid, &found) && found == id)
            return &view->extension[i];
    }
    return NULL;
}

/* ---- Taking apart: RFC 5280, 4.1 --------------------------------------- */

static bool
take_sequence(struct der *in, struct der *whole)
{
    struct der_item item;

    if (!der_next(in, &item) || item.tag != DER_SEQUENCE)
        return false;
    *whole = item.whole;
    return true;
}

static bool
take_extension(struct lint_view *view, struct der *in)
{
    struct lint_extension *extension;
    struct der body;

    if (view->extension_count == LINT_EXTENSIONS_MAX)
        return false;
    extension = &view->extension[view->extension_count++];
    extension->is_critical = false;
    if (!der_take(in, DER_SEQUENCE, &body) ||
        !der_take_oid(&body, &extension->oid))
        return false;
    if (body.len > 0 && body.data[0] == DER_BOOLEAN) {
        if (!der_take_boolean(&body, &extension->is_critical))
            return false;
        if (!extension->is_critical)
            lint_find(view, "X.690, 11.5", "critical FALSE is written out");
    }
    return der_take(&body, DER_OCTET_STRING, &extension->value) &&
           body.len == 0;
}

static bool
take_extensions(struct lint_view *view, struct der *tbs)
{
    struct der outer, list;

    if (!der_take_optional(tbs, DER_CONTEXT_CONSTRUCTED(3), &outer))
        return false;
    if (outer.data == NULL)
        return true;
    if (!der_take(&outer, DER_SEQUENCE, &list) || outer.len != 0)
        return false;
    if (list.len == 0)
        lint_find(view, "RFC 5280, 4.1.2.9", "an empty list of extensions");
    while (list.len > 0)
        if (!take_extension(view, &list))
            return false;
    return true;
}

static bool
take_version(struct lint_view *view, struct der *tbs)
{
    struct der version;
    int64_t number = 0;

    if (!der_take_optional(tbs, DER_CONTEXT_CONSTRUCTED(0), &version))
        return false;
    if (version.data != NULL &&
        (!der_take_small(&version, INT64_MAX, &number) || version.len != 0))
        return false;
    if (number != 2)
        lint_find(view, "RFC 5280, 4.1.2.1", "not version 3");
    return true;
}

static bool
take_unique_ids(struct lint_view *view, struct der *tbs)
{
    struct der issuer_id, subject_id;

    if (!der_take_optional(tbs, DER_CONTEXT(1), &issuer_id) ||
        !der_take_optional(tbs, DER_CONTEXT(2), &subject_id))
        return false;
    view->has_unique_id = issuer_id.data != NULL || subject_id.data != NULL;
    return true;
}

static bool
take_tbs(struct lint_view *view)
{
    struct der in = view->tbs, tbs;

    return der_take(&in, DER_SEQUENCE, &tbs) && in.len == 0 &&
           take_version(view, &tbs) &&
           der_take(&tbs, DER_INTEGER, &view->serial) &&
           take_sequence(&tbs, &view->inner_algorithm) &&
           take_sequence(&tbs, &view->issuer) &&
           der_take(&tbs, DER_SEQUENCE, &view->validity) &&
           take_sequence(&tbs, &view->subject) &&
           take_sequence(&tbs, &view->spki) && take_unique_ids(view, &tbs) &&
           take_extensions(view, &tbs) && tbs.len == 0;
}

static bool
take_apart(struct lint_view *view, struct der certificate)
{
    struct der body, signature;

    if (!der_take(&certificate, DER_SEQUENCE, &body) || certificate.len != 0 ||
        !take_sequence(&body, &view->tbs) ||
        !take_sequence(&body, &view->outer_algorithm) ||
        !der_take_octet_bits(&body, &signature) || body.len != 0) {
        lint_find(view, "RFC 5280, 4.1", "not one Certificate in DER");
        return false;
    }
    if (signature.len == 0)
        lint_find(view, "RFC 5280, 4.1.1.3", "an empty signature");
    if (!take_tbs(view)) {
        lint_find(view, "RFC 5280, 4.1", "not a TBSCertificate in DER");
        return false;
    }
    return true;
}

bool
lint_certificate(const struct profile *profile,
                 const struct lint_issuer *issuer, struct der certificate,
                 struct findings *out)
{
    struct lint_view view = {.findings = out, .path_len = -1};

    memset(out, 0, sizeof *out);
    if (take_apart(&view, certificate)) {
        lint_fields(&view);
        lint_extensions(&view);
        if (issuer != NULL)
            lint_chaining(&view, issuer);
        if (profile != NULL)
            lint_conformance(&view, profile);
    }
    public_key_clear(&view.key);
    return out->count == 0;
}

/* ---- The throw-away key ------------------------------------------------ */

/* One context for each scheme, ready to sign, made at first use and copied for
 * each signature: making one costs as much as several signatures. */
static pthread_mutex_t throw_away_lock = PTHREAD_MUTEX_INITIALIZER;
static EVP_MD_CTX *throw_away[HSM_SCHEME_COUNT];

static EVP_PKEY *
throw_away_key(enum hsm_scheme scheme)
{
    if (hsm_scheme_fits(scheme, HSM_KEY_ED25519))
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (scheme == HSM_ECDSA_SHA384)
        return EVP_EC_gen("P-384");
    if (scheme == HSM_ECDSA_SHA256)
        return EVP_EC_gen("P-256");
    return EVP_RSA_gen(2048); /* the size is not in the TBSCertificate */
}

static bool
is_pss(enum hsm_scheme scheme)
{
    return scheme == HSM_RSA_PSS_SHA256 || scheme == HSM_RSA_PSS_SHA384 ||
           scheme == HSM_RSA_PSS_SHA512;
}

static EVP_MD_CTX *
throw_away_make(enum hsm_scheme scheme)
{
    EVP_PKEY *key = throw_away_key(scheme);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_ctx; /* borrowed from ctx */

    if (key == NULL || ctx == NULL ||
        EVP_DigestSignInit(ctx, &key_ctx, hsm_scheme_digest(scheme), NULL,
                           key) != 1 ||
        (is_pss(scheme) &&
         (EVP_PKEY_CTX_set_rsa_padding(key_ctx, RSA_PKCS1_PSS_PADDING) != 1 ||
          EVP_PKEY_CTX_set_rsa_pss_saltlen(key_ctx, RSA_PSS_SALTLEN_DIGEST) !=
              1))) {
        EVP_MD_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_PKEY_free(key); /* the context holds it */
    return ctx;
}

static bool
throw_away_sign(enum hsm_scheme scheme, struct der tbs, uint8_t *signature,
                size_t *signature_len, struct error *err)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const EVP_MD_CTX *made;
    bool ok;

    ERR_clear_error();
    (void)pthread_mutex_lock(&throw_away_lock);
    if (throw_away[scheme] == NULL)
        throw_away[scheme] = throw_away_make(scheme);
    made = throw_away[scheme];
    (void)pthread_mutex_unlock(&throw_away_lock);
    ok = made != NULL && ctx != NULL && EVP_MD_CTX_copy_ex(ctx, made) == 1 &&
         EVP_DigestSign(ctx, signature, signature_len, tbs.data, tbs.len) == 1;
    EVP_MD_CTX_free(ctx);
    if (!ok)
        return error_openssl(err, ERROR_INTERNAL,
                             "no signature by the throw-away key");
    return true;
}

bool
lint_tbs(const struct profile *profile, const struct lint_issuer *issuer,
         struct der tbs, enum hsm_scheme scheme, struct findings *out,
         struct error *err)
{
    struct buf certificate = BUF_INIT(TBS_CERTIFICATE_MAX_LEN);
    uint8_t signature[HSM_SIGNATURE_MAX];
    size_t signature_len = sizeof signature;
    struct findings own;
    bool ok = false;

    if (out == NULL)
        out = &own;
    memset(out, 0, sizeof *out);
    if (!throw_away_sign(scheme, tbs, signature, &signature_len, err) ||
        !tbs_certificate(tbs, scheme, signature, signature_len, &certificate,
                         err))
        goto out;
    if (!lint_certificate(profile, issuer,
                          (struct der){certificate.data, certificate.len},
                          out)) {
        error_set(err, ERROR_INPUT, "lint: %s: %s%s", out->at[0].clause,
                  out->at[0].what, out->count > 1 ? " (and more)" : "");
        goto out;
    }
    ok = true;
out:
    buf_clear(&certificate);
    return ok;
}
