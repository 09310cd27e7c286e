/* TBSCertificate by our own writer; see ca-core/tbs.h. */
#include "ca-core/tbs.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { URL_MAX = 512 };

static bool
check_input(const struct profile *profile, const struct tbs_input *input,
            struct error *err)
{
    const struct validity_period *period = &input->period;

    assert(input->serial.octet[0] >= 0x01 && input->serial.octet[0] <= 0x7f);
    if (period->not_after <= period->not_before)
        return error_set(err, ERROR_INPUT, "the period has no length");
    if (strlen(input->publish_url) + strlen(input->issuer_name) + 16 > URL_MAX)
        return error_set(err, ERROR_INPUT, "publish URL too long");
    return profile_check_key(profile, input->key_type, err) &&
           profile_check_san(profile, input->san, input->san_count, err) &&
           profile_check_organization_code(profile, input->organization_code,
                                           err);
}

static void
add_validity(struct buf *out, const struct validity_period *period)
{
    size_t mark = der_begin(out, DER_SEQUENCE);

    der_add_time(out, period->not_before);
    der_add_time(out, period->not_after);
    der_end(out, mark);
}

static void
add_organization_code(struct buf *out, const struct profile *profile,
                      const char *code)
{
    struct der oid = {profile->organization_code.oid.octet,
                      profile->organization_code.oid.len};
    struct extension_mark mark = extension_begin(
        out, oid, profile->is_critical[EXTENSION_ORGANIZATION_CODE]);

    der_add(out, profile->organization_code.tag, code, strlen(code));
    extension_end(out, mark);
}

static void
add_alternative_names(struct buf *out, const struct profile *profile,
                      const struct api_san *san, size_t count)
{
    struct extension_mark mark = extension_begin(
        out, extension_oid(EXTENSION_SUBJECT_ALTERNATIVE_NAME),
        profile->is_critical[EXTENSION_SUBJECT_ALTERNATIVE_NAME]);
    size_t sequence = der_begin(out, DER_SEQUENCE);

    for (size_t i = 0; i < count; i++)
        san_encode(&san[i], out);
    der_end(out, sequence);
    extension_end(out, mark);
}

/* Where status and issuer are found: docs/architecture.md, "Published". */
static void
add_pointers(struct buf *out, const struct profile *profile,
             const struct tbs_input *input)
{
    char ocsp[URL_MAX], ca_issuers[URL_MAX], crl[URL_MAX];

    (void)snprintf(ocsp, sizeof ocsp, "%s/ocsp", input->publish_url);
    (void)snprintf(ca_issuers, sizeof ca_issuers, "%s/ca/%s.cer",
                   input->publish_url, input->issuer_name);
    (void)snprintf(crl, sizeof crl, "%s/crl/%s.crl", input->publish_url,
                   input->issuer_name);
    if (profile->has[EXTENSION_AUTHORITY_INFORMATION_ACCESS])
        extension_add_information_access(
            out, profile->has_ocsp_url ? ocsp : NULL,
            profile->has_ca_issuers_url ? ca_issuers : NULL);
    if (profile->has[EXTENSION_CRL_DISTRIBUTION_POINTS])
        extension_add_crl_point(
            out, profile->is_critical[EXTENSION_CRL_DISTRIBUTION_POINTS], crl);
}

static bool
add_extensions(struct buf *out, const struct profile *profile,
               const struct tbs_input *input, struct error *err)
{
    const struct buf *ready = &profile->ready[profile_family(input->key_type)];
    size_t outer = der_begin(out, DER_CONTEXT_CONSTRUCTED(3));
    size_t sequence = der_begin(out, DER_SEQUENCE);
    uint8_t id[PUBLIC_KEY_ID_LEN];

    if (!public_key_id(input->spki, id, err))
        return false;
    if (profile->has[EXTENSION_AUTHORITY_KEY_IDENTIFIER])
        extension_add_authority_key(out, input->issuer_key_id.data,
                                    input->issuer_key_id.len);
    if (profile->has[EXTENSION_SUBJECT_KEY_IDENTIFIER])
        extension_add_subject_key(out, id, sizeof id);
    (void)buf_add(out, ready->data, ready->len);
    if (input->organization_code != NULL)
        add_organization_code(out, profile, input->organization_code);
    if (input->san_count > 0)
        add_alternative_names(out, profile, input->san, input->san_count);
    add_pointers(out, profile, input);
    der_end(out, sequence);
    der_end(out, outer);
    return true;
}

bool
tbs_build(const struct profile *profile, const struct tbs_input *input,
          struct buf *out, struct error *err)
{
    const uint8_t *algorithm;
    size_t algorithm_len, outer, version;

    if (!check_input(profile, input, err))
        return false;
    if (profile->has[EXTENSION_AUTHORITY_KEY_IDENTIFIER] &&
        input->issuer_key_id.len == 0)
        return error_set(err, ERROR_INPUT, "issuer without key identifier");
    algorithm = hsm_scheme_algorithm(input->scheme, &algorithm_len);
    outer = der_begin(out, DER_SEQUENCE);
    version = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
    der_add_small(out, 2); /* v3: 4.1.2.1 */
    der_end(out, version);
    der_add_unsigned(out, input->serial.octet, SERIAL_LEN);
    (void)buf_add(out, algorithm, algorithm_len);
    (void)buf_add(out, input->issuer.data, input->issuer.len);
    add_validity(out, &input->period);
    (void)buf_add(out, input->subject.data, input->subject.len);
    (void)buf_add(out, input->spki.data, input->spki.len);
    if (!add_extensions(out, profile, input, err))
        return false;
    der_end(out, outer);
    if (buf_is_full(out))
        return error_set(err, ERROR_INPUT, "the certificate is too long");
    return true;
}

bool
tbs_certificate(struct der tbs, enum hsm_scheme scheme,
                const uint8_t *signature, size_t signature_len, struct buf *out,
                struct error *err)
{
    size_t algorithm_len;
    const uint8_t *algorithm = hsm_scheme_algorithm(scheme, &algorithm_len);
    size_t outer = der_begin(out, DER_SEQUENCE);

    (void)buf_add(out, tbs.data, tbs.len);
    (void)buf_add(out, algorithm, algorithm_len);
    der_add_octet_bits(out, signature, signature_len);
    der_end(out, outer);
    if (buf_is_full(out))
        return error_set(err, ERROR_INTERNAL, "the certificate is too long");
    return true;
}
