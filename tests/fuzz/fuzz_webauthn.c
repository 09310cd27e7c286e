/* Passkeys: the first octet chooses what the rest is taken for. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/webauthn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The client data of tests/unit/test_webauthn.c. */
static const uint8_t challenge[32] = {7};
static const struct webauthn_scene scene = {"ra.example", "https://ra.example",
                                            challenge, sizeof challenge};
static const char client_data[] =
    "{\"type\":\"webauthn.create\",\"challenge\":"
    "\"BwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
    "\"origin\":\"https://ra.example\"}";

static void
try_registration(const uint8_t *data, size_t len)
{
    static struct webauthn_credential credential;
    struct error err = {0};
    EVP_PKEY *key;

    if (!webauthn_register(data, len, (const uint8_t *)client_data,
                           sizeof client_data - 1, &scene, &credential, &err)) {
        assert(err.code == ERROR_INPUT || err.code == ERROR_DENIED);
        return;
    }
    assert(credential.raw_id_len > 0);
    assert(webauthn_key_parse(credential.public_key, credential.public_key_len,
                              &key, &err));
    EVP_PKEY_free(key);
}

static void
try_assertion(const uint8_t *data, size_t len, bool is_client_data)
{
    static const uint8_t header[37] = {0};
    struct webauthn_assertion assertion = {
        is_client_data ? header : data,
        is_client_data ? sizeof header : len,
        is_client_data ? data : (const uint8_t *)client_data,
        is_client_data ? len : sizeof client_data - 1,
        header,
        sizeof header,
    };
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
                                                challenge, sizeof challenge);
    struct error err = {0};

    /* Nobody signs with this key. */
    assert(!webauthn_verify(key, &assertion, &scene, NULL, &err));
    assert(err.code == ERROR_INPUT || err.code == ERROR_DENIED);
    EVP_PKEY_free(key);
}

static void
try_key(const uint8_t *data, size_t len)
{
    struct error err = {0};
    EVP_PKEY *key;

    if (!webauthn_key_parse(data, len, &key, &err))
        assert(err.code == ERROR_INPUT && key == NULL);
    EVP_PKEY_free(key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    switch (data[0] & 3) {
    case 0:
        try_registration(data + 1, len - 1);
        break;
    case 1:
        try_assertion(data + 1, len - 1, false);
        break;
    case 2:
        try_assertion(data + 1, len - 1, true);
        break;
    default:
        try_key(data + 1, len - 1);
        break;
    }
    return 0;
}
