/* Registering and verifying passkeys; see base/webauthn.h. */
#include "base/webauthn.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include "base/cbor.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"

/* ---- COSE_Key: RFC 9052, 7; RFC 9053, 2 and 7 -------------------------- */

enum {
    COSE_KTY = 1,
    COSE_ALG = 3,
    COSE_CURVE = -1, /* EC2, OKP */
    COSE_X = -2,
    COSE_Y = -3,
    COSE_RSA_N = -1, /* RFC 8230, 4 */
    COSE_RSA_E = -2,

    KTY_OKP = 1,
    KTY_EC2 = 2,
    KTY_RSA = 3,
    CURVE_P256 = 1,
    CURVE_ED25519 = 6,
    ALG_ES256 = -7,
    ALG_EDDSA = -8,
    ALG_RS256 = -257,

    COORDINATE_LEN = 32,
    RSA_MIN_LEN = 256,
    RSA_MAX_LEN = 512,
    RSA_E_MAX_LEN = 4,
};

static bool
has_integer(const struct cbor *map, int64_t key, int64_t value)
{
    struct cbor got;

    return cbor_find_integer(map, key, &got) && got.type == CBOR_INTEGER &&
           got.integer == value;
}

static bool
find_bytes(const struct cbor *map, int64_t key, size_t min, size_t max,
           struct cbor *out)
{
    return cbor_find_integer(map, key, out) && out->type == CBOR_BYTES &&
           out->len >= min && out->len <= max;
}

/* A key from OpenSSL's parameters. A point is judged: section 5.8.5 wants one
 * of the curve. An RSA modulus is not, since OpenSSL asks chance about it, and
 * a key must not be readable today and no key tomorrow. */
static bool
make_key(const char *type, OSSL_PARAM *params, bool is_point, EVP_PKEY **out,
         struct error *err)
{
    EVP_PKEY_CTX *make = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY_CTX *check = NULL;
    EVP_PKEY *key = NULL;
    bool ok = make != NULL && EVP_PKEY_fromdata_init(make) == 1 &&
              EVP_PKEY_fromdata(make, &key, EVP_PKEY_PUBLIC_KEY, params) == 1 &&
              (check = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL)) != NULL &&
              (!is_point || EVP_PKEY_public_check(check) == 1);

    if (ok) {
        *out = key;
        key = NULL;
    } else {
        error_openssl(err, ERROR_INPUT, "a COSE key that is no %s key", type);
    }
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(check);
    EVP_PKEY_CTX_free(make);
    return ok;
}

static bool
parse_ec(const struct cbor *map, EVP_PKEY **out, struct error *err)
{
    uint8_t point[1 + 2 * COORDINATE_LEN] = {4}; /* uncompressed: SEC 1, 2.3 */
    char group[] = "prime256v1";
    struct cbor x, y;

    if (map->count != 5 || !has_integer(map, COSE_ALG, ALG_ES256) ||
        !has_integer(map, COSE_CURVE, CURVE_P256) ||
        !find_bytes(map, COSE_X, COORDINATE_LEN, COORDINATE_LEN, &x) ||
        !find_bytes(map, COSE_Y, COORDINATE_LEN, COORDINATE_LEN, &y))
        return error_set(err, ERROR_INPUT, "a COSE key that is no ES256 key");
    memcpy(point + 1, x.data, COORDINATE_LEN);
    memcpy(point + 1 + COORDINATE_LEN, y.data, COORDINATE_LEN);
    return make_key(
        "EC",
        (OSSL_PARAM[]){OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group,
                                              sizeof group - 1),
                       OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point,
                                               sizeof point),
                       OSSL_PARAM_END},
        true, out, err);
}

static bool
parse_ed25519(const struct cbor *map, EVP_PKEY **out, struct error *err)
{
    struct cbor x;

    if (map->count != 4 || !has_integer(map, COSE_ALG, ALG_EDDSA) ||
        !has_integer(map, COSE_CURVE, CURVE_ED25519) ||
        !find_bytes(map, COSE_X, COORDINATE_LEN, COORDINATE_LEN, &x))
        return error_set(err, ERROR_INPUT, "a COSE key that is no Ed25519 key");
    *out = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x.data, x.len);
    return *out != NULL ||
           error_openssl(err, ERROR_INPUT, "a COSE key that is no Ed25519 key");
}

