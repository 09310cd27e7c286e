/* Marks under rows; see ca-core/kmc/mark.h. */
#include "ca-core/kmc/mark.h"

#include <string.h>

#include "base/json.h"

enum { TEXT_MAX = 32768 };

bool
mark_open(struct hsm *hsm, bool make, struct mark *out, struct error *err)
{
    const uint8_t *id = (const uint8_t *)MARK_KEY_ID;
    size_t len = sizeof MARK_KEY_ID - 1;
    bool ok = hsm_key_get(hsm, id, len, &out->key, err);

    if (!ok && make && err->code == ERROR_NOT_FOUND)
        ok = hsm_key_generate(hsm, HSM_KEY_EC_P256, MARK_KEY_ID, id, len,
                              &out->key, err);
    out->hsm = hsm;
    return ok || error_wrap(err, "record key");
}

static bool
set(const struct mark *mark, json_t *take_json, uint8_t *signature,
    size_t *signature_len, struct error *err)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    bool ok = json_canonical(take_json, &text, err) &&
              hsm_sign_checked(mark->hsm, mark->key,
                               hsm_scheme_default(mark->key->type), text.data,
                               text.len, signature, signature_len, err);

    buf_clear(&text);
    json_decref(take_json);
    return ok;
}

static bool
check(const struct mark *mark, json_t *take_json, const uint8_t *signature,
      size_t signature_len, const char *what, const char *which,
      struct error *err)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    bool ok = json_canonical(take_json, &text, err) &&
              hsm_scheme_verify(hsm_scheme_default(mark->key->type),
                                mark->key->public_key, text.data, text.len,
                                signature, signature_len, err);

    if (!ok && err->code == ERROR_INPUT)
        (void)error_set(err, ERROR_DENIED,
                        "%s %s is not as the KMC recorded it", what, which);
    buf_clear(&text);
    json_decref(take_json);
    return ok;
}

static json_t *
key_json(const struct db_kmc_key *key)
{
    json_t *json = json_object();

    json_set_text(json, "record", "escrowed-key");
    json_set_text(json, "id", key->id);
    json_set_text(json, "key_type", key->key_type);
    json_set_bytes(json, "spki", key->spki, key->spki_len);
    json_set_bytes(json, "wrapped", key->wrapped, key->wrapped_len);
    json_set_bytes(json, "content_key", key->content_key, key->content_key_len);
    json_set_hex(json, "recovery_key", key->cka_id, key->cka_id_len);
    json_set_text(json, "ca", key->ca);
    json_set_text(json, "request_id", key->request_id);
    json_set_text(json, "holder", key->holder);
    json_set_hex(json, "transport_sha256", key->transport_sha256, 32);
    json_set_time(json, "made_at", key->made_at);
    return json;
}

bool
mark_key_set(const struct mark *mark, struct db_kmc_key *key, struct error *err)
{
    return set(mark, key_json(key), key->signature, &key->signature_len, err);
}

bool
mark_key_check(const struct mark *mark, const struct db_kmc_key *key,
               struct error *err)
{
    return check(mark, key_json(key), key->signature, key->signature_len,
                 "escrowed key", key->id, err);
}

static json_t *
recovery_key_json(const struct db_kmc_recovery_key *key)
{
    json_t *json = json_object();

    json_set_text(json, "record", "recovery-key");
    json_set_hex(json, "cka_id", key->cka_id, key->cka_id_len);
    json_set_bytes(json, "spki", key->spki, key->spki_len);
    json_set_time(json, "made_at", key->made_at);
    return json;
}

bool
mark_recovery_key_set(const struct mark *mark, struct db_kmc_recovery_key *key,
                      struct error *err)
{
    return set(mark, recovery_key_json(key), key->signature,
               &key->signature_len, err);
}

bool
mark_recovery_key_check(const struct mark *mark,
                        const struct db_kmc_recovery_key *key,
                        struct error *err)
{
    char id[2 * DB_KMC_CKA_ID_MAX + 1];

    text_hex(key->cka_id, key->cka_id_len, id);
    return check(mark, recovery_key_json(key), key->signature,
                 key->signature_len, "recovery key", id, err);
}

static json_t *
party_json(const struct db_kmc_party *party)
{
    json_t *json = json_object();

    json_set_text(json, "record", "party");
    json_set_text(json, "name", party->name);
    json_set_text(json, "role", party->role);
    json_set_bytes(json, "certificate", party->certificate,
                   party->certificate_len);
    json_set_int(json, "place", party->place);
    json_set_int(json, "needed", party->needed);
    json_set_bytes(json, "share", party->share, party->share_len);
    json_set_hex(json, "share_sha256", party->share_sha256, 32);
    json_set_time(json, "enrolled_at", party->enrolled_at);
    return json;
}

bool
mark_party_set(const struct mark *mark, struct db_kmc_party *party,
               struct error *err)
{
    return set(mark, party_json(party), party->signature, &party->signature_len,
               err);
}

bool
mark_party_check(const struct mark *mark, const struct db_kmc_party *party,
                 struct error *err)
{
    return check(mark, party_json(party), party->signature,
                 party->signature_len, "party", party->name, err);
}
