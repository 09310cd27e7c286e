/* Messages: the order between JSON and struct, decisions, answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca-core/api.h"

static const char issue[] =
    "{\"order_id\":\"5a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c\","
    "\"kind\":\"issue\",\"created_at\":\"2026-11-24T09:00:00Z\","
    "\"applicant\":{\"account\":\"a\",\"person\":\"p\"},"
    "\"profile\":\"tls-server\",\"subject\":{\"country\":\"CN\","
    "\"common_name\":\"示范\"},\"san\":[{\"type\":\"dns\",\"value\":\"a.cn\"}],"
    "\"csr\":\"MAA=\",\"validity\":{\"rule\":\"days\",\"days\":90}}";
static const char renew[] =
    "{\"order_id\":\"5a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c\","
    "\"kind\":\"renew\",\"created_at\":\"2026-11-24T09:00:00Z\","
    "\"applicant\":{\"account\":\"a\",\"person\":\"p\"},"
    "\"profile\":\"officer\",\"issuer\":\"issuing-1\",\"csr\":\"MAA=\","
    "\"validity\":{\"rule\":\"extend\",\"years\":2},"
    "\"predecessor\":{\"issuer\":\"issuing-1\","
    "\"serial\":\"0123456789abcdef0123456789abcdef\"},"
    "\"predecessor_fate\":{\"action\":\"revoke\",\"reason\":\"superseded\"}}";
static const char revoke[] =
    "{\"order_id\":\"5a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c\","
    "\"kind\":\"revoke\",\"created_at\":\"2026-11-24T09:00:00Z\","
    "\"applicant\":{\"account\":\"a\",\"person\":\"p\"},"
    "\"target\":{\"certificates\":[{\"issuer\":\"issuing-1\","
    "\"serial\":\"0123456789abcdef0123456789abcdef\"}]},"
    "\"reason\":\"keyCompromise\","
    "\"invalidity_date\":\"2026-11-01T00:00:00Z\"}";
static const char enroll[] =
    "{\"order_id\":\"5a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c\","
    "\"kind\":\"enroll-officer\",\"created_at\":\"2026-11-24T09:00:00Z\","
    "\"officer\":{\"officer_id\":\"6a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c\","
    "\"name\":\"n\",\"person\":\"q\",\"roles\":[\"maker\",\"auditor\"],"
    "\"credential\":{\"kind\":\"x509\",\"certificate\":\"MAA=\"}}}";
static const char dismiss[] =
    "{\"order_id\":\"5a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c\","
    "\"kind\":\"dismiss-officer\",\"created_at\":\"2026-11-24T09:00:00Z\","
    "\"officer_id\":\"6a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c\"}";

static const char activation[] =
    "{\"order_id\":\"5a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c\","
    "\"kind\":\"change\",\"created_at\":\"2026-11-24T09:00:00Z\","
    "\"applicant\":{\"account\":\"a\",\"person\":\"p\"},"
    "\"profile\":\"organisation-signing\",\"subject\":{\"common_name\":"
    "\"示范\"},\"activation\":{\"until\":\"2027-02-24T09:00:00Z\"},"
    "\"validity\":{\"rule\":\"keep\"},"
    "\"predecessor\":{\"issuer\":\"issuing-1\","
    "\"serial\":\"0123456789abcdef0123456789abcdef\"},"
    "\"predecessor_fate\":{\"action\":\"none\"}}";
static const char hold[] =
    "{\"order_id\":\"7a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c\","
    "\"kind\":\"hold\",\"created_at\":\"2026-11-24T09:00:00Z\","
    "\"applicant\":{\"account\":\"a\",\"person\":\"p\"},"
    "\"target\":{\"certificates\":[{\"issuer\":\"issuing-1\","
    "\"serial\":\"0123456789abcdef0123456789abcdef\"}]},\"pending\":"
    "{\"order_id\":\"5a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c\","
    "\"kind\":\"revoke\",\"created_at\":\"2026-11-24T09:00:00Z\","
    "\"applicant\":{\"account\":\"a\",\"person\":\"q\"},"
    "\"target\":{\"certificates\":[{\"issuer\":\"issuing-1\","
    "\"serial\":\"0123456789abcdef0123456789abcdef\"}]},"
    "\"reason\":\"superseded\"}}";
static const char credential[] =
    "{\"order_id\":\"5a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c\","
    "\"kind\":\"enroll-credential\",\"created_at\":\"2026-11-24T09:00:00Z\","
    "\"officer_id\":\"6a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c\","
    "\"credential\":{\"kind\":\"passkey\",\"public_key\":\"MAA=\","
    "\"raw_id\":\"AQID\",\"rp_id\":\"ra.example\","
    "\"origin\":\"https://ra.example\"}}";

/* Pairs. */
static const char pair[] =
    "{\"order_id\":\"5a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c\","
    "\"kind\":\"issue\",\"created_at\":\"2026-11-24T09:00:00Z\","
    "\"applicant\":{\"account\":\"a\",\"person\":\"p\"},"
    "\"profile\":\"organisation-signing\",\"subject\":{\"common_name\":"
    "\"示范\"},\"activation\":{\"until\":\"2027-02-24T09:00:00Z\"},"
    "\"validity\":{\"rule\":\"years\",\"years\":1},"
    "\"encryption\":{\"profile\":\"organisation-encryption\","
    "\"key_type\":\"rsa-2048\",\"old_keys\":{\"document\":\"N2026-1\"}}}";
