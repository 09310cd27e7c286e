/* Keys from escrow into a holder's device, on real SoftHSM tokens; judged by
 * OpenSSL and pkcs11-tool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dlfcn.h>

#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <p11-kit/pkcs11.h>

#include "base/text.h"
#include "hsm/device.h"
#include "hsm/escrow.h"
#include "tests/unit/soft_token.h"

enum { TEXT_LEN = 24 };

static struct soft_token token;
static struct hsm_device *device;
static struct hsm_escrow *kgen;
static struct hsm_device_key transport;
static uint8_t recovery[HSM_SPKI_MAX]; /* SPKI of a recovery key */
static size_t recovery_len;

static const enum hsm_key_type types[] = {HSM_KEY_RSA_2048, HSM_KEY_RSA_3072,
                                          HSM_KEY_EC_P256};
enum { TYPE_COUNT = sizeof types / sizeof *types };

#define MUST(call)                                                             \
    do {                                                                       \
        if (!(call))                                                           \
            fail_msg("%s: %s (%s)", #call, err.what, err.cause);               \
    } while (0)

static size_t
new_spki(unsigned bits, uint8_t out[HSM_SPKI_MAX])
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
    unsigned char *p = out;
    int len = i2d_PUBKEY(key, &p);

    EVP_PKEY_free(key);
    assert_true(len > 0);
    return (size_t)len;
}

static int
set_up(void **state)
{
    struct hsm_device_info infos[HSM_DEVICES_MAX];
    struct hsm_options options;
    struct error err = {0};
    size_t count = 0, at = 0;

    (void)state;
    soft_token_make(&token);
    soft_token_add(&token, "kgen");
    MUST(hsm_device_list(SOFT_TOKEN_MODULE, infos, &count, &err));
    assert_int_equal(count, 2);
    at = strcmp(infos[0].label, "test") == 0 ? 0 : 1;
    MUST(hsm_device_open(SOFT_TOKEN_MODULE, infos[at].serial, &device, &err));
    options = token.options;
    options.token = "kgen";
    MUST(hsm_escrow_open(&options, &kgen, &err));
    MUST(hsm_device_login(device, SOFT_TOKEN_PIN, &err));
    recovery_len = new_spki(3072, recovery);
    return 0;
}

/* With a transport key in the device. */
static int
set_up_transport(void **state)
{
    struct error err = {0};

    (void)set_up(state);
    MUST(hsm_device_transport_key_make(device, &transport, &err));
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    hsm_escrow_close(kgen);
    hsm_device_close(device);
    soft_token_remove(&token);
    return 0;
}

/* pkcs11-tool on the device, with the holder's PIN; its exit status. */
static int
tool(const char *const *more)
{
    const char *argv[32] = {"pkcs11-tool",   "--module",    SOFT_TOKEN_MODULE,
                            "--token-label", "test",        "--login",
                            "--pin",         SOFT_TOKEN_PIN};
    size_t n = 8;

    while (*more != NULL)
        argv[n++] = *more++;
    argv[n] = NULL;
    return soft_token_run(argv);
}

struct parcel {
    struct hsm_escrow_pair pair;
    uint8_t content_key[HSM_ESCROW_CONTENT_KEY_MAX];
    size_t content_key_len;
};

/* A key from the centre, wrapped for this transport key. */
static void
send(enum hsm_key_type type, const uint8_t *spki, size_t spki_len,
     struct parcel *out)
{
    struct error err = {0};

    MUST(hsm_escrow_make(kgen, type, recovery, recovery_len, &out->pair, &err));
    MUST(hsm_escrow_deliver(kgen, &out->pair, spki, spki_len, out->content_key,
                            &out->content_key_len, &err));
    hsm_escrow_drop(kgen, &out->pair);
}

static struct hsm_device_delivery
delivery_of(const struct parcel *parcel)
{
    return (struct hsm_device_delivery){
        parcel->content_key,  parcel->content_key_len,
        parcel->pair.wrapped, parcel->pair.wrapped_len,
        parcel->pair.spki,    parcel->pair.spki_len,
    };
}

static bool
take(const struct parcel *parcel, struct hsm_device_key *out, struct error *err)
{
    const struct hsm_device_delivery delivery = delivery_of(parcel);

    return hsm_device_import(device, &delivery, "encryption", out, err);
}

