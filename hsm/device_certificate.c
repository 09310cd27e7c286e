/* Certificates on a holder's USB key; see hsm/device.h. */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "hsm/device_object.h"

enum { CERTIFICATE_MAX = 16384 }; /* octets of DER */

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;

static bool
read_certificate(struct hsm_device *device, CK_OBJECT_HANDLE object,
                 struct buf *out)
{
    uint8_t der[CERTIFICATE_MAX];
    CK_ATTRIBUTE value = {CKA_VALUE, der, sizeof der};

    buf_clear(out);
    *out = (struct buf)BUF_INIT(CERTIFICATE_MAX);
    return token_p11(&device->token)
                   ->C_GetAttributeValue(device->token.session, object, &value,
                                         1) == CKR_OK &&
           value.ulValueLen > 0 && value.ulValueLen <= sizeof der &&
           buf_add(out, der, value.ulValueLen);
}

bool
hsm_device_certificates(struct hsm_device *device, hsm_device_each *each,
                        void *arg, struct error *err)
{
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_CERTIFICATE_TYPE type = CKC_X_509;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class},
                             {CKA_CERTIFICATE_TYPE, &type, sizeof type}};
    CK_OBJECT_HANDLE handles[OBJECTS_MAX];
    struct buf der = BUF_INIT(CERTIFICATE_MAX);
    CK_ULONG count;
    bool ok;

    module_lock();
    ok = device_find(device, wanted, 2, handles, &count, err);
    module_unlock();
    for (CK_ULONG i = 0; ok && i < count; i++) {
        bool is_read;

        module_lock();
        is_read = read_certificate(device, handles[i], &der);
        module_unlock();
        ok = !is_read || each(der.data, der.len, arg, err);
    }
    buf_clear(&der);
    return ok;
}

/* CKA_SUBJECT, CKA_ISSUER and CKA_SERIAL_NUMBER as PKCS #11, 4.6.3 has them. */
struct names {
    unsigned char *subject, *issuer, *serial;
    int subject_len, issuer_len, serial_len;
};

static bool
names_read(const uint8_t *der, size_t len, struct names *out, struct error *err)
{
    const unsigned char *p = der;
    X509 *cert = d2i_X509(NULL, &p, (long)len);
    bool ok;

    memset(out, 0, sizeof *out);
    if (cert == NULL || p != der + len) {
        X509_free(cert);
        return error_openssl(err, ERROR_INPUT, "not exactly one certificate");
    }
    out->subject_len =
        i2d_X509_NAME(X509_get_subject_name(cert), &out->subject);
    out->issuer_len = i2d_X509_NAME(X509_get_issuer_name(cert), &out->issuer);
    out->serial_len =
        i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &out->serial);
    ok = out->subject_len > 0 && out->issuer_len > 0 && out->serial_len > 0;
    X509_free(cert);
    return ok || error_openssl(err, ERROR_INTERNAL, "names of a certificate");
}

static void
names_clear(struct names *names)
{
    OPENSSL_free(names->subject);
    OPENSSL_free(names->issuer);
    OPENSSL_free(names->serial);
}

static bool
add_certificate(struct hsm_device *device, const uint8_t *der, size_t len,
                const char *label, const uint8_t *id, size_t id_len,
                const struct names *names, struct error *err)
{
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_CERTIFICATE_TYPE type = CKC_X_509;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_CERTIFICATE_TYPE, &type, sizeof type},
        {CKA_VALUE, (void *)(uintptr_t)der, len},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &no, sizeof no},
        {CKA_ID, (void *)(uintptr_t)id, id_len},
        {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
        {CKA_SUBJECT, names->subject, (CK_ULONG)names->subject_len},
        {CKA_ISSUER, names->issuer, (CK_ULONG)names->issuer_len},
        {CKA_SERIAL_NUMBER, names->serial, (CK_ULONG)names->serial_len},
    };
    CK_OBJECT_HANDLE handles[OBJECTS_MAX], object;
    struct token *token = &device->token;
    CK_ULONG count;
    CK_RV rv;

    if (!device_find(device, template, 3, handles, &count, err))
        return false;
    if (count > 0)
        return true;
    rv = token_p11(token)->C_CreateObject(
        token->session, template, sizeof template / sizeof *template, &object);
    return rv == CKR_OK || token_fail(token, rv, "C_CreateObject", err);
}

bool
hsm_device_add_certificate(struct hsm_device *device, const uint8_t *der,
                           size_t len, const char *label, const uint8_t *id,
                           size_t id_len, struct error *err)
{
    struct names names;
    bool ok;

    if (len > CERTIFICATE_MAX)
        return error_set(err, ERROR_INPUT, "a certificate of %zu octets", len);
    ok = names_read(der, len, &names, err);
    if (ok) {
        module_lock();
        ok = add_certificate(device, der, len, label, id, id_len, &names, err);
        module_unlock();
    }
    names_clear(&names);
    return ok;
}