static const char renew_pair[] =
    "{\"order_id\":\"5a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c\","
    "\"kind\":\"renew\",\"created_at\":\"2026-11-24T09:00:00Z\","
    "\"applicant\":{\"account\":\"a\",\"person\":\"p\"},"
    "\"profile\":\"organisation-signing\",\"csr\":\"MAA=\","
    "\"validity\":{\"rule\":\"extend\",\"years\":2},"
    "\"encryption\":{\"profile\":\"organisation-encryption\","
    "\"key_type\":\"ec-p256\",\"transport\":\"MAE=\"},"
    "\"predecessor\":{\"issuer\":\"issuing-1\","
    "\"serial\":\"0123456789abcdef0123456789abcdef\"},"
    "\"predecessor_fate\":{\"action\":\"none\"}}";
static const char recover[] =
    "{\"order_id\":\"9a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c\","
    "\"kind\":\"recover\",\"created_at\":\"2026-11-24T09:00:00Z\","
    "\"applicant\":{\"account\":\"a\",\"person\":\"p\"},"
    "\"carrier\":{\"serial\":\"UK-0001\",\"spki\":\"MAA=\","
    "\"transport\":\"MAE=\",\"transport_signature\":\"AQID\"},"
    "\"document\":\"K2026-1\"}";

static json_t *
load(const char *text)
{
    json_t *json = NULL;
    struct error err = {0};

    if (!json_parse_object((const uint8_t *)text, strlen(text), &json, &err))
        fail_msg("%s", err.what);
    return json;
}

static void
order_parsed_and_encoded_again_is_the_same(void **state)
{
    const char *const all[] = {issue,   renew,      revoke, enroll,
                               dismiss, activation, hold,   credential,
                               pair,    renew_pair, recover};

    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        json_t *json = load(all[i]), *again;
        struct api_order *order;
        struct error err = {0};

        if (!api_order_parse(json, &order, &err))
            fail_msg("%s", err.what);
        again = api_order_json(order);
        assert_true(json_equal(json, again));
        json_decref(again);
        api_order_free(order);
        json_decref(json);
    }
}