static EVP_PKEY *
public_of(const uint8_t *spki, size_t len)
{
    const unsigned char *p = spki;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)len);

    assert_non_null(key);
    return key;
}

/* OpenSSL encrypts to the certified half, the device decrypts; and is as it
 * should be in its list. */
static void
assert_decrypts(const struct parcel *parcel)
{
    EVP_PKEY *public_key = public_of(parcel->pair.spki, parcel->pair.spki_len);
    uint8_t text[TEXT_LEN] = "the tender of 2026";
    uint8_t sealed[512], opened[HSM_DECRYPTED_MAX], ours[128];
    struct hsm_device_key *keys = calloc(HSM_DEVICE_KEYS_MAX, sizeof *keys);
    const struct hsm_device_key *key = NULL;
    size_t count = 0, sealed_len = sizeof sealed, len = 0, ours_len = 128;
    struct error err = {0};

    MUST(hsm_device_keys(device, keys, &count, &err));
    for (size_t i = 0; i < count; i++)
        if (keys[i].spki_len == parcel->pair.spki_len &&
            memcmp(keys[i].spki, parcel->pair.spki, keys[i].spki_len) == 0)
            key = &keys[i];
    assert_non_null(key);
    assert_true(key->can_decrypt);
    assert_false(key->can_sign);
    if (key->type == HSM_KEY_EC_P256) {
        EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(other, NULL);
        unsigned char *point = NULL;
        size_t point_len = EVP_PKEY_get1_encoded_public_key(other, &point);

        assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
        assert_int_equal(EVP_PKEY_derive_set_peer(ctx, public_key), 1);
        assert_int_equal(EVP_PKEY_derive(ctx, ours, &ours_len), 1);
        MUST(hsm_device_derive(device, key, point, point_len, opened, &len,
                               &err));
        assert_int_equal(len, ours_len);
        assert_memory_equal(opened, ours, len);
        OPENSSL_free(point);
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(other);
    } else {
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(public_key, NULL);

        assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
        assert_int_equal(
            EVP_PKEY_encrypt(ctx, sealed, &sealed_len, text, sizeof text), 1);
        MUST(hsm_device_decrypt(device, key, false, sealed, sealed_len, opened,
                                &len, &err));
        assert_int_equal(len, sizeof text);
        assert_memory_equal(opened, text, len);
        EVP_PKEY_CTX_free(ctx);
    }
    EVP_PKEY_free(public_key);
    free(keys);
}

/* Private keys that are there, the transport key among them. */
static size_t
key_count(void)
{
    struct hsm_device_key *keys = calloc(HSM_DEVICE_KEYS_MAX, sizeof *keys);
    struct error err = {0};
    size_t count = 0;

    MUST(hsm_device_keys(device, keys, &count, &err));
    free(keys);
    return count;
}

