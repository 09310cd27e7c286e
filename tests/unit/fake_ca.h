/*
 * A signet-ca that answers at once: a fake of ra/ca_client.h, and of
 * form_make(), because drawing takes longer than all the rest. Define each
 * function of those headers, so that the real ones are not linked: include this
 * in one file of a test program.
 */
#ifndef TESTS_UNIT_FAKE_CA_H
#define TESTS_UNIT_FAKE_CA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ra/ca_client.h"
#include "ra/form.h"
#include "tests/unit/case_parts.h"
#include "tests/unit/ra_parts.h"

struct fake_ca {
    enum ca_outcome outcome;
    int orders;       /* that came */
    int checks;       /* that were asked */
    int looks;        /* at certificates */
    bool has_revoked; /* all of them */
    char kinds[256];  /* of the last of them: "hold revoke " */
    int serial;       /* of the last certificate */
    int64_t not_before, not_after;
    EVP_PKEY *key;            /* that its certificates are for */
    EVP_PKEY *encryption_key; /* of the other halves; made here */
    const char *recovery;     /* state of each recovery: "open" */
    bool has_key;             /* answers have the key of the pair */
    int questions;            /* for answers, afterwards */
    int received;             /* keys that devices said they have */
    const char *broken;       /* order that nothing can be said of; or NULL */
};
static struct fake_ca fake_ca;

/* Answers done; key and serials stay. */
static inline void
fake_ca_reset(void)
{
    fake_ca.outcome = CA_DONE;
    fake_ca.orders = 0;
    fake_ca.checks = fake_ca.looks = 0;
    fake_ca.has_revoked = false;
    fake_ca.recovery = "open";
    fake_ca.has_key = true;
    fake_ca.questions = 0;
    fake_ca.received = 0;
    fake_ca.broken = NULL;
    fake_ca.kinds[0] = '\0';
}

bool
ca_client_new(const struct config *config, struct ca_client **out,
              struct error *err)
{
    (void)config;
    *out = NULL;
    return error_set(err, ERROR_INTERNAL, "not in this test");
}

void
ca_client_free(struct ca_client *client)
{
    (void)client;
}

static void
change_add(struct api_answer *answer, const char *issuer, const char *serial,
           const char *state)
{
    struct api_answer_change *change;
    size_t len;

    answer->change = realloc(answer->change, (answer->change_count + 1) *
                                                 sizeof *answer->change);
    assert_non_null(answer->change);
    change = &answer->change[answer->change_count++];
    change->issuer = issuer;
    change->state = state;
    assert_true(text_unhex(serial, change->serial, API_SERIAL_LEN, &len));
}

static const char *
member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* One certificate, or a pair. */
static void
certificates_add(struct api_answer *answer, size_t count)
{
    struct api_answer_certificate *list =
        calloc(count, sizeof *answer->certificate);

    assert_non_null(list);
    if (fake_ca.encryption_key == NULL)
        fake_ca.encryption_key = parts_key("P-256");
    for (size_t i = 0; i < count; i++) {
        struct api_answer_certificate *one = &list[i];
        struct buf der = BUF_INIT(65536);

        case_parts_certificate(i == 0 ? fake_ca.key : fake_ca.encryption_key,
                               fake_ca.not_before, fake_ca.not_after, &der);
        one->issuer = "issuing-1";
        one->serial[0] = 0x40;
        fake_ca.serial++;
        one->serial[14] = (uint8_t)(fake_ca.serial >> 8);
        one->serial[15] = (uint8_t)fake_ca.serial;
        one->der = buf_take(&der, &one->der_len);
    }
    answer->certificate = list;
    answer->certificate_count = count;
}

/* What is said of a recovery: the answer keeps it. */
static void
recovery_add(struct api_answer *answer)
{
    json_t *recovery = json_object();

    json_set_text(recovery, "state", fake_ca.recovery);
    if (strcmp(fake_ca.recovery, "open") == 0)
        json_set_text(recovery, "expires_at", "2026-12-24T00:00:00Z");
    answer->json = json_object();
    json_object_set_new(answer->json, "recovery", recovery);
    answer->recovery = recovery;
}

enum ca_outcome
ca_client_send(struct ca_client *client, const json_t *envelope,
               const char *order_id, struct api_answer *answer,
               struct error *err)
{
    const json_t *order = json_object_get(envelope, "order");
    const char *kind = member(order, "kind");
    const json_t *targets =
        json_object_get(json_object_get(order, "target"), "certificates");
    const json_t *old = json_object_get(order, "predecessor");
    size_t used = strlen(fake_ca.kinds) % 200;
    size_t i;
    json_t *target;