static void
order_fields_are_read(void **state)
{
    json_t *json = load(renew);
    struct api_order *order;
    struct error err = {0};

    (void)state;
    assert_true(api_order_parse(json, &order, &err));
    json_decref(json); /* the order holds on to it */
    assert_int_equal(order->kind, API_RENEW);
    assert_int_equal(order->validity.rule, API_VALIDITY_EXTEND);
    assert_int_equal(order->validity.amount, 2);
    assert_int_equal(order->predecessor.serial[1], 0x23);
    assert_int_equal(order->fate.action, API_FATE_REVOKE);
    assert_int_equal(order->fate.reason, API_REASON_SUPERSEDED);
    assert_int_equal(order->csr_len, 2);
    api_order_free(order);
}

static void
refuse(const char *text, const char *member, json_t *take_value)
{
    json_t *json = load(text);
    struct api_order *order = NULL;
    struct error err = {0};

    if (take_value == NULL)
        json_object_del(json, member);
    else
        json_object_set_new(json, member, take_value);
    if (api_order_parse(json, &order, &err))
        fail_msg("accepted with another %s", member);
    assert_int_equal(err.code, ERROR_INPUT);
    assert_null(order);
    json_decref(json);
}

static void
missing_members_are_refused(void **state)
{
    static const char *const needed[] = {"order_id",  "kind",    "created_at",
                                         "applicant", "profile", "subject",
                                         "csr",       "validity"};

    (void)state;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        refuse(issue, needed[i], NULL);
    refuse(renew, "predecessor", NULL);
    refuse(renew, "predecessor_fate", NULL);
    refuse(revoke, "target", NULL);
    refuse(revoke, "reason", NULL);
    refuse(enroll, "officer", NULL);
    refuse(dismiss, "officer_id", NULL);
}

static void
unknown_members_and_those_of_another_kind_are_refused(void **state)
{
    (void)state;
    refuse(issue, "extra", json_integer(1));
    refuse(issue, "predecessor", json_object());
    refuse(issue, "target", json_object());
    refuse(renew, "subject", json_object());
    refuse(revoke, "csr", json_string("MAA="));
    refuse(dismiss, "applicant", json_object());
}

static void
malformed_values_are_refused(void **state)
{
    (void)state;
    refuse(issue, "order_id",
           json_string("5A0C9A3E-7A4E-4C3B-9D3A-0D7F5F0A1B2C"));
    refuse(issue, "order_id", json_integer(7));
    refuse(issue, "kind", json_string("reset"));
    refuse(issue, "created_at", json_string("2026-11-24 09:00:00"));
    refuse(issue, "csr", json_string("not base64"));
    refuse(issue, "san", json_object());
    refuse(issue, "san", json_pack("[s]", "a.cn"));
    refuse(issue, "san",
           json_pack("[{s:s,s:s}]", "type", "x400", "value", "a"));
    refuse(issue, "subject", json_pack("{s:s}", "nickname", "a"));
    refuse(issue, "validity",
           json_pack("{s:s,s:i}", "rule", "days", "days", 0));
    refuse(issue, "validity",
           json_pack("{s:s,s:i}", "rule", "keep", "years", 1));
    refuse(renew, "predecessor_fate",
           json_pack("{s:s,s:s}", "action", "hold", "reason", "superseded"));
    refuse(renew, "predecessor_fate", json_pack("{s:s}", "action", "revoke"));
    refuse(revoke, "reason", json_string("certificateHold"));
    refuse(revoke, "target", json_pack("{s:[]}", "certificates"));
    refuse(revoke, "target",
           json_pack("{s:[{s:s,s:s}]}", "certificates", "issuer", "i", "serial",
                     "0123456789ABCDEF0123456789ABCDEF"));
    refuse(revoke, "target",
           json_pack("{s:[{s:s,s:s},{s:s,s:s}]}", "certificates", "issuer", "i",
                     "serial", "0123456789abcdef0123456789abcdef", "issuer",
                     "i", "serial", "0123456789abcdef0123456789abcdef"));
}

static json_t *
encryption(const char *profile, const char *key_type)
{
    return json_pack("{s:s,s:s}", "profile", profile, "key_type", key_type);
}

