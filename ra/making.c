/* The maker's work: ra/making.h. */
#include "ra/making.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "db/case_history.h"
#include "ra/code.h"

enum { STATEMENT_MAX = 1024, SEALED_MAX = 256 };

/* ---- What the case has -----------------------------------------------------
 */

struct signed_search {
    const struct making_device *device;
    char hex[65];
    bool is_signed;
};

static bool
signed_each(const struct db_result *row, void *arg, struct error *err)
{
    struct signed_search *search = arg;
    struct db_decided decided;
    json_t *decision = NULL;
    json_t *device = NULL;
    const char *serial;
    const char *spki;
    bool ok = false;

    if (!db_decided_read(row, 0, &decided, err))
        return false;
    if (strcmp(decided.step, "making") != 0 ||
        strcmp(decided.verdict, "approve") != 0)
        return true;
    if (!json_parse_object(decided.decision, decided.decision_len, &decision,
                           err) ||
        !json_get_object(decision, "device", &device, err) ||
        !json_get_text(device, "serial", DB_DEVICE_SERIAL_MAX, &serial, err) ||
        !json_get_text(device, "spki_sha256", 64, &spki, err))
        goto out;
    search->is_signed = strcmp(serial, search->device->serial) == 0 &&
                        strcmp(spki, search->hex) == 0;
    ok = true;
out:
    json_decref(decision);
    return ok;
}

bool
making_device(struct db *db, const struct db_case *row,
              struct making_device *out, struct error *err)
{
    struct db_device device = {0};
    struct signed_search search = {.device = out};
    bool ok = false;

    memset(out, 0, sizeof *out);
    if (row->device == NULL)
        return true;
    if (!db_device_get(db, row->device, false, &device, err))
        return false;
    /* The device that is plugged in when a case begins is not made for it. */
    if (device.number == NULL || strcmp(device.number, row->number) != 0) {
        ok = true;
        goto out;
    }
    if (!device_state_of(&device, &out->state, err))
        goto out;
    (void)snprintf(out->serial, sizeof out->serial, "%s", device.serial);
    out->has_key = device.spki != NULL;
    if (out->has_key &&
        !hash_sha256(device.spki, device.spki_len, out->spki_sha256, err))
        goto out;
    text_hex(out->spki_sha256, sizeof out->spki_sha256, search.hex);
    if (!db_decided_list(db, row->number, row->revision, true, signed_each,
                         &search, err))
        goto out;
    out->is_signed = out->has_key && search.is_signed;
    ok = true;
out:
    db_device_clear(&device);
    return ok;
}

bool
making_state_check(const struct business *business, const struct db_case *row,
                   struct error *err)
{
    enum case_business kind;
    enum case_state state;
    const struct definition *definition;
    bool is_time;

    if (!case_business_find(row->business, &kind) ||
        !case_state_find(row->state, &state))
        return error_set(err, ERROR_INTERNAL, "case %s is %s", row->number,
                         row->state);
    definition = definition_get(business->definitions, kind);
    if (!definition->sends_device)
        return error_set(err, ERROR_CONFLICT,
                         "no device is sent for business %s", row->business);
    is_time = state == CASE_ACTIVATION_ALLOWED ||
              (!definition->sends_after_second &&
               (state == CASE_AWAITING_ORIGINALS ||
                state == CASE_SECOND_REVIEW || state == CASE_SUPPLEMENT));
    return is_time ||
           error_set(err, ERROR_CONFLICT,
                     "a device is made after the %s review; this "
                     "case is %s",
                     definition->sends_after_second ? "second" : "first",
                     row->state);
}

/* ---- Allocation ------------------------------------------------------------
 */

struct allocate_run {
    const struct business *business;
    const char *number;
    const char *serial;
    const char *officer_id;
    int64_t at;
};

