/* Our encoder against OpenSSL's decoder, encoder and verifier. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/unit/ocsp_parts.h"

static struct parts parts;
static struct ocsp_responder responder;
static struct ocsp_grace_reader *reader;

static int
make(void **state)
{
    (void)state;
    parts_make(&parts, 7 * 86400);
    parts_responder(&parts, &responder);
    reader = ocsp_grace_reader_add(responder.grace);
    parts_status(&responder, 0, OCSP_STATE_VALID, 0, 0);
    parts_status(&responder, 1, OCSP_STATE_REVOKED, 1, 1700000000);
    parts_status(&responder, 2, OCSP_STATE_HELD, 6, 1700000001);
    parts_status(&responder, 3, OCSP_STATE_REVOKED, 0, 1700000002);
    return 0;
}

static int
drop(void **state)
{
    (void)state;
    ocsp_responder_clear(&responder);
    parts_remove(&parts);
    return 0;
}

/* Only the body of the reply, as a client gets it. */
static struct ocsp_responder_answer
ask(const struct buf *request)
{
    struct ocsp_responder_answer answer;
    struct error err = {0};

    ocsp_responder_sign(&responder, parts.hsm, reader,
                        (struct der){request->data, request->len}, clock_now(),
                        &answer, &err);
    return answer;
}

static int
verdict_of(const EVP_MD *hash, unsigned n, bool has_nonce, int *reason)
{
    OCSP_REQUEST *request = parts_request(&parts, hash, n, 1, has_nonce);
    struct buf der = BUF_INIT(PARTS_DER_MAX);
    struct ocsp_responder_answer answer;
    unsigned char *p = NULL;
    int len = i2d_OCSP_REQUEST(request, &p), verdict;

    assert_true(len > 0);
    buf_add(&der, p, (size_t)len);
    answer = ask(&der);
    verdict = -100 - (int)answer.status;
    if (answer.status == OCSP_SUCCESSFUL)
        verdict =
            parts_verdict(&parts, request, hash, n,
                          answer.reply->data + answer.reply->head_len,
                          answer.reply->len - answer.reply->head_len, reason);
    ocsp_reply_unref(answer.reply);
    buf_clear(&der);
    OPENSSL_free(p);
    OCSP_REQUEST_free(request);
    return verdict;
}

static void
openssl_verifies_each_status_with_both_hashes(void **state)
{
    const EVP_MD *const hash[] = {EVP_sha1(), EVP_sha256()};
    int reason, nonce;
    size_t h;

    (void)state;
    for (h = 0; h < 2; h++)
        for (nonce = 0; nonce < 2; nonce++) {
            assert_int_equal(verdict_of(hash[h], 0, nonce, &reason),
                             V_OCSP_CERTSTATUS_GOOD);
            assert_int_equal(verdict_of(hash[h], 1, nonce, &reason),
                             V_OCSP_CERTSTATUS_REVOKED);
            assert_int_equal(reason, OCSP_REVOKED_STATUS_KEYCOMPROMISE);
            assert_int_equal(verdict_of(hash[h], 2, nonce, &reason),
                             V_OCSP_CERTSTATUS_REVOKED);
            assert_int_equal(reason, OCSP_REVOKED_STATUS_CERTIFICATEHOLD);
            assert_int_equal(verdict_of(hash[h], 3, nonce, &reason),
                             V_OCSP_CERTSTATUS_REVOKED);
            assert_int_equal(reason, -1); /* unspecified is left out */
            assert_int_equal(verdict_of(hash[h], 4, nonce, &reason),
                             V_OCSP_CERTSTATUS_UNKNOWN);
        }
}

static void
a_release_makes_a_held_certificate_good_again(void **state)
{
    (void)state;
    parts_status(&responder, 2, OCSP_STATE_VALID, 0, 0);
    assert_int_equal(verdict_of(EVP_sha1(), 2, false, NULL),
                     V_OCSP_CERTSTATUS_GOOD);
    parts_status(&responder, 2, OCSP_STATE_HELD, 6, 1700000001);
}