/* Big-endian without leading zeros into the machine's own order, which
 * OSSL_PARAM wants. */
static void
reverse(const struct cbor *number, uint8_t *out)
{
    for (size_t i = 0; i < number->len; i++)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        out[i] = number->data[number->len - 1 - i];
#else
        out[i] = number->data[i];
#endif
}

static bool
is_odd(const struct cbor *number)
{
    return (number->data[number->len - 1] & 1) != 0;
}

static bool
parse_rsa(const struct cbor *map, EVP_PKEY **out, struct error *err)
{
    uint8_t n[RSA_MAX_LEN], e[RSA_E_MAX_LEN];
    struct cbor modulus, exponent;

    if (map->count != 4 || !has_integer(map, COSE_ALG, ALG_RS256) ||
        !find_bytes(map, COSE_RSA_N, RSA_MIN_LEN, RSA_MAX_LEN, &modulus) ||
        !find_bytes(map, COSE_RSA_E, 1, RSA_E_MAX_LEN, &exponent) ||
        modulus.data[0] == 0 || exponent.data[0] == 0 || !is_odd(&modulus) ||
        !is_odd(&exponent) || (exponent.len == 1 && exponent.data[0] == 1))
        return error_set(err, ERROR_INPUT,
                         "a COSE key that is no RS256 key of 2048 to 4096 "
                         "bits");
    reverse(&modulus, n);
    reverse(&exponent, e);
    return make_key("RSA",
                    (OSSL_PARAM[]){OSSL_PARAM_BN("n", n, modulus.len),
                                   OSSL_PARAM_BN("e", e, exponent.len),
                                   OSSL_PARAM_END},
                    false, out, err);
}

static bool
parse_key(const struct cbor *map, EVP_PKEY **out, struct error *err)
{
    if (map->type == CBOR_MAP && has_integer(map, COSE_KTY, KTY_EC2))
        return parse_ec(map, out, err);
    if (map->type == CBOR_MAP && has_integer(map, COSE_KTY, KTY_OKP))
        return parse_ed25519(map, out, err);
    if (map->type == CBOR_MAP && has_integer(map, COSE_KTY, KTY_RSA))
        return parse_rsa(map, out, err);
    return error_set(err, ERROR_INPUT,
                     "a COSE key that is neither EC, RSA nor Ed25519");
}

bool
webauthn_key_parse(const uint8_t *cose, size_t len, EVP_PKEY **out,
                   struct error *err)
{
    struct cbor map;

    *out = NULL;
    if (len > WEBAUTHN_PUBLIC_KEY_MAX)
        return error_set(err, ERROR_INPUT, "a COSE key of more than %d octets",
                         WEBAUTHN_PUBLIC_KEY_MAX);
    return (cbor_parse(cose, len, NULL, &map, err) &&
            parse_key(&map, out, err)) ||
           error_wrap(err, "public key");
}

/* ---- Authenticator data: section 6.1 ----------------------------------- */

enum {
    FLAG_USER_PRESENT = 0x01,
    FLAG_USER_VERIFIED = 0x04,
    FLAG_BACKUP_ELIGIBLE = 0x08,
    FLAG_BACKED_UP = 0x10,
    FLAG_ATTESTED = 0x40,
    FLAG_EXTENSIONS = 0x80,

    FLAGS_AT = HASH_LEN,
    COUNT_AT = FLAGS_AT + 1,
    HEADER_LEN = COUNT_AT + 4,
    AAGUID_LEN = 16,
};

struct authenticator {
    const uint8_t *rp_id_hash;
    uint8_t flags;
    uint32_t sign_count;
    /* With attested credential data. Borrowed. */
    const uint8_t *raw_id;
    size_t raw_id_len;
    const uint8_t *public_key;
    size_t public_key_len;
};

