/*
 * The follower against a real PostgreSQL, with the rights of signet_ocsp: what
 * is loaded, what is seen of changes and when, and a database that goes away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "ocsp/follower.h"
#include "tests/unit/ocsp_parts.h"
#include "tests/unit/pg.h"

enum { SQL_MAX = 64 * 1024, POLL_MS = 100, WAIT_MS = 8000, SIGNER = 9000 };

static struct parts parts;
static struct ocsp_responder responder;
static struct ocsp_grace_reader *reader;
static struct ocsp_follower *follower;
static int64_t next_index = 1;

#define ORDER "00000000-0000-4000-8000-00000000000"

static const char *
hex_of(const void *data, size_t len)
{
    static char text[4][2 * PARTS_DER_MAX + 1];
    static unsigned turn;
    char *out = text[turn++ % 4];

    assert_true(len <= PARTS_DER_MAX);
    text_hex(data, len, out);
    return out;
}

static void sql(const char *format, ...) PRINTF_LIKE(1, 2);

static void
sql(const char *format, ...)
{
    static char text[SQL_MAX];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert_true(len > 0 && (size_t)len < sizeof text);
    pg_sql(text);
}

static void
take_index(void)
{
    next_index++;
    sql("UPDATE log.head SET next_index = %lld", (long long)next_index);
}

/* A certificate's row; from SIGNER on for the signer's key. `state` is any but
 * held and revoked. */
static void
insert(unsigned n, const char *state, const struct buf *der)
{
    uint8_t serial[OCSP_INDEX_SERIAL_LEN];
    bool is_signed = strcmp(state, "valid") == 0;
    const struct buf *spki = n >= SIGNER ? &parts.signer_spki : &parts.spki;

    parts_serial(n, serial);
    sql("BEGIN; INSERT INTO ca.certificate (issuer_id, serial, order_id,"
        " ordinal, profile, subject, subject_text, spki_sha256, tbs, der,"
        " not_before, not_after, state, status_index) VALUES"
        " (%d, '\\x%s', '" ORDER "1', %u, 'x', '\\x30', 'CN=x',"
        " sha256('\\x%s'), '\\x30', %s%s%s, now() - interval '1 minute',"
        " now() + interval '1 day', '%s', %s);"
        " NOTIFY status; COMMIT",
        PARTS_ISSUER, hex_of(serial, sizeof serial), n,
        hex_of(spki->data, spki->len), is_signed ? "'\\x" : "",
        is_signed ? hex_of(der->data, der->len) : "NULL", is_signed ? "'" : "",
        state,
        is_signed ? "(SELECT next_index FROM"
                    " log.head)"
                  : "NULL");
    take_index();
}

static void
move(unsigned n, const char *set, bool is_notified)
{
    uint8_t serial[OCSP_INDEX_SERIAL_LEN];

    parts_serial(n, serial);
    sql("BEGIN; UPDATE ca.certificate SET %s,"
        " status_index = (SELECT next_index FROM log.head)"
        " WHERE serial = '\\x%s'; UPDATE log.head SET next_index ="
        " next_index + 1; %s COMMIT",
        set, hex_of(serial, sizeof serial),
        is_notified ? "NOTIFY status;" : "");
    next_index++;
}

static void
fill(void)
{
    static const struct buf der = {.data = (uint8_t *)"0", .len = 1};

    sql("INSERT INTO ca.issuer (issuer_id, name, state, is_root, generation,"
        " token, key_id, key_type, scheme, subject, spki, certificate,"
        " not_after, created_at) OVERRIDING SYSTEM VALUE VALUES"
        " (%d, 'test', 'active', false, 1, 't', '\\x00', 'ec-p256',"
        " 'ecdsa-sha256', '\\x%s', '\\x%s', '\\x%s', now(), now())",
        PARTS_ISSUER, hex_of(parts.subject.data, parts.subject.len),
        hex_of(parts.spki.data, parts.spki.len),
        hex_of(parts.ca_der.data, parts.ca_der.len));
    sql("INSERT INTO ca.order (order_id, digest, kind, body, state,"
        " requested_by, received_at) VALUES ('" ORDER "1', sha256(''),"
        " 'issue', '\\x00', 'done', 'test', now())");
    sql("INSERT INTO ca.ocsp_key VALUES (%d, '\\x%s', 'ecdsa-sha256',"
        " '\\x%s', 'active')",
        PARTS_ISSUER, hex_of(parts.key_id, sizeof parts.key_id),
        hex_of(parts.signer_spki.data, parts.signer_spki.len));
    insert(SIGNER, "valid", &parts.signer_der);
    insert(0, "valid", &der);
    insert(1, "valid", &der);
    insert(2, "intended", NULL);
    insert(3, "void", NULL);
    move(1,
         "state = 'revoked', reason = 1, revoked_at = to_timestamp("
         "1700000000), invalid_from = to_timestamp(1690000000)",
         false);
}