static void
one_answer_covers_several_certificates(void **state)
{
    OCSP_REQUEST *request = parts_request(&parts, EVP_sha256(), 0, 5, true);
    static const int want[] = {
        V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_REVOKED,
        V_OCSP_CERTSTATUS_REVOKED, V_OCSP_CERTSTATUS_REVOKED,
        V_OCSP_CERTSTATUS_UNKNOWN};
    struct buf der = BUF_INIT(PARTS_DER_MAX);
    struct ocsp_responder_answer answer;
    unsigned char *p = NULL;
    int len = i2d_OCSP_REQUEST(request, &p);
    unsigned n;

    (void)state;
    buf_add(&der, p, (size_t)len);
    answer = ask(&der);
    assert_int_equal(answer.status, OCSP_SUCCESSFUL);
    assert_false(answer.is_cacheable);
    for (n = 0; n < 5; n++)
        assert_int_equal(
            parts_verdict(&parts, request, EVP_sha256(), n,
                          answer.reply->data + answer.reply->head_len,
                          answer.reply->len - answer.reply->head_len, NULL),
            want[n]);
    ocsp_reply_unref(answer.reply);
    OPENSSL_free(p);
    buf_clear(&der);
    OCSP_REQUEST_free(request);
}

/* OpenSSL decodes our octets and encodes them again: DER is the same. */
static void
the_encoding_is_what_openssl_would_write(void **state)
{
    struct buf der = BUF_INIT(PARTS_DER_MAX);
    struct ocsp_responder_answer answer;
    const unsigned char *p;
    unsigned char *again = NULL;
    OCSP_RESPONSE *response;
    OCSP_BASICRESP *basic;
    unsigned n;
    int len;

    (void)state;
    for (n = 0; n < 5; n++) {
        parts_request_der(&parts, EVP_sha1(), n, 1, n % 2 == 0, &der);
        answer = ask(&der);
        p = answer.reply->data + answer.reply->head_len;
        response = d2i_OCSP_RESPONSE(
            NULL, &p, (long)(answer.reply->len - answer.reply->head_len));
        assert_non_null(response);
        basic = OCSP_response_get1_basic(response);
        assert_non_null(basic);
        OCSP_RESPONSE_free(response);
        response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
        len = i2d_OCSP_RESPONSE(response, &again);
        assert_int_equal(len, answer.reply->len - answer.reply->head_len);
        assert_memory_equal(again, answer.reply->data + answer.reply->head_len,
                            (size_t)len);
        OPENSSL_free(again);
        again = NULL;
        OCSP_BASICRESP_free(basic);
        OCSP_RESPONSE_free(response);
        ocsp_reply_unref(answer.reply);
    }
    buf_clear(&der);
}

static void
a_changed_octet_of_the_signed_part_does_not_verify(void **state)
{
    struct buf der = BUF_INIT(PARTS_DER_MAX);
    struct ocsp_responder_answer answer;
    size_t at, len;
    uint8_t *body;

    (void)state;
    parts_request_der(&parts, EVP_sha1(), 0, 1, false, &der);
    answer = ask(&der);
    body = answer.reply->data + answer.reply->head_len;
    len = answer.reply->len - answer.reply->head_len;
    for (at = 60; at < 200; at += 7) { /* inside tbsResponseData */
        body[at] ^= 1;
        assert_int_equal(
            parts_verdict(&parts, NULL, EVP_sha1(), 0, body, len, NULL), -1);
        body[at] ^= 1;
    }
    assert_int_equal(
        parts_verdict(&parts, NULL, EVP_sha1(), 0, body, len, NULL),
        V_OCSP_CERTSTATUS_GOOD);
    ocsp_reply_unref(answer.reply);
    buf_clear(&der);
}

static void
an_unknown_issuer_is_unauthorized(void **state)
{
    struct buf der = BUF_INIT(PARTS_DER_MAX);
    struct ocsp_responder_answer answer;

    (void)state;
    parts_request_der(&parts, EVP_sha1(), 0, 1, false, &der);
    der.data[30] ^= 1; /* in issuerNameHash */
    answer = ask(&der);
    assert_int_equal(answer.status, OCSP_UNAUTHORIZED);
    /* A hash that we do not compute names nobody. */
    parts_request_der(&parts, EVP_sha384(), 0, 1, false, &der);
    answer = ask(&der);
    assert_int_equal(answer.status, OCSP_UNAUTHORIZED);
    buf_clear(&der);
}

static void
certificates_of_two_issuers_are_not_answered_together(void **state)
{
    struct buf der = BUF_INIT(PARTS_DER_MAX);
    struct ocsp_responder_answer answer;

    (void)state;
    parts_request_der(&parts, EVP_sha1(), 0, 2, false, &der);
    der.data[der.len - 30] ^= 1; /* in the second issuerKeyHash */
    answer = ask(&der);
    assert_int_equal(answer.status, OCSP_UNAUTHORIZED);
    buf_clear(&der);
}