/* Section 6.5.1. */
static bool
parse_attested(const uint8_t **at, const uint8_t *end,
               struct authenticator *out, struct error *err)
{
    struct cbor key;

    if (end - *at < AAGUID_LEN + 2)
        return error_set(err, ERROR_INPUT, "authenticator data ends too early");
    *at += AAGUID_LEN;
    out->raw_id_len = (size_t)(*at)[0] << 8 | (*at)[1];
    *at += 2;
    if (out->raw_id_len == 0 || out->raw_id_len > WEBAUTHN_RAW_ID_MAX ||
        out->raw_id_len > (size_t)(end - *at))
        return error_set(err, ERROR_INPUT,
                         "a credential id of no length that is allowed");
    out->raw_id = *at;
    *at += out->raw_id_len;
    out->public_key = *at;
    if (!cbor_parse(*at, (size_t)(end - *at), &out->public_key_len, &key, err))
        return error_wrap(err, "public key");
    *at += out->public_key_len;
    return true;
}

static bool
parse_authenticator(const uint8_t *data, size_t len, struct authenticator *out,
                    struct error *err)
{
    const uint8_t *at = data + HEADER_LEN, *end = data + len;
    struct cbor extensions;
    size_t used;

    *out = (struct authenticator){.rp_id_hash = data};
    if (len < HEADER_LEN || len > WEBAUTHN_AUTHENTICATOR_DATA_MAX)
        return error_set(err, ERROR_INPUT,
                         "authenticator data of no length that is allowed");
    out->flags = data[FLAGS_AT];
    for (size_t i = 0; i < 4; i++)
        out->sign_count = out->sign_count << 8 | data[COUNT_AT + i];
    if ((out->flags & FLAG_ATTESTED) != 0 &&
        !parse_attested(&at, end, out, err))
        return false;
    if ((out->flags & FLAG_EXTENSIONS) != 0) {
        if (!cbor_parse(at, (size_t)(end - at), &used, &extensions, err))
            return error_wrap(err, "extensions");
        if (extensions.type != CBOR_MAP)
            return error_set(err, ERROR_INPUT, "extensions are no map");
        at += used;
    }
    return at == end ||
           error_set(err, ERROR_INPUT, "octets follow the authenticator data");
}

/* Sections 7.1, 13 to 16, and 7.2, 15 to 18. */
static bool
check_authenticator(const struct authenticator *authenticator,
                    const struct webauthn_scene *scene, struct error *err)
{
    uint8_t flags = authenticator->flags, hash[HASH_LEN];

    if (!hash_sha256(scene->rp_id, strlen(scene->rp_id), hash, err))
        return false;
    if (CRYPTO_memcmp(hash, authenticator->rp_id_hash, sizeof hash) != 0)
        return error_set(err, ERROR_DENIED, "of another RP ID than %s",
                         scene->rp_id);
    if ((flags & FLAG_USER_PRESENT) == 0)
        return error_set(err, ERROR_DENIED, "the user was not present");
    if ((flags & FLAG_USER_VERIFIED) == 0)
        return error_set(err, ERROR_DENIED,
                         "the user was not verified (PIN or biometrics)");
    /* Level 3, 6.1: what may not be backed up is not backed up. */
    if ((flags & FLAG_BACKED_UP) != 0 && (flags & FLAG_BACKUP_ELIGIBLE) == 0)
        return error_set(err, ERROR_DENIED,
                         "backed up without being eligible for it");
    return true;
}

static struct webauthn_flags
flags_of(const struct authenticator *authenticator)
{
    return (struct webauthn_flags){
        .is_backup_eligible =
            (authenticator->flags & FLAG_BACKUP_ELIGIBLE) != 0,
        .is_backed_up = (authenticator->flags & FLAG_BACKED_UP) != 0,
        .sign_count = authenticator->sign_count,
    };
}

/* ---- Client data: section 5.8.1 ---------------------------------------- */

