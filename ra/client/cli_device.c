/* signet-key status, list, change-pin: the device as it is. */
#include "ra/client/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "ra/client/holding.h"

enum { NAME_MAX_LEN = 256, SERIAL_TEXT_MAX = 64, LISTED_MAX = 256 };

/* ---- status
 * ------------------------------------------------------------------------ */

static void
say_device(struct client *client, const struct hsm_device_info *info,
           json_t *list)
{
    json_t *one = json_object();

    json_set_text(one, "serial", info->serial);
    json_set_text(one, "label", info->label);
    json_set_text(one, "model", info->model);
    json_set_text(one, "manufacturer", info->manufacturer);
    json_object_set_new(one, "has_pin", json_boolean(info->has_pin));
    json_object_set_new(one, "is_count_low", json_boolean(info->is_count_low));
    json_object_set_new(one, "is_final_try", json_boolean(info->is_final_try));
    json_object_set_new(one, "is_locked", json_boolean(info->is_locked));
    json_array_append_new(list, one);
    client_say(client, "介质 %s（%s %s）", "Device %s (%s %s)", info->serial,
               info->manufacturer, info->model);
    if (info->is_locked)
        client_say(client, "  密码已锁定，请办理解锁",
                   "  The PIN is locked: apply for unlocking");
    else if (info->is_final_try)
        client_say(client, "  再输错一次密码将被锁定",
                   "  The next wrong PIN locks it");
    else if (info->is_count_low)
        client_say(client, "  密码曾输入错误",
                   "  A wrong PIN was typed before");
    else if (!info->has_pin)
        client_say(client, "  尚未设置密码", "  It has no PIN yet");
}

static bool
run_status(struct client *client, struct error *err)
{
    struct hsm_device_info infos[HSM_DEVICES_MAX];
    json_t *list;
    size_t count;

    if (!client_rest(client, 0, 0, err))
        return false;
    if (!client_has_module(client, err) ||
        !hsm_device_list(client->module, infos, &count, err))
        return false;
    list = json_array();
    for (size_t i = 0; i < count; i++)
        say_device(client, &infos[i], list);
    json_object_set_new(client->answer, "devices", list);
    if (count == 0)
        client_say(client, "没有插入介质", "No device is plugged in");
    return true;
}

/* ---- list
 * ----------------------------------------------------------------------------
 */

enum purpose { PURPOSE_SIGNING, PURPOSE_ENCRYPTION, PURPOSE_ISSUER };

struct listed {
    X509 *cert;
    enum purpose purpose;
    bool has_key;
    bool is_earlier; /* for encryption, and not the present one */
    size_t pair;     /* of one order: the same number, the newest is 1 */
};

struct listing {
    struct client *client;
    struct hsm_device_key key[HSM_DEVICE_KEYS_MAX];
    size_t key_count;
    struct listed row[LISTED_MAX];
    size_t count;
};