    (void)client;
    fake_ca.orders++;
    (void)snprintf(fake_ca.kinds + used, sizeof fake_ca.kinds - used, "%s ",
                   kind);
    assert_string_equal(member(order, "order_id"), order_id);
    assert_true(json_array_size(json_object_get(envelope, "decisions")) > 0);
    if (fake_ca.outcome != CA_DONE) {
        error_set(err,
                  fake_ca.outcome == CA_REFUSED ? ERROR_DENIED : ERROR_BUSY,
                  "no answer, or no");
        return fake_ca.outcome;
    }
    memcpy(answer->order_id, order_id, TEXT_UUID_LEN + 1);
    answer->state = API_DONE;
    json_array_foreach((json_t *)(uintptr_t)targets, i, target)
        change_add(answer, "issuing-1", member(target, "serial"),
                   strcmp(kind, "hold") == 0      ? "held"
                   : strcmp(kind, "release") == 0 ? "valid"
                                                  : "revoked");
    if (targets != NULL)
        return CA_DONE;
    if (strcmp(kind, "recover") == 0) {
        assert_non_null(json_object_get(order, "carrier"));
        recovery_add(answer);
        return CA_DONE;
    }
    certificates_add(answer, json_object_get(order, "encryption") ? 2 : 1);
    if (old != NULL &&
        strcmp(member(json_object_get(order, "predecessor_fate"), "action"),
               "revoke") == 0)
        change_add(answer, "issuing-1", member(old, "serial"), "revoked");
    return CA_DONE;
}

enum ca_outcome
ca_client_order(struct ca_client *client, const json_t *order,
                const json_t *decisions, const char *order_id,
                struct api_answer *answer, struct error *err)
{
    (void)client;
    (void)order;
    (void)decisions;
    (void)order_id;
    (void)answer;
    error_set(err, ERROR_INTERNAL, "not in this test");
    return CA_PENDING;
}

enum ca_outcome
ca_client_check(struct ca_client *client, const json_t *order,
                struct error *err)
{
    (void)client;
    assert_non_null(member(order, "kind"));
    fake_ca.checks++;
    if (fake_ca.outcome != CA_DONE)
        error_set(err, ERROR_DENIED, "the name is taken");
    return fake_ca.outcome;
}

bool
ca_client_answer(struct ca_client *client, const char *order_id,
                 struct api_answer *answer, struct error *err)
{
    json_t *key;

    (void)client;
    fake_ca.questions++;
    if (fake_ca.outcome != CA_DONE)
        return error_set(err, ERROR_BUSY, "no answer");
    if (fake_ca.broken != NULL && strcmp(fake_ca.broken, order_id) == 0)
        return error_set(err, ERROR_INTERNAL, "a damaged record");
    memcpy(answer->order_id, order_id, TEXT_UUID_LEN + 1);
    answer->state = API_DONE;
    recovery_add(answer);
    if (!fake_ca.has_key)
        return true;
    key = json_object();
    json_set_text(key, "spki", "c3BraQ==");
    json_set_text(key, "wrapped", "d3JhcHBlZA==");
    json_set_text(key, "content_key", "a2V5");
    json_object_set_new(answer->json, "key", key);
    answer->key = key;
    return true;
}

bool
ca_client_received(struct ca_client *client, const char *order_id,
                   struct error *err)
{
    (void)client;
    if (fake_ca.broken != NULL && strcmp(fake_ca.broken, order_id) == 0)
        return error_set(err, ERROR_INTERNAL, "a damaged record");
    fake_ca.received++;
    return fake_ca.outcome == CA_DONE ||
           error_set(err, ERROR_BUSY, "no answer");
}

bool
ca_client_revoked(struct ca_client *client, const char *issuer,
                  const uint8_t serial[API_SERIAL_LEN], bool *is_revoked,
                  char reason[CA_REASON_MAX + 1], struct error *err)
{
    (void)client;
    (void)serial;
    assert_string_equal(issuer, "issuing-1");
    fake_ca.looks++;
    *is_revoked = fake_ca.has_revoked;
    (void)snprintf(reason, CA_REASON_MAX + 1, "%s",
                   fake_ca.has_revoked ? "keyCompromise" : "");
    return fake_ca.outcome == CA_DONE ||
           error_set(err, ERROR_BUSY, "no answer");
}

bool
ca_client_officers(struct ca_client *client, json_t **out, struct error *err)
{
    (void)client;
    *out = NULL;
    return error_set(err, ERROR_INTERNAL, "not in this test");
}

bool
ca_client_is_service(struct ca_client *client, const uint8_t *certificate,
                     size_t len, bool *is_service, struct error *err)
{
    (void)client;
    (void)certificate;
    (void)len;
    *is_service = false;
    return error_set(err, ERROR_INTERNAL, "not in this test");
}

bool
ca_client_issuer(struct ca_client *client, const char *name, struct buf *der,
                 struct error *err)
{
    (void)client;
    (void)err;
    assert_string_equal(name, "issuing-1");
    return buf_add(der, "issuer", 6);
}

/* Drawing takes longer than all the rest. */
bool
form_make(const struct vault *vault, const struct form_input *input,
          struct buf *pdf, struct error *err)
{
    (void)vault;
    (void)err;
    return buf_addf(pdf, "%s %d %s", input->number, input->revision,
                    input->kind);
}

#endif