/* RFC 4648, section 5, without padding. */
static void
format_challenge(const struct webauthn_scene *scene, struct buf *out)
{
    text_base64(scene->challenge, scene->challenge_len, out);
    while (out->len > 0 && out->data[out->len - 1] == '=')
        out->data[--out->len] = '\0';
    for (size_t i = 0; i < out->len; i++)
        if (out->data[i] == '+')
            out->data[i] = '-';
        else if (out->data[i] == '/')
            out->data[i] = '_';
}

static bool
judge_client_data(const json_t *client_data, const char *type,
                  const char *challenge, const char *origin, struct error *err)
{
    const char *got_type, *got_challenge, *got_origin, *top_origin;
    bool is_cross;

    /* Members that are not known are let pass: section 5.8.1 says that there
     * will be more. */
    if (!json_get_text(client_data, "type", 64, &got_type, err) ||
        !json_get_text(client_data, "challenge", WEBAUTHN_CLIENT_DATA_MAX,
                       &got_challenge, err) ||
        !json_get_text(client_data, "origin", WEBAUTHN_CLIENT_DATA_MAX,
                       &got_origin, err) ||
        !json_find_text(client_data, "topOrigin", WEBAUTHN_CLIENT_DATA_MAX,
                        &top_origin, err) ||
        !json_find_bool(client_data, "crossOrigin", false, &is_cross, err))
        return false;
    if (strcmp(got_type, type) != 0)
        return error_set(err, ERROR_DENIED, "of type %.64s, not %s", got_type,
                         type);
    if (strlen(got_challenge) != strlen(challenge) ||
        CRYPTO_memcmp(got_challenge, challenge, strlen(challenge)) != 0)
        return error_set(err, ERROR_DENIED, "over another challenge");
    if (strcmp(got_origin, origin) != 0)
        return error_set(err, ERROR_DENIED, "of origin %.200s, not %s",
                         got_origin, origin);
    if (is_cross || top_origin != NULL)
        return error_set(err, ERROR_DENIED, "from inside another's page");
    return true;
}

static bool
check_client_data(const uint8_t *data, size_t len, const char *type,
                  const struct webauthn_scene *scene, struct error *err)
{
    struct buf challenge = BUF_INIT(2 * WEBAUTHN_CHALLENGE_MAX);
    json_t *object = NULL;
    bool ok;

    if (len > WEBAUTHN_CLIENT_DATA_MAX)
        return error_set(err, ERROR_INPUT, "client data of more than %d octets",
                         WEBAUTHN_CLIENT_DATA_MAX);
    if (scene->challenge_len < 16 ||
        scene->challenge_len > WEBAUTHN_CHALLENGE_MAX)
        return error_set(err, ERROR_INTERNAL, "a challenge of %zu octets",
                         scene->challenge_len);
    if (!json_parse_object(data, len, &object, err))
        return error_wrap(err, "client data");
    format_challenge(scene, &challenge);
    ok = judge_client_data(object, type, buf_text(&challenge), scene->origin,
                           err) ||
         error_wrap(err, "client data");
    json_decref(object);
    buf_clear(&challenge);
    return ok;
}

/* ---- Signatures -------------------------------------------------------- */

/* Over authenticator data and the hash of the client data, by the algorithm of
 * the key. */
static bool
check_signature(EVP_PKEY *key, const uint8_t *authenticator_data,
                size_t authenticator_data_len, const uint8_t *client_data,
                size_t client_data_len, const uint8_t *signature,
                size_t signature_len, struct error *err)
{
    uint8_t message[WEBAUTHN_AUTHENTICATOR_DATA_MAX + HASH_LEN];
    const char *digest = EVP_PKEY_is_a(key, "ED25519") == 1 ? NULL : "SHA256";
    EVP_MD_CTX *context;
    bool ok;

    /* The length was judged with the authenticator data. */
    memcpy(message, authenticator_data, authenticator_data_len);
    if (!hash_sha256(client_data, client_data_len,
                     message + authenticator_data_len, err))
        return false;
    context = EVP_MD_CTX_new();
    ok = context != NULL && signature_len <= WEBAUTHN_SIGNATURE_MAX &&
         EVP_DigestVerifyInit_ex(context, NULL, digest, NULL, NULL, key,
                                 NULL) == 1 &&
         EVP_DigestVerify(context, signature, signature_len, message,
                          authenticator_data_len + HASH_LEN) == 1;
    EVP_MD_CTX_free(context);
    return ok ||
           error_openssl(err, ERROR_DENIED, "the signature is not the key's");
}