static bool
text_of(X509_NAME *name, char out[NAME_MAX_LEN])
{
    BIO *bio = BIO_new(BIO_s_mem());
    int len = -1;

    if (bio != NULL &&
        X509_NAME_print_ex(bio, name, 0,
                           XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0)
        len = BIO_read(bio, out, NAME_MAX_LEN - 1);
    out[len < 0 ? 0 : len] = '\0';
    BIO_free(bio);
    return len >= 0;
}

static int64_t
instant_of(const ASN1_TIME *time)
{
    struct tm tm = {0};

    return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static enum purpose
purpose_of(X509 *cert)
{
    if (X509_check_ca(cert) == 1)
        return PURPOSE_ISSUER;
    return holding_encrypts(cert) ? PURPOSE_ENCRYPTION : PURPOSE_SIGNING;
}

static bool
list_each(const uint8_t *der, size_t len, void *arg, struct error *err)
{
    struct listing *listing = arg;
    const unsigned char *p = der;
    X509 *cert = d2i_X509(NULL, &p, (long)len);

    (void)err;
    /* Another's certificate that is none is not ours to judge. */
    if (cert != NULL && listing->count < LISTED_MAX)
        listing->row[listing->count++] = (struct listed){
            .cert = cert,
            .purpose = purpose_of(cert),
            .has_key =
                holding_key_of(listing->key, listing->key_count, cert) != NULL};
    else
        X509_free(cert);
    return true;
}

/* The newest first, of one order the signing one, those of issuers last. */
static int
compare(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    bool is_issuer = x->purpose == PURPOSE_ISSUER;
    int order;

    if (is_issuer != (y->purpose == PURPOSE_ISSUER))
        return is_issuer ? 1 : -1;
    order = ASN1_TIME_compare(X509_get0_notBefore(y->cert),
                              X509_get0_notBefore(x->cert));
    return order != 0 ? order : (int)x->purpose - (int)y->purpose;
}

/* Two of one order have the same subject and the same period. */
static bool
is_mate(const struct listed *a, const struct listed *b)
{
    return a->purpose != b->purpose &&
           X509_NAME_cmp(X509_get_subject_name(a->cert),
                         X509_get_subject_name(b->cert)) == 0 &&
           ASN1_TIME_compare(X509_get0_notBefore(a->cert),
                             X509_get0_notBefore(b->cert)) == 0 &&
           ASN1_TIME_compare(X509_get0_notAfter(a->cert),
                             X509_get0_notAfter(b->cert)) == 0;
}

/* Sorted, so that what is of one order stands together. */
static void
arrange(struct listing *listing)
{
    bool is_present_seen = false;
    size_t pair = 0;

    qsort(listing->row, listing->count, sizeof *listing->row, compare);
    for (size_t i = 0; i < listing->count; i++) {
        struct listed *row = &listing->row[i];

        if (row->purpose == PURPOSE_ISSUER)
            continue;
        if (i == 0 || !is_mate(row, row - 1))
            pair++;
        row->pair = pair;
        if (row->purpose == PURPOSE_ENCRYPTION) {
            row->is_earlier = is_present_seen;
            is_present_seen = true;
        }
    }
}

static const char *
purpose_text(const struct client *client, const struct listed *row)
{
    if (row->purpose == PURPOSE_ISSUER)
        return client->is_english ? "issuer" : "颁发者证书";
    if (row->purpose == PURPOSE_SIGNING)
        return client->is_english ? "signing" : "签名证书";
    if (row->is_earlier)
        return client->is_english ? "earlier encryption" : "历史加密证书";
    return client->is_english ? "encryption" : "加密证书";
}

static void
say_certificate(struct client *client, const struct listed *row, json_t *list)
{
    static const char *const purposes[] = {"signing", "encryption", "issuer"};
    char subject[NAME_MAX_LEN], until[CLOCK_TEXT_LEN + 1];
    char serial[SERIAL_TEXT_MAX + 1] = "";
    int64_t end = instant_of(X509_get0_notAfter(row->cert));
    bool is_expired = end < clock_now();
    bool is_missing = !row->has_key && row->purpose != PURPOSE_ISSUER;
    json_t *one = json_object();
    BIGNUM *number =
        ASN1_INTEGER_to_BN(X509_get0_serialNumber(row->cert), NULL);
    char *hex = number == NULL ? NULL : BN_bn2hex(number);

    (void)snprintf(serial, sizeof serial, "%s", hex == NULL ? "" : hex);
    OPENSSL_free(hex);
    BN_free(number);
    (void)text_of(X509_get_subject_name(row->cert), subject);
    clock_format(end, until);
    json_set_text(one, "subject", subject);
    json_set_text(one, "serial", serial);
    json_set_time(one, "not_after", end);
    json_set_text(one, "purpose", purposes[row->purpose]);
    json_object_set_new(one, "has_key", json_boolean(row->has_key));
    json_object_set_new(one, "is_expired", json_boolean(is_expired));
    json_object_set_new(one, "is_earlier", json_boolean(row->is_earlier));
    if (row->pair > 0)
        json_object_set_new(one, "pair", json_integer((json_int_t)row->pair));
    json_array_append_new(list, one);
    client_say(client, "  %s  %s  有效期至 %s%s%s\n      %s",
               "  %s  %s  until %s%s%s\n      %s", purpose_text(client, row),
               serial, until,
               !is_expired          ? ""
               : client->is_english ? " (expired)"
                                    : "（已过期）",
               !is_missing          ? ""
               : client->is_english ? " (no key)"
                                    : "（无私钥）",
               subject);
}

/* Pairs under a number each, and at the end whose the certificates are. */
static void
say_listing(struct listing *listing, json_t *list)
{
    struct client *client = listing->client;
    size_t pair = 0, earlier = 0;

    for (size_t i = 0; i < listing->count; i++) {
        const struct listed *row = &listing->row[i];

        if (row->pair != pair && row->pair > 0)
            client_say(client, "第 %zu 组", "Pair %zu", row->pair);
        else if (i == 0 || row->pair != pair)
            client_say(client, "颁发者", "Issuers");
        pair = row->pair;
        earlier += row->is_earlier && row->has_key ? 1 : 0;
        say_certificate(client, row, list);
    }
    json_object_set_new(client->answer, "earlier_keys",
                        json_integer((json_int_t)earlier));
    if (listing->count == 0)
        client_say(client, "介质里没有证书", "There is no certificate on it");
    else if (earlier > 0)
        client_say(client, "历史加密密钥：%zu 个，用于解密旧文件",
                   "Earlier encryption keys, for old files: %zu", earlier);
}

static bool
run_list(struct client *client, struct error *err)
{
    struct listing *listing = base_alloc(sizeof *listing);
    struct hsm_device *device = NULL;
    json_t *list = json_array();
    bool ok = client_rest(client, 0, 0, err) &&
              client_open(client, true, &device, err);

    listing->client = client;
    ok = ok &&
         hsm_device_keys(device, listing->key, &listing->key_count, err) &&
         hsm_device_certificates(device, list_each, listing, err);
    if (ok) {
        arrange(listing);
        say_listing(listing, list);
    }
    json_object_set_new(client->answer, "certificates", list);
    for (size_t i = 0; i < listing->count; i++)
        X509_free(listing->row[i].cert);
    hsm_device_close(device);
    free(listing);
    return ok;
}

/* ---- change-pin
 * -------------------------------------------------------------------------- */

static bool
run_change_pin(struct client *client, struct error *err)
{
    char old_pin[HSM_PIN_MAX + 1] = "", new_pin[HSM_PIN_MAX + 1] = "";
    struct hsm_device *device = NULL;
    bool ok = client_rest(client, 0, 0, err) &&
              client_open(client, false, &device, err) &&
              client_pin(client, "原密码", "Present PIN", old_pin, err) &&
              client_new_pin(client, new_pin, err) &&
              hsm_device_set_pin(device, old_pin, new_pin, err);

    OPENSSL_cleanse(old_pin, sizeof old_pin);
    OPENSSL_cleanse(new_pin, sizeof new_pin);
    hsm_device_close(device);
    if (ok)
        client_say(client, "密码已修改", "The PIN is changed");
    return ok;
}

const struct client_verb client_device_verbs[] = {
    {"status", "", "查看插入的介质", "what is plugged in", run_status},
    {"list", "", "列出介质里的证书和密钥",
     "certificates and keys on the device", run_list},
    {"change-pin", "", "修改密码", "sets another PIN", run_change_pin},
    {NULL, NULL, NULL, NULL, NULL},
};