static void
assert_refused(const struct parcel *parcel)
{
    struct hsm_device_key out;
    struct error err = {0};
    uint8_t id[HSM_DEVICE_IMPORTED_ID_LEN];
    size_t before = key_count();
    bool is_there = true;

    assert_false(take(parcel, &out, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    err = (struct error){0};
    MUST(hsm_device_imported_id(parcel->pair.spki, parcel->pair.spki_len, id,
                                &err));
    MUST(hsm_device_is_public_there(device, id, sizeof id, &is_there, &err));
    assert_false(is_there);
    assert_int_equal(key_count(), before);
}

static void
transport_key_is_made_once_and_unwraps_only(void **state)
{
    static const char *const as_it_is[] = {"--list-objects", "--type",
                                           "privkey", NULL};
    uint8_t sealed[256] = {0}, opened[HSM_DECRYPTED_MAX];
    uint8_t signature[HSM_SIGNATURE_MAX];
    struct hsm_device_key key, again;
    struct error err = {0};
    bool is_blank = false;
    size_t len = 0;

    (void)state;
    assert_false(hsm_device_transport_key(device, &key, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    MUST(hsm_device_transport_key_make(device, &key, &err));
    MUST(hsm_device_transport_key_make(device, &again, &err));
    assert_memory_equal(key.spki, again.spki, key.spki_len);
    MUST(hsm_device_transport_key(device, &again, &err));
    assert_int_equal(again.type, HSM_KEY_RSA_2048);
    assert_false(again.can_sign || again.can_decrypt);
    assert_false(hsm_device_decrypt(device, &key, true, sealed, sizeof sealed,
                                    opened, &len, &err));
    assert_false(hsm_device_sign(device, &key, HSM_RSA_PKCS1_SHA256, sealed, 32,
                                 signature, &len, &err));
    err = (struct error){0};
    MUST(hsm_device_is_blank(device, &is_blank, &err));
    assert_true(is_blank);
    assert_int_equal(tool(as_it_is), 0);
}

/* C_UnwrapKey of a content key by a program of the holder's own, who has the
 * PIN. */
static CK_RV
unwrap_by_hand(const struct parcel *parcel, CK_BBOOL is_extractable,
               CK_BBOOL is_sensitive, CK_BBOOL decrypts)
{
    void *library = dlopen(SOFT_TOKEN_MODULE, RTLD_NOW | RTLD_LOCAL);
    CK_C_GetFunctionList get_list;
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY, secret = CKO_SECRET_KEY;
    CK_KEY_TYPE aes = CKK_AES;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class},
                             {CKA_ID, transport.id, transport.id_len}};
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &secret, sizeof secret},
        {CKA_KEY_TYPE, &aes, sizeof aes},
        {CKA_EXTRACTABLE, &is_extractable, sizeof is_extractable},
        {CKA_SENSITIVE, &is_sensitive, sizeof is_sensitive},
        {CKA_DECRYPT, &decrypts, sizeof decrypts},
        {CKA_ENCRYPT, &no, sizeof no},
    };
    CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA_1, CKG_MGF1_SHA1,
                                    CKZ_DATA_SPECIFIED, NULL, 0};
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep};
    CK_SLOT_ID slots[8];
    CK_ULONG slot_count = 8, found = 0;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE, opened;
    CK_FUNCTION_LIST *p11 = NULL;
    CK_RV rv = CKR_GENERAL_ERROR;

    assert_non_null(library);
    *(void **)&get_list = dlsym(library, "C_GetFunctionList");
    assert_int_equal(get_list(&p11), CKR_OK);
    assert_int_equal(p11->C_GetSlotList(CK_TRUE, slots, &slot_count), CKR_OK);
    for (CK_ULONG i = 0; i < slot_count && found == 0; i++) {
        CK_SESSION_HANDLE session;

        assert_int_equal(p11->C_OpenSession(slots[i], CKF_SERIAL_SESSION, NULL,
                                            NULL, &session),
                         CKR_OK);
        assert_int_equal(p11->C_FindObjectsInit(session, wanted, 2), CKR_OK);
        assert_int_equal(p11->C_FindObjects(session, &key, 1, &found), CKR_OK);
        assert_int_equal(p11->C_FindObjectsFinal(session), CKR_OK);
        if (found == 1)
            rv =
                p11->C_UnwrapKey(session, &mechanism, key,
                                 (CK_BYTE *)(uintptr_t)parcel->content_key,
                                 parcel->content_key_len, template, 6, &opened);
        assert_int_equal(p11->C_CloseSession(session), CKR_OK);
    }
    assert_int_equal(found, 1);
    (void)dlclose(library);
    return rv;
}

/* What the transport key opens stays in the device, even for who has the PIN:
 * no content key that may be taken out, and none that decrypts. */
static void
content_key_is_not_opened_for_anything_else(void **state)
{
    struct parcel parcel;

    (void)state;
    send(HSM_KEY_EC_P256, transport.spki, transport.spki_len, &parcel);
    assert_int_equal(unwrap_by_hand(&parcel, CK_FALSE, CK_TRUE, CK_FALSE),
                     CKR_OK);
    assert_int_not_equal(unwrap_by_hand(&parcel, CK_TRUE, CK_TRUE, CK_FALSE),
                         CKR_OK);
    assert_int_not_equal(unwrap_by_hand(&parcel, CK_FALSE, CK_FALSE, CK_FALSE),
                         CKR_OK);
    assert_int_not_equal(unwrap_by_hand(&parcel, CK_FALSE, CK_TRUE, CK_TRUE),
                         CKR_OK);
}

static void
delivered_keys_of_each_kind_decrypt_in_the_device(void **state)
{
    (void)state;
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        struct parcel parcel;
        struct hsm_device_key out;
        struct error err = {0};

        send(types[i], transport.spki, transport.spki_len, &parcel);
        MUST(take(&parcel, &out, &err));
        assert_int_equal(out.type, types[i]);
        assert_memory_equal(out.spki, parcel.pair.spki, out.spki_len);
        assert_decrypts(&parcel);
    }
}