static json_t *
with(json_t *take_object, const char *name, json_t *take_value)
{
    json_object_set_new(take_object, name, take_value);
    return take_object;
}

static void
pair_has_its_transport_key_when_its_request_is_there(void **state)
{
    json_t *json = load(renew_pair);
    struct api_order *order;
    struct error err = {0};

    (void)state;
    assert_true(api_order_parse(json, &order, &err));
    assert_string_equal(order->encryption.profile, "organisation-encryption");
    assert_int_equal(order->encryption.key_type, HSM_KEY_EC_P256);
    assert_memory_equal(order->encryption.transport, "\x30\x01", 2);
    assert_int_equal(order->encryption.transport_len, 2);
    assert_null(order->encryption.old_keys);
    api_order_free(order);
    json_decref(json);
    refuse(renew_pair, "encryption", encryption("e", "rsa-2048"));
    refuse(renew_pair, "encryption",
           with(encryption("e", "rsa-2048"), "transport", json_string("")));
    refuse(renew_pair, "encryption",
           with(encryption("e", "rsa-2048"), "transport", json_null()));
    refuse(pair, "encryption",
           with(encryption("e", "rsa-2048"), "transport", json_string("MAE=")));
}

static void
pair_is_of_a_key_that_the_centre_makes(void **state)
{
    (void)state;
    refuse(pair, "encryption", encryption("e", "rsa-4096"));
    refuse(pair, "encryption", encryption("e", "ec-p384"));
    refuse(pair, "encryption", encryption("e", "ed25519"));
    refuse(pair, "encryption", encryption("e", "sm2"));
    refuse(pair, "encryption", json_pack("{s:s}", "profile", "e"));
    refuse(pair, "encryption", json_pack("{s:s}", "key_type", "rsa-2048"));
    refuse(pair, "encryption", json_string("rsa-2048"));
    refuse(pair, "encryption",
           with(encryption("e", "rsa-2048"), "key", json_string("MAE=")));
    /* A rekey changes the signing key alone; nothing else makes a pair. */
    refuse(revoke, "encryption", encryption("e", "rsa-2048"));
    refuse(recover, "encryption", encryption("e", "rsa-2048"));
}

static void
old_keys_are_asked_for_by_a_document_and_with_activation(void **state)
{
    json_t *asked = json_pack("{s:s}", "document", "N2026-1");
    char *number = base_alloc(API_DOCUMENT_MAX + 2);

    (void)state;
    refuse(pair, "encryption",
           with(encryption("e", "rsa-2048"), "old_keys", json_true()));
    refuse(pair, "encryption",
           with(encryption("e", "rsa-2048"), "old_keys", json_object()));
    refuse(pair, "encryption",
           with(encryption("e", "rsa-2048"), "old_keys",
                json_pack("{s:s}", "document", "")));
    memset(number, 'N', API_DOCUMENT_MAX + 1);
    refuse(pair, "encryption",
           with(encryption("e", "rsa-2048"), "old_keys",
                json_pack("{s:s}", "document", number)));
    refuse(pair, "encryption",
           with(encryption("e", "rsa-2048"), "old_keys",
                json_pack("{s:s,s:s}", "document", "N", "keys", "all")));
    refuse(renew_pair, "encryption",
           with(with(encryption("e", "rsa-2048"), "transport",
                     json_string("MAE=")),
                "old_keys", asked));
    free(number);
}

static void
recovery_is_by_a_document_or_for_an_order_that_asked(void **state)
{
    json_t *json = load(recover), *again;
    struct api_order *order;
    struct error err = {0};

    (void)state;
    refuse(recover, "document", NULL);
    refuse(recover, "document", json_string(""));
    refuse(recover, "pending", load(pair)); /* both */
    refuse(issue, "document", json_string("K2026-1"));
    json_object_del(json, "document");
    json_object_set_new(json, "pending", load(pair));
    if (!api_order_parse(json, &order, &err))
        fail_msg("%s", err.what);
    assert_string_equal(order->pending->encryption.old_keys, "N2026-1");
    assert_null(order->document);
    again = api_order_json(order);
    assert_true(json_equal(json, again));
    json_decref(again);
    api_order_free(order);
    json_decref(json);
}