static int
start(void **state)
{
    static char connection[512]; /* the follower borrows it */
    const struct ocsp_follower_options options = {.connection = connection,
                                                  .poll_ms = POLL_MS};
    struct error err = {0};

    (void)state;
    (void)snprintf(connection, sizeof connection, "%s",
                   pg_connection("signet_ocsp"));
    fill();
    ocsp_responder_init(&responder);
    responder.validity_s = 3600;
    responder.http_max_age_s = 300;
    reader = ocsp_grace_reader_add(responder.grace);
    follower = ocsp_follower_new(&options, &responder, parts.hsm);
    assert_true(ocsp_follower_start(follower, &err));
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    ocsp_follower_free(follower);
    ocsp_responder_clear(&responder);
    pg_reset();
    next_index = 1;
    return 0;
}

static int
start_all(void **state)
{
    (void)state;
    pg_start();
    parts_make(&parts, 7 * 86400);
    return 0;
}

static int
stop_all(void **state)
{
    (void)state;
    parts_remove(&parts);
    pg_stop();
    return 0;
}

static struct ocsp_status
find(unsigned n)
{
    uint8_t serial[OCSP_INDEX_SERIAL_LEN];
    struct ocsp_status status;

    parts_serial(n, serial);
    ocsp_grace_enter(reader);
    status = ocsp_index_find(responder.index, PARTS_ISSUER, serial);
    ocsp_grace_leave(reader);
    return status;
}

/* Waits until the nth certificate has this state; how long that took. */
static int64_t
wait_for(unsigned n, enum ocsp_state state)
{
    int64_t since = clock_monotonic_ms();

    while (find(n).state != state) {
        assert_true(clock_monotonic_ms() - since < WAIT_MS);
        usleep(2000);
    }
    return clock_monotonic_ms() - since;
}

static bool
has_signer(const struct buf *certificate)
{
    const struct ocsp_authorities *list;
    const struct ocsp_signer *signer;
    bool has;

    ocsp_grace_enter(reader);
    list = atomic_load(&responder.authorities);
    signer = list->count == 1 ? list->at[0].signer : NULL;
    has = signer != NULL && signer->certificate_len == certificate->len &&
          memcmp(signer->certificate, certificate->data, certificate->len) == 0;
    ocsp_grace_leave(reader);
    return has;
}

static void
wait_for_signer(const struct buf *certificate)
{
    int64_t since = clock_monotonic_ms();

    while (!has_signer(certificate)) {
        assert_true(clock_monotonic_ms() - since < WAIT_MS);
        usleep(10000);
    }
}

static struct ocsp_reply *
published(const char *path)
{
    const struct ocsp_published_item *item;
    struct ocsp_reply *reply = NULL;

    ocsp_grace_enter(reader);
    item = ocsp_published_find(atomic_load(&responder.published),
                               (struct http_span){path, strlen(path)});
    if (item != NULL)
        reply = ocsp_reply_ref(item->reply);
    ocsp_grace_leave(reader);
    return reply;
}

static void
only_what_was_signed_is_known(void **state)
{
    struct ocsp_status status;

    (void)state;
    (void)wait_for(0, OCSP_STATE_VALID);
    status = find(1);
    assert_int_equal(status.state, OCSP_STATE_REVOKED);
    assert_int_equal(status.reason, 1);
    assert_int_equal(status.revoked_at, 1700000000);
    assert_int_equal(status.invalid_from, 1690000000);
    assert_int_equal(find(2).state, OCSP_STATE_UNKNOWN); /* intended */
    assert_int_equal(find(3).state, OCSP_STATE_UNKNOWN); /* void */
    assert_int_equal(find(4).state, OCSP_STATE_UNKNOWN);
}

static void
a_change_is_seen_well_within_a_second_with_or_without_notify(void **state)
{
    int i;

    (void)state;
    (void)wait_for(0, OCSP_STATE_VALID);
    for (i = 0; i < 2; i++) {
        move(0, "state = 'held', reason = 6, revoked_at = now()", i == 0);
        assert_true(wait_for(0, OCSP_STATE_HELD) < 1000);
        move(0, "state = 'valid', reason = NULL, revoked_at = NULL", i == 0);
        assert_true(wait_for(0, OCSP_STATE_VALID) < 1000);
        assert_int_equal(find(0).reason, 0);
    }
    move(0, "state = 'revoked', reason = 4, revoked_at = now()", true);
    assert_true(wait_for(0, OCSP_STATE_REVOKED) < 1000);
    move(0, "reason = 1, invalid_from = to_timestamp(1690000000)", true);
    for (i = 0; i < 500 && find(0).reason != 1; i++)
        usleep(2000);
    assert_int_equal(find(0).reason, 1);
    assert_int_equal(find(0).invalid_from, 1690000000);
}

static void
a_certificate_is_known_when_it_is_issued(void **state)
{
    static const struct buf der = {.data = (uint8_t *)"0", .len = 1};

    (void)state;
    (void)wait_for(0, OCSP_STATE_VALID);
    insert(50, "valid", &der);
    assert_true(wait_for(50, OCSP_STATE_VALID) < 1000);
}

static void
a_renewed_signer_is_taken_without_a_restart(void **state)
{
    (void)state;
    wait_for_signer(&parts.signer_der);
    parts_renew_signer(&parts, 8 * 86400);
    insert(SIGNER + 1, "valid", &parts.signer_der);
    wait_for_signer(&parts.signer_der);
}