/* Each is found by its own public key, and none is in another's way. */
static void
ten_generations_stand_side_by_side(void **state)
{
    enum { GENERATIONS = 10 };
    struct parcel *parcels = calloc(GENERATIONS, sizeof *parcels);
    struct hsm_device_key out;
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < GENERATIONS; i++) {
        send(types[i % TYPE_COUNT], transport.spki, transport.spki_len,
             &parcels[i]);
        MUST(take(&parcels[i], &out, &err));
    }
    assert_int_equal(key_count(), GENERATIONS + 1);
    for (size_t i = 0; i < GENERATIONS; i++)
        assert_decrypts(&parcels[i]);
    free(parcels);
}

static void
key_that_is_there_is_taken_once(void **state)
{
    struct parcel parcel;
    struct hsm_device_key out;
    struct error err = {0};
    size_t count;

    (void)state;
    send(HSM_KEY_RSA_2048, transport.spki, transport.spki_len, &parcel);
    MUST(take(&parcel, &out, &err));
    count = key_count();
    /* Even when the delivery is gone meanwhile: nothing has to be opened. */
    parcel.content_key[0] ^= 1;
    MUST(take(&parcel, &out, &err));
    assert_int_equal(key_count(), count);
    assert_decrypts(&parcel);
}

static void
half_a_pair_is_made_whole(void **state)
{
    static const char *const halves[] = {"privkey", "pubkey"};
    struct parcel parcel;
    struct hsm_device_key out;
    struct error err = {0};
    char hex[2 * HSM_DEVICE_IMPORTED_ID_LEN + 1];

    (void)state;
    send(HSM_KEY_EC_P256, transport.spki, transport.spki_len, &parcel);
    for (size_t i = 0; i < 2; i++) {
        const char *const halve[] = {
            "--delete-object", "--type", halves[i], "--id", hex, NULL};

        MUST(take(&parcel, &out, &err));
        text_hex(out.id, out.id_len, hex);
        assert_int_equal(tool(halve), 0);
        MUST(take(&parcel, &out, &err));
        assert_decrypts(&parcel);
        assert_int_equal(key_count(), 2);
    }
}

/* Somebody's own pair under the id of a delivered one gives way. */
static void
another_pair_under_the_id_is_replaced(void **state)
{
    struct parcel parcel;
    struct hsm_device_key out;
    struct error err = {0};
    uint8_t id[HSM_DEVICE_IMPORTED_ID_LEN];

    (void)state;
    send(HSM_KEY_RSA_2048, transport.spki, transport.spki_len, &parcel);
    MUST(hsm_device_imported_id(parcel.pair.spki, parcel.pair.spki_len, id,
                                &err));
    MUST(hsm_device_generate(device, HSM_KEY_EC_P256, "other", id, sizeof id,
                             &out, &err));
    MUST(take(&parcel, &out, &err));
    assert_decrypts(&parcel);
}

static void
content_key_that_was_changed_is_refused(void **state)
{
    struct parcel parcel;

    (void)state;
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        send(types[i], transport.spki, transport.spki_len, &parcel);
        parcel.content_key[parcel.content_key_len / 2] ^= 1;
        assert_refused(&parcel);
        parcel.content_key[parcel.content_key_len / 2] ^= 1;
        parcel.content_key_len--;
        assert_refused(&parcel);
        parcel.content_key_len++;
        parcel.pair.wrapped[40] ^= 1;
        assert_refused(&parcel);
        parcel.pair.wrapped[40] ^= 1;
        parcel.pair.wrapped_len -= 8;
        assert_refused(&parcel);
        parcel.pair.wrapped_len = 0;
        assert_refused(&parcel);
    }
}

/* Each part by itself is in order, only not of one key. */
static void
blob_of_another_key_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < TYPE_COUNT; i++)
        for (size_t k = 0; k < TYPE_COUNT; k++) {
            struct parcel one, other, swapped;

            send(types[i], transport.spki, transport.spki_len, &one);
            send(types[k], transport.spki, transport.spki_len, &other);
            swapped = other; /* opens, and is another's */
            memcpy(swapped.pair.spki, one.pair.spki, one.pair.spki_len);
            swapped.pair.spki_len = one.pair.spki_len;
            assert_refused(&swapped);
            swapped = one; /* the content key of one, the wrapped other */
            memcpy(swapped.pair.wrapped, other.pair.wrapped,
                   other.pair.wrapped_len);
            swapped.pair.wrapped_len = other.pair.wrapped_len;
            assert_refused(&swapped);
        }
}