bool
webauthn_verify(EVP_PKEY *key, const struct webauthn_assertion *assertion,
                const struct webauthn_scene *scene, struct webauthn_flags *out,
                struct error *err)
{
    struct authenticator authenticator;

    if (!parse_authenticator(assertion->authenticator_data,
                             assertion->authenticator_data_len, &authenticator,
                             err) ||
        !check_client_data(assertion->client_data, assertion->client_data_len,
                           "webauthn.get", scene, err) ||
        !check_authenticator(&authenticator, scene, err))
        return error_wrap(err, "assertion");
    /* Section 6.1: attested credential data is for registrations. */
    if ((authenticator.flags & FLAG_ATTESTED) != 0)
        return error_set(err, ERROR_INPUT,
                         "assertion: a registration is no assertion");
    if (!check_signature(key, assertion->authenticator_data,
                         assertion->authenticator_data_len,
                         assertion->client_data, assertion->client_data_len,
                         assertion->signature, assertion->signature_len, err))
        return error_wrap(err, "assertion");
    if (out != NULL)
        *out = flags_of(&authenticator);
    return true;
}

/* ---- Registering ------------------------------------------------------- */

struct attestation {
    struct cbor object;    /* the whole */
    struct cbor format;    /* fmt */
    struct cbor statement; /* attStmt */
    struct cbor data;      /* authData */
};

/* Section 6.5.4: three members. */
static bool
parse_attestation(const uint8_t *der, size_t len, struct attestation *out,
                  struct error *err)
{
    if (len > WEBAUTHN_ATTESTATION_MAX)
        return error_set(err, ERROR_INPUT,
                         "an attestation of more than %d octets",
                         WEBAUTHN_ATTESTATION_MAX);
    if (!cbor_parse(der, len, NULL, &out->object, err))
        return false;
    if (out->object.type != CBOR_MAP || out->object.count != 3 ||
        !cbor_find_text(&out->object, "fmt", &out->format) ||
        out->format.type != CBOR_TEXT ||
        !cbor_find_text(&out->object, "attStmt", &out->statement) ||
        out->statement.type != CBOR_MAP ||
        !cbor_find_text(&out->object, "authData", &out->data) ||
        out->data.type != CBOR_BYTES)
        return error_set(err, ERROR_INPUT,
                         "no map of fmt, attStmt and authData");
    return true;
}

static bool
is_format(const struct attestation *attestation, const char *name)
{
    return attestation->format.len == strlen(name) &&
           memcmp(attestation->format.data, name, strlen(name)) == 0;
}

/* Section 8.2, self attestation: the credential's own algorithm and key. */
static bool
check_packed(const struct attestation *attestation,
             const struct authenticator *authenticator, EVP_PKEY *key,
             const uint8_t *client_data, size_t client_data_len,
             struct error *err)
{
    struct cbor algorithm, own, signature, cose;

    if (!cbor_parse(authenticator->public_key, authenticator->public_key_len,
                    NULL, &cose, err))
        return false;
    if (attestation->statement.count != 2 ||
        !cbor_find_text(&attestation->statement, "alg", &algorithm) ||
        algorithm.type != CBOR_INTEGER ||
        !cbor_find_text(&attestation->statement, "sig", &signature) ||
        signature.type != CBOR_BYTES)
        return error_set(err, ERROR_INPUT,
                         "an attestation by another than the credential: ask "
                         "for none");
    if (!cbor_find_integer(&cose, COSE_ALG, &own) ||
        own.integer != algorithm.integer)
        return error_set(err, ERROR_INPUT,
                         "attested with another algorithm than the key's");
    return check_signature(key, attestation->data.data, attestation->data.len,
                           client_data, client_data_len, signature.data,
                           signature.len, err);
}