static void
a_revoked_signer_signs_no_more(void **state)
{
    struct buf first = BUF_INIT(PARTS_DER_MAX);

    (void)state;
    buf_add(&first, parts.signer_der.data, parts.signer_der.len);
    wait_for_signer(&first);
    parts_renew_signer(&parts, 6 * 86400);
    insert(SIGNER + 1, "valid", &parts.signer_der);
    wait_for_signer(&parts.signer_der);
    move(SIGNER + 1, "state = 'revoked', reason = 1, revoked_at = now()", true);
    wait_for_signer(&first);
    buf_clear(&first);
}

static void
a_certificate_that_is_no_signers_is_not_signed_with(void **state)
{
    (void)state;
    wait_for_signer(&parts.signer_der);
    insert(SIGNER + 1, "valid", &parts.ca_der); /* newer, for another key */
    usleep(1500 * 1000);
    assert_true(has_signer(&parts.signer_der));
}

static void
the_newest_crl_is_published(void **state)
{
    struct ocsp_reply *reply = NULL;
    int number, i;

    (void)state;
    for (number = 1; number <= 2; number++) {
        sql("INSERT INTO ca.crl (issuer_id, number, this_update,"
            " next_update, entries, status_index, sha256, signed_at, der)"
            " VALUES (%d, %d, now(), now() + interval '1 day', 0, 1,"
            " sha256(''), now(), '\\x3000%02x')",
            PARTS_ISSUER, number, number);
        for (i = 0; i < 400; i++) {
            reply = published("/crl/test.crl");
            if (reply != NULL && reply->data[reply->len - 1] == number)
                break;
            ocsp_reply_unref(reply);
            reply = NULL;
            usleep(10000);
        }
        assert_non_null(reply);
        assert_int_equal(reply->len - reply->head_len, 3);
        ocsp_reply_unref(reply);
    }
    reply = published("/ca/test.cer");
    assert_non_null(reply);
    assert_int_equal(reply->len - reply->head_len, parts.ca_der.len);
    ocsp_reply_unref(reply);
}

static void
a_database_that_returns_is_followed_again(void **state)
{
    int64_t synced_at, since;

    (void)state;
    (void)wait_for(0, OCSP_STATE_VALID);
    pg_kill();
    usleep(1200 * 1000);
    synced_at = atomic_load(&responder.synced_at);
    assert_int_equal(find(0).state, OCSP_STATE_VALID); /* goes on */
    usleep(1200 * 1000);
    assert_int_equal(atomic_load(&responder.synced_at), synced_at);
    pg_restart();
    move(0, "state = 'revoked', reason = 1, revoked_at = now()", false);
    since = clock_monotonic_ms();
    (void)wait_for(0, OCSP_STATE_REVOKED);
    assert_true(clock_monotonic_ms() - since < 5000);
    assert_true(atomic_load(&responder.synced_at) > synced_at);
}

/* A backup was restored: what is not in it is known no longer. */
static void
a_log_that_went_back_is_loaded_anew(void **state)
{
    static const struct buf der = {.data = (uint8_t *)"0", .len = 1};
    uint8_t serial[OCSP_INDEX_SERIAL_LEN];

    (void)state;
    (void)wait_for(0, OCSP_STATE_VALID);
    insert(60, "valid", &der);
    (void)wait_for(60, OCSP_STATE_VALID);
    parts_serial(60, serial);
    sql("BEGIN; DELETE FROM ca.certificate WHERE serial = '\\x%s';"
        " UPDATE log.head SET next_index = next_index - 1; COMMIT",
        hex_of(serial, sizeof serial));
    assert_int_equal(find(60).state, OCSP_STATE_VALID);
    pg_kill();
    pg_restart();
    (void)wait_for(60, OCSP_STATE_UNKNOWN);
    (void)wait_for(0, OCSP_STATE_VALID);
}

static void
the_role_sees_status_and_no_applicant(void **state)
{
    (void)state;
    assert_string_equal(
        pg_sqlstate("signet_ocsp", "SELECT subject FROM ca.certificate"),
        "42501");
    assert_string_equal(pg_sqlstate("signet_ocsp", "SELECT body FROM ca.order"),
                        "42501");
    assert_string_equal(
        pg_sqlstate("signet_ocsp", "UPDATE ca.certificate SET state = state"),
        "42501");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_what_was_signed_is_known),
        TEST(a_change_is_seen_well_within_a_second_with_or_without_notify),
        TEST(a_certificate_is_known_when_it_is_issued),
        TEST(a_renewed_signer_is_taken_without_a_restart),
        TEST(a_revoked_signer_signs_no_more),
        TEST(a_certificate_that_is_no_signers_is_not_signed_with),
        TEST(the_newest_crl_is_published),
        TEST(a_database_that_returns_is_followed_again),
        TEST(a_log_that_went_back_is_loaded_anew),
        TEST(the_role_sees_status_and_no_applicant),
    };

    return cmocka_run_group_tests(tests, start_all, stop_all);
}