static void
recovery_is_for_no_order_of_others_or_that_did_not_ask(void **state)
{
    static const char *const members[] = {"applicant", "encryption",
                                          "order_id"};
    json_t *json = load(recover), *pending;
    struct api_order *order = NULL;
    struct error err = {0};

    (void)state;
    json_object_del(json, "document");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        pending = load(pair);
        json_object_set_new(
            pending, members[i],
            i == 0   ? json_pack("{s:s,s:s}", "account", "b", "person", "p")
            : i == 1 ? encryption("organisation-encryption", "rsa-2048")
                     : json_string("9a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c"));
        json_object_set_new(json, "pending", pending);
        assert_false(api_order_parse(json, &order, &err));
        assert_int_equal(err.code, ERROR_INPUT);
        assert_null(order);
    }
    json_object_set_new(json, "pending", load(renew_pair));
    assert_false(api_order_parse(json, &order, &err));
    json_object_set_new(json, "pending", load(revoke));
    assert_false(api_order_parse(json, &order, &err));
    json_decref(json);
    /* And nothing is held for an order that only asks for keys. */
    json = load(hold);
    json_object_set_new(json, "pending", load(recover));
    assert_false(api_order_parse(json, &order, &err));
    json_decref(json);
}

static void
carrier_is_named_wholly(void **state)
{
    static const char *const members[] = {"serial", "spki", "transport",
                                          "transport_signature"};
    json_t *json = load(recover);
    struct api_order *order;
    struct error err = {0};

    (void)state;
    assert_true(api_order_parse(json, &order, &err));
    assert_string_equal(order->carrier.serial, "UK-0001");
    assert_memory_equal(order->carrier.spki, "\x30\x00", 2);
    assert_memory_equal(order->carrier.transport, "\x30\x01", 2);
    assert_int_equal(order->carrier.signature_len, 3);
    assert_memory_equal(order->carrier.signature, "\1\2\3", 3);
    api_order_free(order);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        json_t *carrier = json_deep_copy(json_object_get(json, "carrier"));

        json_object_del(carrier, members[i]);
        refuse(recover, "carrier", json_incref(carrier));
        if (i < 3) { /* an empty signature is none by the device's key */
            json_object_set_new(carrier, members[i], json_string(""));
            refuse(recover, "carrier", json_incref(carrier));
        }
        json_object_set_new(carrier, members[i], json_integer(1));
        refuse(recover, "carrier", carrier);
    }
    refuse(recover, "carrier",
           with(json_deep_copy(json_object_get(json, "carrier")), "serial",
                json_string("uk-1")));
    refuse(recover, "carrier",
           with(json_deep_copy(json_object_get(json, "carrier")), "pin",
                json_string("1234")));
    refuse(recover, "carrier", NULL);
    json_decref(json);
}

static void
transport_is_vouched_for_in_canonical_form(void **state)
{
    struct buf message = BUF_INIT(API_STATEMENT_MAX);
    struct error err = {0};

    (void)state;
    assert_true(api_transport_encode("UK-0001", (const uint8_t *)"abc", 3,
                                     &message, &err));
    assert_string_equal(
        buf_text(&message),
        "{\"device\":\"UK-0001\",\"transport_sha256\":\"ba7816bf8f01cfea4141"
        "40de5dae2223b00361a396177a9cb410ff61f20015ad\"}");
    buf_clear(&message);
}

static json_t *
completed(void)
{
    json_t *envelope = json_object();
    uint8_t octets[] = {0x30, 0};
    struct api_completion completion = {
        .serial = "UK-0001",
        .spki = octets,
        .spki_len = 2,
        .csr = octets,
        .csr_len = 2,
        .signature = {1},
        .signature_len = 1,
        .transport = octets,
        .transport_len = 2,
        .transport_signature = {7, 8},
        .transport_signature_len = 2,
    };

    json_object_set_new(envelope, "order", load(pair));
    api_completion_set(envelope, &completion);
    return envelope;
}