/* Makes room: what was only allocated goes back into stock. */
static bool
give_up_present(struct db *db, const struct allocate_run *run,
                const struct db_case *row, bool *is_own, struct error *err)
{
    struct making_device present;
    struct device_act act = {.to = DEVICE_IN_STOCK,
                             .who = DEVICE_BY_MAKER,
                             .actor = run->officer_id,
                             .at = run->at};

    *is_own = false;
    if (!making_device(db, row, &present, err))
        return false;
    /* What a change brought back is for it already. */
    if (strcmp(present.serial, run->serial) == 0 &&
        present.state == DEVICE_RETURNED) {
        *is_own = true;
        return true;
    }
    if (present.serial[0] == '\0' || present.state == DEVICE_LOST ||
        present.state == DEVICE_DESTROYED || present.state == DEVICE_RETURNED)
        return true;
    if (strcmp(present.serial, run->serial) == 0 ||
        present.state != DEVICE_ALLOCATED)
        return error_set(err, ERROR_CONFLICT,
                         "this case has device %s, which is %s", present.serial,
                         device_state_name(present.state));
    act.serial = present.serial;
    return device_move(db, &act, err);
}

static bool
note_device(struct db *db, const struct db_case *row, const char *event,
            const char *actor, const char *serial, int64_t at,
            struct error *err)
{
    json_t *detail = json_object();
    bool ok;

    json_set_text(detail, "device", serial);
    ok = case_note(db, row, event, actor, detail, at, err);
    json_decref(detail);
    return ok;
}

static bool
allocate_run(struct db *db, void *arg, struct error *err)
{
    struct allocate_run *run = arg;
    struct db_case row = {0};
    struct device_act act = {.serial = run->serial,
                             .to = DEVICE_ALLOCATED,
                             .who = DEVICE_BY_MAKER,
                             .actor = run->officer_id,
                             .number = run->number,
                             .at = run->at};
    bool is_own = false;
    bool ok = false;

    if (!db_case_get(db, run->number, true, &row, err))
        return false;
    act.account = row.account;
    ok = making_state_check(run->business, &row, err) &&
         give_up_present(db, run, &row, &is_own, err);
    if (ok && !is_own)
        ok = device_move(db, &act, err) &&
             db_case_device(db, run->number, run->serial, err) &&
             note_device(db, &row, "device-allocated", run->officer_id,
                         run->serial, run->at, err);
    db_case_clear(&row);
    return ok;
}

bool
making_allocate(const struct business *business, struct db *db,
                const char *number, const char *serial, const char *officer_id,
                int64_t at, struct error *err)
{
    struct allocate_run run = {business, number, serial, officer_id, at};

    return device_serial_check(serial, err) &&
           db_transaction(db, allocate_run, &run, err);
}

/* ---- Administrator PINs ----------------------------------------------------
 */

bool
making_pin_draw(char pin[MAKING_PIN_LEN + 1], struct error *err)
{
    return code_letters_draw(MAKING_PIN_LEN, pin, err);
}

static void
pin_purpose(const char *serial, const char *place, char out[VAULT_PURPOSE_MAX])
{
    (void)snprintf(out, VAULT_PURPOSE_MAX, "device/%s/%s", serial, place);
}

bool
making_pin_seal(const struct vault *vault, const char *serial,
                const char *place, const char *pin, struct buf *out,
                struct error *err)
{
    char purpose[VAULT_PURPOSE_MAX];

    pin_purpose(serial, place, purpose);
    return vault_seal(vault, purpose, (const uint8_t *)pin, strlen(pin), out,
                      err);
}

bool
making_pin_open(const struct vault *vault, const char *serial,
                const char *place, const uint8_t *sealed, size_t len,
                char pin[MAKING_PIN_LEN + 1], struct error *err)
{
    char purpose[VAULT_PURPOSE_MAX];
    struct buf clear = BUF_INIT(SEALED_MAX);
    bool ok;

    pin_purpose(serial, place, purpose);
    ok = vault_open(vault, purpose, sealed, len, &clear, err);
    if (ok && clear.len != MAKING_PIN_LEN)
        ok = error_set(err, ERROR_INTERNAL, "administrator PIN of %s", serial);
    if (ok)
        memcpy(pin, buf_text(&clear), MAKING_PIN_LEN + 1);
    buf_cleanse(&clear);
    return ok;
}

/* ---- Personalisation -------------------------------------------------------
 */

/* One public key in DER, encoded in the one way and with nothing behind it. The
 * caller frees *out. */
static bool
key_parse(const char *name, const uint8_t *spki, size_t len, EVP_PKEY **out,
          struct error *err)
{
    const unsigned char *p = spki;
    EVP_PKEY *key =
        len > MAKING_SPKI_MAX ? NULL : d2i_PUBKEY(NULL, &p, (long)len);
    unsigned char *again = NULL;
    bool ok = key != NULL && p == spki + len &&
              i2d_PUBKEY(key, &again) == (int)len &&
              memcmp(again, spki, len) == 0;