static void
delivery_for_another_device_is_refused(void **state)
{
    uint8_t spki[HSM_SPKI_MAX];
    struct parcel parcel;

    (void)state;
    send(HSM_KEY_EC_P256, spki, new_spki(2048, spki), &parcel);
    assert_refused(&parcel);
    send(HSM_KEY_EC_P256, spki, new_spki(4096, spki), &parcel);
    assert_refused(&parcel);
}

static void
public_key_of_no_escrowed_kind_is_refused(void **state)
{
    struct parcel parcel;
    struct hsm_device_key out;
    struct error err = {0};

    (void)state;
    send(HSM_KEY_RSA_2048, transport.spki, transport.spki_len, &parcel);
    parcel.pair.spki_len--;
    assert_false(take(&parcel, &out, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    parcel.pair.spki_len = new_spki(4096, parcel.pair.spki);
    assert_false(take(&parcel, &out, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_int_equal(key_count(), 1);
}

/* Whoever brings a transport key along knows it, and could open what is
 * delivered. */
static void
transport_key_that_was_not_made_inside_is_refused(void **state)
{
    static const char *const id = "7369676e65742d7472616e73706f7274";
    char path[128], public_path[128];
    const char *const write_private[] = {
        "--write-object", path, "--type", "privkey", "--id", id, NULL};
    const char *const write_public[] = {
        "--write-object", public_path, "--type", "pubkey", "--id", id, NULL};
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    uint8_t spki[HSM_SPKI_MAX];
    unsigned char *p = spki;
    size_t spki_len = (size_t)i2d_PUBKEY(key, &p);
    struct hsm_device_key out;
    struct parcel parcel;
    struct error err = {0};
    FILE *file;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/key.der", token.folder);
    (void)snprintf(public_path, sizeof public_path, "%s/pub.der", token.folder);
    assert_non_null(file = fopen(path, "we"));
    assert_true(i2d_PrivateKey_fp(file, key) > 0);
    assert_int_equal(fclose(file), 0);
    assert_non_null(file = fopen(public_path, "we"));
    assert_true(i2d_PUBKEY_fp(file, key) > 0);
    assert_int_equal(fclose(file), 0);
    EVP_PKEY_free(key);
    assert_int_equal(tool(write_private), 0);
    assert_int_equal(tool(write_public), 0);
    assert_false(hsm_device_transport_key(device, &out, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_false(hsm_device_transport_key_make(device, &out, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    send(HSM_KEY_RSA_2048, spki, spki_len, &parcel);
    assert_false(take(&parcel, &out, &err));
    assert_int_equal(err.code, ERROR_DENIED);
}

/* Without login every pair looks half: nothing is taken away then. */
static void
without_login_nothing_is_taken_for_half(void **state)
{
    struct parcel parcel;
    struct hsm_device_key out;
    struct error err = {0};
    bool found = false;

    (void)state;
    send(HSM_KEY_EC_P256, transport.spki, transport.spki_len, &parcel);
    MUST(take(&parcel, &out, &err));
    hsm_device_logout(device);
    assert_false(take(&parcel, &out, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_false(hsm_device_transport_key_make(device, &out, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_false(
        hsm_device_pair_find(device, out.id, out.id_len, &found, &out, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    err = (struct error){0};
    MUST(hsm_device_login(device, SOFT_TOKEN_PIN, &err));
    assert_decrypts(&parcel);
}

#define BARE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, set_up_transport, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BARE(transport_key_is_made_once_and_unwraps_only),
        BARE(transport_key_that_was_not_made_inside_is_refused),
        TEST(content_key_is_not_opened_for_anything_else),
        TEST(delivered_keys_of_each_kind_decrypt_in_the_device),
        TEST(ten_generations_stand_side_by_side),
        TEST(key_that_is_there_is_taken_once),
        TEST(half_a_pair_is_made_whole),
        TEST(another_pair_under_the_id_is_replaced),
        TEST(content_key_that_was_changed_is_refused),
        TEST(blob_of_another_key_is_refused),
        TEST(delivery_for_another_device_is_refused),
        TEST(public_key_of_no_escrowed_kind_is_refused),
        TEST(without_login_nothing_is_taken_for_half),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