static void
completion_brings_transport_key_and_signature_together(void **state)
{
    static const char *const alone[] = {"transport", "transport_signature"};
    json_t *json = completed();
    struct api_envelope envelope;
    struct error err = {0};

    (void)state;
    if (!api_envelope_parse(json, &envelope, &err))
        fail_msg("%s", err.what);
    assert_int_equal(envelope.completion.transport_len, 2);
    assert_int_equal(envelope.completion.transport_signature_len, 2);
    assert_memory_equal(envelope.completion.transport_signature, "\7\10", 2);
    api_envelope_clear(&envelope);
    json_decref(json);
    for (size_t i = 0; i < 2; i++) {
        json = completed();
        json_object_del(json, alone[i]);
        assert_false(api_envelope_parse(json, &envelope, &err));
        assert_int_equal(err.code, ERROR_INPUT);
        api_envelope_clear(&envelope);
        json_decref(json);
    }
    json = completed(); /* a transport key comes with a device */
    json_object_del(json, "csr");
    json_object_del(json, "device");
    json_object_del(json, "device_signature");
    assert_false(api_envelope_parse(json, &envelope, &err));
    api_envelope_clear(&envelope);
    json_decref(json);
}

static void
digest_does_not_depend_on_the_order_of_members(void **state)
{
    json_t *json = load(issue), *turned = json_object();
    void *at;
    uint8_t a[32], b[32];
    struct error err = {0};
    const char *names[16];
    size_t n = 0;

    (void)state;
    for (at = json_object_iter(json); at != NULL;
         at = json_object_iter_next(json, at))
        names[n++] = json_object_iter_key(at);
    while (n-- > 0)
        json_object_set(turned, names[n], json_object_get(json, names[n]));
    assert_true(api_order_digest(json, a, &err));
    assert_true(api_order_digest(turned, b, &err));
    assert_memory_equal(a, b, 32);
    json_object_set_new(turned, "profile", json_string("tls-client"));
    assert_true(api_order_digest(turned, b, &err));
    assert_memory_not_equal(a, b, 32);
    json_decref(json);
    json_decref(turned);
}

static void
statement_is_canonical(void **state)
{
    struct api_decision decision = {
        .step = API_STEP_FIRST_REVIEW,
        .officer_id = "6a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c",
        .decided_at = 1795510800,
    };
    struct buf statement = BUF_INIT(4096);
    uint8_t digest[32] = {0xab};
    struct error err = {0};

    (void)state;
    assert_true(api_statement_encode(&decision,
                                     "5a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c",
                                     digest, &statement, &err));
    assert_string_equal(
        buf_text(&statement),
        "{\"decided_at\":\"2026-11-24T09:00:00Z\",\"digest\":\"ab000000000000"
        "00000000000000000000000000000000000000000000000000\",\"officer_id\":"
        "\"6a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c\",\"order_id\":\"5a0c9a3e-7a4e"
        "-4c3b-9d3a-0d7f5f0a1b2c\",\"step\":\"first-review\",\"verdict\":"
        "\"approve\"}");
    buf_clear(&statement);
}

static void
decision_other_than_an_approval_has_a_remark(void **state)
{
    struct api_decision decision = {.step = API_STEP_ENTRY,
                                    .officer_id =
                                        "6a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c",
                                    .signature_len = 3};
    struct api_decision back;
    struct error err = {0};
    json_t *json = api_decision_json(&decision);

    (void)state;
    assert_true(api_decision_parse(json, &back, &err));
    assert_memory_equal(back.officer_id, decision.officer_id, 37);
    assert_int_equal(back.signature_len, 3);
    json_object_set_new(json, "verdict", json_string("reject"));
    assert_false(api_decision_parse(json, &back, &err));
    json_object_set_new(json, "remark", json_string("印章不清"));
    assert_true(api_decision_parse(json, &back, &err));
    assert_int_equal(back.verdict, API_REJECT);
    assert_string_equal(back.remark, "印章不清");
    json_object_del(json, "remark");
    json_object_set_new(json, "verdict", json_string("approve"));
    json_object_set_new(json, "step", json_string("third-review"));
    assert_false(api_decision_parse(json, &back, &err));
    json_decref(json);
}