static bool
check_statement(const struct attestation *attestation,
                const struct authenticator *authenticator, EVP_PKEY *key,
                const uint8_t *client_data, size_t client_data_len,
                struct error *err)
{
    if (is_format(attestation, "packed"))
        return check_packed(attestation, authenticator, key, client_data,
                            client_data_len, err);
    /* Section 8.7: nothing is said. */
    if (!is_format(attestation, "none") || attestation->statement.count != 0)
        return error_set(err, ERROR_INPUT,
                         "an attestation of a format that is not taken: ask "
                         "for none");
    return true;
}

static void
copy_credential(const struct authenticator *authenticator,
                struct webauthn_credential *out)
{
    *out = (struct webauthn_credential){
        .raw_id_len = authenticator->raw_id_len,
        .public_key_len = authenticator->public_key_len,
        .flags = flags_of(authenticator),
    };
    memcpy(out->raw_id, authenticator->raw_id, out->raw_id_len);
    memcpy(out->public_key, authenticator->public_key, out->public_key_len);
}

bool
webauthn_register(const uint8_t *attestation_object,
                  size_t attestation_object_len, const uint8_t *client_data,
                  size_t client_data_len, const struct webauthn_scene *scene,
                  struct webauthn_credential *out, struct error *err)
{
    struct authenticator authenticator;
    struct attestation attestation;
    EVP_PKEY *key = NULL;
    bool ok = false;

    if (!check_client_data(client_data, client_data_len, "webauthn.create",
                           scene, err) ||
        !parse_attestation(attestation_object, attestation_object_len,
                           &attestation, err) ||
        !parse_authenticator(attestation.data.data, attestation.data.len,
                             &authenticator, err) ||
        !check_authenticator(&authenticator, scene, err))
        goto out;
    if ((authenticator.flags & FLAG_ATTESTED) == 0) {
        error_set(err, ERROR_INPUT, "there is no credential in it");
        goto out;
    }
    ok = webauthn_key_parse(authenticator.public_key,
                            authenticator.public_key_len, &key, err) &&
         check_statement(&attestation, &authenticator, key, client_data,
                         client_data_len, err);
    if (ok)
        copy_credential(&authenticator, out);
out:
    EVP_PKEY_free(key);
    return ok || error_wrap(err, "registration");
}

/* ---- Origins ----------------------------------------------------------- */

/* RFC 6454, 6.2: scheme, host and optional port; no path, no user. */
static bool
split_origin(const char *origin, const char **host, size_t *host_len,
             bool *is_secure)
{
    const char *end;
    int64_t port;

    *is_secure = strncmp(origin, "https://", 8) == 0;
    if (!*is_secure && strncmp(origin, "http://", 7) != 0)
        return false;
    *host = origin + (*is_secure ? 8 : 7);
    *host_len = strspn(*host, "abcdefghijklmnopqrstuvwxyz0123456789-.");
    end = *host + *host_len;
    return *host_len > 0 &&
           (*end == '\0' ||
            (*end == ':' && text_int64(end + 1, 1, 65535, &port)));
}

bool
webauthn_origin_fits(const char *origin, const char *rp_id)
{
    const char *host;
    size_t host_len, len = strlen(rp_id);
    bool is_secure;

    if (len == 0 || len > WEBAUTHN_RP_ID_MAX ||
        strlen(origin) > WEBAUTHN_ORIGIN_MAX ||
        !split_origin(origin, &host, &host_len, &is_secure) || host_len < len ||
        memcmp(host + host_len - len, rp_id, len) != 0)
        return false;
    if (host_len > len && host[host_len - len - 1] != '.')
        return false;
    /* Browsers know localhost as safe without TLS. */
    return is_secure || strcmp(rp_id, "localhost") == 0;
}
