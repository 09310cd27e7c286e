/* signet-key status, list, change-pin: the device as it is. */
#include "ra/client/client.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "ra/client/holding.h"

enum { NAME_MAX_LEN = 256, SERIAL_TEXT_MAX = 64 };

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

struct listing {
    struct client *client;
    struct hsm_device_key key[HSM_DEVICE_KEYS_MAX];
    size_t key_count;
    json_t *certificates;
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

static void
say_certificate(struct listing *listing, X509 *cert)
{
    const struct hsm_device_key *key =
        holding_key_of(listing->key, listing->key_count, cert);
    uint32_t usage = X509_get_key_usage(cert);
    bool is_encryption = (usage & (KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT |
                                   KU_DATA_ENCIPHERMENT)) != 0;
    char subject[NAME_MAX_LEN], until[CLOCK_TEXT_LEN + 1];
    char serial[SERIAL_TEXT_MAX + 1] = "";
    int64_t end = instant_of(X509_get0_notAfter(cert));
    json_t *one = json_object();
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    char *hex = number == NULL ? NULL : BN_bn2hex(number);

    (void)snprintf(serial, sizeof serial, "%s", hex == NULL ? "" : hex);
    OPENSSL_free(hex);
    BN_free(number);
    (void)text_of(X509_get_subject_name(cert), subject);
    clock_format(end, until);
    json_set_text(one, "subject", subject);
    json_set_text(one, "serial", serial);
    json_set_time(one, "not_after", end);
    json_set_text(one, "purpose", is_encryption ? "encryption" : "signing");
    json_object_set_new(one, "has_key", json_boolean(key != NULL));
    json_object_set_new(one, "is_expired", json_boolean(end < clock_now()));
    json_array_append_new(listing->certificates, one);
    client_say(listing->client, "%s  %s  有效期至 %s%s%s\n    %s",
               "%s  %s  until %s%s%s\n    %s",
               is_encryption
                   ? (listing->client->is_english ? "encryption" : "加密证书")
                   : (listing->client->is_english ? "signing" : "签名证书"),
               serial, until,
               end < clock_now()
                   ? (listing->client->is_english ? " (expired)" : "（已过期）")
                   : "",
               key == NULL
                   ? (listing->client->is_english ? " (no key)" : "（无私钥）")
                   : "",
               subject);
}

static bool
list_each(const uint8_t *der, size_t len, void *arg, struct error *err)
{
    const unsigned char *p = der;
    X509 *cert = d2i_X509(NULL, &p, (long)len);

    (void)err;
    if (cert !=
        NULL) /* another's certificate that is none is not ours to judge */
        say_certificate(arg, cert);
    X509_free(cert);
    return true;
}

static bool
run_list(struct client *client, struct error *err)
{
    struct listing *listing = base_alloc(sizeof *listing);
    struct hsm_device *device = NULL;
    bool ok = client_rest(client, 0, 0, err) &&
              client_open(client, true, &device, err);

    listing->client = client;
    listing->certificates = json_array();
    ok = ok &&
         hsm_device_keys(device, listing->key, &listing->key_count, err) &&
         hsm_device_certificates(device, list_each, listing, err);
    if (ok && json_array_size(listing->certificates) == 0)
        client_say(client, "介质里没有证书", "There is no certificate on it");
    json_object_set_new(client->answer, "certificates", listing->certificates);
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