static void
credential_has_the_members_of_its_kind(void **state)
{
    static const struct {
        const char *from, *to;
    } rows[] = {
        {"\"kind\":\"passkey\"", "\"kind\":\"x509\""},
        {"\"kind\":\"passkey\"", "\"kind\":\"password\""},
        {"\"raw_id\":\"AQID\"", "\"raw_id\":\"\""},
        {"\"raw_id\":\"AQID\"", "\"id\":\"AQID\""},
        {"\"public_key\":\"MAA=\"", "\"certificate\":\"MAA=\""},
        {",\"origin\":\"https://ra.example\"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *at = strstr(credential, rows[i].from);
        struct buf text = BUF_INIT(4096);
        struct api_order *order = NULL;
        struct error err = {0};
        json_t *json;

        buf_addf(&text, "%.*s%s%s", (int)(at - credential), credential,
                 rows[i].to, at + strlen(rows[i].from));
        json = load(buf_text(&text));
        assert_false(api_order_parse(json, &order, &err));
        assert_int_equal(err.code, ERROR_INPUT);
        json_decref(json);
        buf_clear(&text);
    }
}

static void
decision_is_sent_and_read_with_all_its_members(void **state)
{
    struct api_decision making = {
        .step = API_STEP_MAKING,
        .officer_id = "6a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c",
        .decided_at = 1790000000,
        .device = {.serial = "UK-0001", .spki_sha256 = {1, 2, 3}},
        .signature_len = 8,
        .authenticator_data_len = 37,
        .client_data_len = 20};
    struct api_decision back;
    struct error err = {0};
    json_t *json = api_decision_json(&making);

    (void)state;
    assert_true(api_decision_parse(json, &back, &err));
    assert_memory_equal(&making, &back, sizeof back);
    json_object_del(json, "client_data");
    assert_false(api_decision_parse(json, &back, &err));
    json_set_text(json, "client_data", "");
    assert_false(api_decision_parse(json, &back, &err));
    json_set_text(json, "client_data", "e30=");
    assert_true(api_decision_parse(json, &back, &err));
    /* A device belongs to making, and making to a device. */
    json_set_text(json, "step", "first-review");
    assert_false(api_decision_parse(json, &back, &err));
    json_set_text(json, "step", "making");
    json_object_del(json, "device");
    assert_false(api_decision_parse(json, &back, &err));
    json_decref(json);
}

static void
statement_has_device_and_remark_and_no_officer_of_a_holder(void **state)
{
    struct api_decision decision = {.step = API_STEP_MAKING,
                                    .verdict = API_RETURN,
                                    .remark = "印章不清",
                                    .device = {.serial = "UK-0001"}};
    const uint8_t digest[32] = {0};
    struct buf text = BUF_INIT(API_STATEMENT_MAX);
    struct error err = {0};

    (void)state;
    assert_true(api_statement_encode(&decision, "o", digest, &text, &err));
    assert_non_null(strstr(buf_text(&text), "\"remark\":\"印章不清\""));
    assert_non_null(
        strstr(buf_text(&text), "\"device\":{\"serial\":\"UK-0001\","));
    assert_non_null(strstr(buf_text(&text), "\"verdict\":\"return\""));
    buf_reset(&text);
    decision = (struct api_decision){.step = API_STEP_HOLDER};
    assert_true(api_statement_encode(&decision, "o", digest, &text, &err));
    assert_null(strstr(buf_text(&text), "officer_id"));
    assert_null(strstr(buf_text(&text), "device"));
    buf_clear(&text);
}

static void
serial_of_a_device_is_short_and_plain(void **state)
{
    (void)state;
    assert_true(api_device_serial_is("UK-0001"));
    assert_true(api_device_serial_is("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"));
    assert_false(api_device_serial_is("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456"));
    assert_false(api_device_serial_is("UK1"));
    assert_false(api_device_serial_is("uk-0001"));
    assert_false(api_device_serial_is("-UK0001"));
    assert_false(api_device_serial_is("UK 0001"));
    assert_false(api_device_serial_is(""));
}

static void
answer_is_read_and_a_malformed_one_refused(void **state)
{
    json_t *json = load(
        "{\"order_id\":\"5a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c\","
        "\"state\":\"done\",\"kind\":\"issue\",\"certificates\":[{\"issuer\":"
        "\"issuing-1\",\"serial\":\"0123456789abcdef0123456789abcdef\","
        "\"der\":\"MAA=\"}],\"revoked\":[]}");
    struct api_answer answer;
    struct error err = {0};

    (void)state;
    assert_true(api_answer_parse(json, &answer, &err));
    assert_int_equal(answer.state, API_DONE);
    assert_int_equal(answer.certificate_count, 1);
    assert_int_equal(answer.certificate[0].der_len, 2);
    assert_null(answer.key);
    assert_null(answer.recovery);
    api_answer_clear(&answer);
    json_object_set_new(json, "key", json_pack("{s:s}", "spki", "MAA="));
    json_object_set_new(json, "recovery", json_pack("{s:s}", "state", "open"));
    assert_true(api_answer_parse(json, &answer, &err));
    assert_non_null(json_object_get(answer.key, "spki"));
    assert_non_null(json_object_get(answer.recovery, "state"));
    api_answer_clear(&answer);
    json_object_set_new(json, "key", json_string("MAA="));
    assert_false(api_answer_parse(json, &answer, &err));
    json_object_del(json, "key");
    json_object_set_new(json, "certificates", json_pack("[i]", 1));
    assert_false(api_answer_parse(json, &answer, &err));
    json_object_set_new(json, "certificates", json_array());
    json_object_set_new(json, "state", json_string("perhaps"));
    assert_false(api_answer_parse(json, &answer, &err));
    json_decref(json);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_parsed_and_encoded_again_is_the_same),
        cmocka_unit_test(order_fields_are_read),
        cmocka_unit_test(missing_members_are_refused),
        cmocka_unit_test(unknown_members_and_those_of_another_kind_are_refused),
        cmocka_unit_test(malformed_values_are_refused),
        cmocka_unit_test(pair_has_its_transport_key_when_its_request_is_there),
        cmocka_unit_test(pair_is_of_a_key_that_the_centre_makes),
        cmocka_unit_test(
            old_keys_are_asked_for_by_a_document_and_with_activation),
        cmocka_unit_test(recovery_is_by_a_document_or_for_an_order_that_asked),
        cmocka_unit_test(
            recovery_is_for_no_order_of_others_or_that_did_not_ask),
        cmocka_unit_test(carrier_is_named_wholly),
        cmocka_unit_test(transport_is_vouched_for_in_canonical_form),
        cmocka_unit_test(
            completion_brings_transport_key_and_signature_together),
        cmocka_unit_test(digest_does_not_depend_on_the_order_of_members),
        cmocka_unit_test(statement_is_canonical),
        cmocka_unit_test(decision_other_than_an_approval_has_a_remark),
        cmocka_unit_test(credential_has_the_members_of_its_kind),
        cmocka_unit_test(decision_is_sent_and_read_with_all_its_members),
        cmocka_unit_test(
            statement_has_device_and_remark_and_no_officer_of_a_holder),
        cmocka_unit_test(serial_of_a_device_is_short_and_plain),
        cmocka_unit_test(answer_is_read_and_a_malformed_one_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