static void
extended_revoked_says_hold_since_1970_and_marks_the_answer(void **state)
{
    static const uint8_t extension[] = {0x06, 0x09, 0x2b, 0x06, 0x01,
                                        0x05, 0x05, 0x07, 0x30, 0x01,
                                        0x09, 0x04, 0x02, 0x05, 0x00};
    struct buf der = BUF_INIT(PARTS_DER_MAX);
    struct ocsp_responder_answer answer;
    int reason;

    (void)state;
    responder.is_extended_revoked = true;
    assert_int_equal(verdict_of(EVP_sha1(), 99, false, &reason),
                     V_OCSP_CERTSTATUS_REVOKED);
    assert_int_equal(reason, OCSP_REVOKED_STATUS_CERTIFICATEHOLD);
    parts_request_der(&parts, EVP_sha1(), 99, 1, false, &der);
    answer = ask(&der);
    assert_non_null(memmem(answer.reply->data, answer.reply->len, extension,
                           sizeof extension));
    assert_non_null(
        memmem(answer.reply->data, answer.reply->len, "19700101000000Z", 15));
    assert_false(answer.is_cacheable);
    ocsp_reply_unref(answer.reply);
    responder.is_extended_revoked = false;
    buf_clear(&der);
}

static void
an_invalidity_date_stands_beside_the_revocation(void **state)
{
    const struct ocsp_status status = {.state = OCSP_STATE_REVOKED,
                                       .reason = 1,
                                       .revoked_at = 1700000000,
                                       .invalid_from = 1690000000};
    struct buf der = BUF_INIT(PARTS_DER_MAX);
    uint8_t serial[OCSP_INDEX_SERIAL_LEN];
    struct ocsp_responder_answer answer;

    (void)state;
    parts_serial(7, serial);
    ocsp_index_change(responder.index, PARTS_ISSUER, serial, &status);
    assert_int_equal(verdict_of(EVP_sha1(), 7, false, NULL),
                     V_OCSP_CERTSTATUS_REVOKED);
    parts_request_der(&parts, EVP_sha1(), 7, 1, false, &der);
    answer = ask(&der);
    assert_non_null(
        memmem(answer.reply->data, answer.reply->len, "20230722042640Z", 15));
    ocsp_reply_unref(answer.reply);
    buf_clear(&der);
}

static void
status_older_than_an_answer_lives_is_not_told(void **state)
{
    (void)state;
    atomic_store(&responder.synced_at, clock_now() - responder.validity_s);
    assert_int_equal(verdict_of(EVP_sha1(), 0, false, NULL),
                     -100 - OCSP_TRY_LATER);
    atomic_store(&responder.synced_at, clock_now() - responder.validity_s / 2);
    assert_int_equal(verdict_of(EVP_sha1(), 0, false, NULL),
                     V_OCSP_CERTSTATUS_GOOD);
    atomic_store(&responder.synced_at, 0); /* never loaded */
    assert_int_equal(verdict_of(EVP_sha1(), 0, false, NULL),
                     -100 - OCSP_TRY_LATER);
    atomic_store(&responder.synced_at, clock_now());
}

static void
answers_without_signature_are_five_octets(void **state)
{
    static const uint8_t want[] = {0x30, 0x03, 0x0a, 0x01, 0x03};
    uint8_t out[OCSP_ERROR_LEN];

    (void)state;
    ocsp_answer_error(OCSP_TRY_LATER, out);
    assert_memory_equal(out, want, sizeof want);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openssl_verifies_each_status_with_both_hashes),
        cmocka_unit_test(a_release_makes_a_held_certificate_good_again),
        cmocka_unit_test(one_answer_covers_several_certificates),
        cmocka_unit_test(the_encoding_is_what_openssl_would_write),
        cmocka_unit_test(a_changed_octet_of_the_signed_part_does_not_verify),
        cmocka_unit_test(an_unknown_issuer_is_unauthorized),
        cmocka_unit_test(certificates_of_two_issuers_are_not_answered_together),
        cmocka_unit_test(
            extended_revoked_says_hold_since_1970_and_marks_the_answer),
        cmocka_unit_test(an_invalidity_date_stands_beside_the_revocation),
        cmocka_unit_test(status_older_than_an_answer_lives_is_not_told),
        cmocka_unit_test(answers_without_signature_are_five_octets),
    };

    return cmocka_run_group_tests(tests, make, drop);
}