    OPENSSL_free(again);
    if (ok) {
        *out = key;
        return true;
    }
    EVP_PKEY_free(key);
    return error_openssl(err, ERROR_INPUT, "%s: no public key in DER", name);
}

static bool
is_rsa(const EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= 2048 &&
           EVP_PKEY_get_bits(key) <= 4096;
}

/* The own key: one that our devices may have. */
static bool
spki_check(const uint8_t *spki, size_t len, struct error *err)
{
    EVP_PKEY *key = NULL;
    bool ok;

    if (!key_parse("spki", spki, len, &key, err))
        return false;
    ok = EVP_PKEY_is_a(key, "ED25519") ||
         (EVP_PKEY_is_a(key, "EC") &&
          (EVP_PKEY_get_bits(key) == 256 || EVP_PKEY_get_bits(key) == 384)) ||
         is_rsa(key) ||
         error_set(err, ERROR_INPUT,
                   "spki: EC with 256 or 384 bits, RSA with 2048 to 4096, or "
                   "Ed25519, in DER");
    EVP_PKEY_free(key);
    return ok;
}

/* The transport key: an RSA key of its own, since the own key signs without
 * login and this one opens after it alone; vouched for by the own key. */
static bool
transport_check(const struct making_request *request, struct error *err)
{
    struct buf statement = BUF_INIT(STATEMENT_MAX);
    EVP_PKEY *key = NULL;
    bool ok = false;

    if (!key_parse("transport", request->transport, request->transport_len,
                   &key, err))
        goto out;
    if (!is_rsa(key)) {
        error_set(err, ERROR_INPUT, "transport: RSA with 2048 to 4096 bits");
        goto out;
    }
    if (request->transport_len == request->spki_len &&
        memcmp(request->transport, request->spki, request->spki_len) == 0) {
        error_set(err, ERROR_INPUT,
                  "transport: another key than the device's own");
        goto out;
    }
    ok = api_transport_encode(request->serial, request->transport,
                              request->transport_len, &statement, err) &&
         (device_verify(request->spki, request->spki_len, statement.data,
                        statement.len, request->transport_signature,
                        request->transport_signature_len, err) ||
          error_wrap(err, "transport_signature"));
out:
    EVP_PKEY_free(key);
    buf_clear(&statement);
    return ok;
}

static bool
proof_check(const struct making_request *request, const char *number,
            struct error *err)
{
    struct buf statement = BUF_INIT(STATEMENT_MAX);
    json_t *json = json_object();
    uint8_t hash[32];
    bool ok = false;

    if (!hash_sha256(request->spki, request->spki_len, hash, err))
        goto out;
    json_set_text(json, "device", request->serial);
    json_set_text(json, "number", number);
    json_set_hex(json, "spki_sha256", hash, sizeof hash);
    if (!json_canonical(json, &statement, err))
        goto out;
    ok = device_verify(request->spki, request->spki_len, statement.data,
                       statement.len, request->proof, request->proof_len, err);
out:
    buf_clear(&statement);
    json_decref(json);
    return ok;
}

struct personalise_run {
    const struct business *business;
    const struct making_request *request;
    const char *number;
    const char *pin; /* drawn for the first time */
    char given[MAKING_PIN_LEN + 1];
};

static bool
is_same(const uint8_t *stored, size_t stored_len, const uint8_t *given,
        size_t given_len)
{
    return stored != NULL && stored_len == given_len &&
           memcmp(stored, given, given_len) == 0;
}

/* Once more with the same keys, before it went out: a station that stopped in
 * between gets the same PIN. The first signature over the transport key is as
 * good as this one, and stays. */
static bool
personalise_again(struct db *db, const struct personalise_run *run,
                  const struct db_case *row, const struct db_device *device,
                  char pin[MAKING_PIN_LEN + 1], struct error *err)
{
    const struct making_request *request = run->request;

    if (!is_same(device->spki, device->spki_len, request->spki,
                 request->spki_len) ||
        device->admin_sealed == NULL)
        return error_set(err, ERROR_CONFLICT,
                         "device %s is %s with another key", device->serial,
                         device->state);
    if (!is_same(device->transport, device->transport_len, request->transport,
                 request->transport_len))
        return error_set(err, ERROR_CONFLICT,
                         "device %s is %s with another transport key",
                         device->serial, device->state);
    return making_pin_open(run->business->vault, device->serial, "admin",
                           device->admin_sealed, device->admin_sealed_len, pin,
                           err) &&
           note_device(db, row, "administrator-pin-shown", request->officer_id,
                       device->serial, request->at, err);
}

static bool
personalise_first(struct db *db, struct personalise_run *run,
                  const struct db_case *row, enum device_state from,
                  struct error *err)
{
    const struct making_request *request = run->request;
    struct buf sealed = BUF_INIT(SEALED_MAX);
    struct db_device made = {
        .serial = request->serial,
        .spki = request->spki,
        .spki_len = request->spki_len,
        .transport = request->transport,
        .transport_len = request->transport_len,
        .transport_signature = request->transport_signature,
        .transport_signature_len = request->transport_signature_len};
    struct device_act act = {
        .serial = request->serial,
        .to = from == DEVICE_RETURNED ? DEVICE_REWRITTEN : DEVICE_PERSONALISED,
        .who = DEVICE_BY_MAKER,
        .actor = request->officer_id,
        .at = request->at};
    bool ok = false;

    if (!making_pin_seal(run->business->vault, request->serial, "admin",
                         run->pin, &sealed, err))
        goto out;
    made.admin_sealed = sealed.data;
    made.admin_sealed_len = sealed.len;
    /* The key first: a personalised device has one (CHECK). */
    ok = db_device_personalise(db, &made, err) && device_move(db, &act, err) &&
         note_device(db, row, "device-personalised", request->officer_id,
                     request->serial, request->at, err);
    if (ok)
        memcpy(run->given, run->pin, sizeof run->given);
out:
    buf_clear(&sealed);
    return ok;
}

static bool
personalise_run(struct db *db, void *arg, struct error *err)
{
    struct personalise_run *run = arg;
    struct db_case row = {0};
    struct db_device device = {0};
    enum device_state state;
    bool ok = false;

    if (!db_case_get(db, run->number, true, &row, err) ||
        !db_device_get(db, run->request->serial, true, &device, err))
        goto out;
    if (device.number == NULL || strcmp(device.number, run->number) != 0 ||
        row.device == NULL || strcmp(row.device, device.serial) != 0) {
        error_set(err, ERROR_CONFLICT, "device %s is not for case %s",
                  device.serial, run->number);
        goto out;
    }
    if (!making_state_check(run->business, &row, err) ||
        !device_state_of(&device, &state, err))
        goto out;
    if (state == DEVICE_PERSONALISED || state == DEVICE_REWRITTEN)
        ok = personalise_again(db, run, &row, &device, run->given, err);
    else
        ok = personalise_first(db, run, &row, state, err);
out:
    db_device_clear(&device);
    db_case_clear(&row);
    return ok;
}

/* The case that a device is for. */
static bool
number_of(struct db *db, const char *serial,
          char number[DB_CASE_NUMBER_MAX + 1], struct error *err)
{
    struct db_device device = {0};
    bool ok = false;

    if (!db_device_get(db, serial, false, &device, err))
        return false;
    if (device.number == NULL)
        error_set(err, ERROR_CONFLICT, "device %s is for no case yet", serial);
    else if (strlen(device.number) > DB_CASE_NUMBER_MAX)
        error_set(err, ERROR_INTERNAL, "case number too long");
    else {
        memcpy(number, device.number, strlen(device.number) + 1);
        ok = true;
    }
    db_device_clear(&device);
    return ok;
}

bool
making_personalise(const struct business *business, struct db *db,
                   const struct making_request *request,
                   char pin[MAKING_PIN_LEN + 1], struct error *err)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    char drawn[MAKING_PIN_LEN + 1];
    struct personalise_run run = {.business = business,
                                  .request = request,
                                  .number = number,
                                  .pin = drawn};
    bool ok = device_serial_check(request->serial, err) &&
              spki_check(request->spki, request->spki_len, err) &&
              number_of(db, request->serial, number, err) &&
              proof_check(request, number, err) &&
              transport_check(request, err) && making_pin_draw(drawn, err) &&
              db_transaction(db, personalise_run, &run, err);

    if (ok)
        memcpy(pin, run.given, sizeof run.given);
    OPENSSL_cleanse(drawn, sizeof drawn);
    OPENSSL_cleanse(run.given, sizeof run.given);
    return ok;
}
