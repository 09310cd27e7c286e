/*
 * Who gets in, stays in and may do what, through the handlers and on a real
 * database: ra/session.h, ra/caller.h, ra/officer_case.h. signet-ca is a fake.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "ra/handlers_session.h"
#include "ra/officer_case.h"
#include "ra/session.h"
#include "tests/unit/pg.h"
#include "tests/unit/soft_passkey.h"

static const char rp_id[] = "ra.example";
static const char origin[] = "https://ra.example:8443";
static const char firefox[] = "Mozilla/5.0 Firefox";
static const char reviewer_id[] = "11111111-1111-4111-8111-111111111111";
static const char admin_id[] = "22222222-2222-4222-8222-222222222222";
static const char admin_2_id[] = "33333333-3333-4333-8333-333333333333";

/* ---- The CA that is not there
 * ------------------------------------------------ */

static json_t *rows; /* the register */
static enum ca_outcome outcome;
static int orders_sent;
static bool is_service;

bool __wrap_ca_client_officers(struct ca_client *client, json_t **out,
                               struct error *err);
bool
__wrap_ca_client_officers(struct ca_client *client, json_t **out,
                          struct error *err)
{
    (void)client;
    (void)err;
    *out = json_deep_copy(rows);
    return true;
}

enum ca_outcome
__wrap_ca_client_order(struct ca_client *client, const json_t *order,
                       const json_t *decisions, const char *order_id,
                       struct api_answer *answer, struct error *err);
enum ca_outcome
__wrap_ca_client_order(struct ca_client *client, const json_t *order,
                       const json_t *decisions, const char *order_id,
                       struct api_answer *answer, struct error *err)
{
    (void)client;
    (void)answer;
    orders_sent++;
    assert_string_equal(json_string_value(json_object_get(order, "order_id")),
                        order_id);
    assert_int_equal(json_array_size(decisions), 2);
    if (outcome != CA_DONE)
        error_set(err, outcome == CA_REFUSED ? ERROR_DENIED : ERROR_BUSY,
                  "the CA said no, or nothing");
    return outcome;
}

bool __wrap_ca_client_is_service(struct ca_client *client,
                                 const uint8_t *certificate, size_t len,
                                 bool *out, struct error *err);
bool
__wrap_ca_client_is_service(struct ca_client *client,
                            const uint8_t *certificate, size_t len, bool *out,
                            struct error *err)
{
    (void)client;
    (void)certificate;
    (void)len;
    (void)err;
    *out = is_service;
    return true;
}

/* ---- The house
 * ------------------------------------------------------------------ */

static struct config *config;
static struct ra ra;
static struct ra_worker worker;
static struct soft_passkey reviewer, admin, admin_2, stranger;

static void
row_add(const char *id, const char *role, const char *state,
        const struct soft_passkey *passkey)
{
    struct api_credential credential =
        soft_passkey_credential(passkey, rp_id, origin);
    json_t *one = api_credential_json(&credential);
    json_t *row = json_object();
    uint8_t hash[32];

    assert_true(
        hash_sha256(passkey->raw_id, sizeof passkey->raw_id, hash, NULL));
    json_set_hex(one, "credential_id", hash, sizeof hash);
    json_set_text(one, "state", "active");
    json_set_time(one, "not_before", clock_now() - 1000);
    json_set_time(one, "not_after", clock_now() + 86400);
    json_set_text(row, "officer_id", id);
    json_set_text(row, "name", "某人");
    json_set_text(row, "person", id);
    json_set_text(row, "state", state);
    json_object_set_new(row, "roles", json_pack("[s]", role));
    json_object_set_new(row, "credentials", json_array());
    json_array_append_new(json_object_get(row, "credentials"), one);
    json_array_append_new(rows, row);
}

static void
register_make(const char *reviewer_state)
{
    json_decref(rows);
    rows = json_array();
    row_add(reviewer_id, "first-reviewer", reviewer_state, &reviewer);
    row_add(admin_id, "business-administrator", "active", &admin);
    row_add(admin_2_id, "business-administrator", "active", &admin_2);
    officer_forget(ra.officers);
}

static int
group_setup(void **state)
{
    char text[512];
    struct error err = {0};

    (void)state;
    pg_start();
    (void)snprintf(text, sizeof text,
                   "db.ra = %s\nra.public_url = %s\nra.officer_idle_s = 900\n",
                   pg_connection("signet_ra"), origin);
    assert_true(config_parse(text, strlen(text), "test", "/", &config, &err));
    soft_passkey_make(SOFT_ES256, &reviewer);
    soft_passkey_make(SOFT_ES256, &admin);
    soft_passkey_make(SOFT_EDDSA, &admin_2);
    soft_passkey_make(SOFT_ES256, &stranger);
    return 0;
}

static int
group_teardown(void **state)
{
    (void)state;
    soft_passkey_clear(&reviewer);
    soft_passkey_clear(&admin);
    soft_passkey_clear(&admin_2);
    soft_passkey_clear(&stranger);
    json_decref(rows);
    config_free(config);
    pg_stop();
    return 0;
}

static int
setup(void **state)
{
    struct error err = {0};

    (void)state;
    pg_reset();
    ra_init(&ra, config);
    worker = (struct ra_worker){.ra = &ra, .business = &ra.business};
    assert_true(db_open(&ra.db, &worker.db, &err));
    pg_sql("INSERT INTO ra.account (account, created_at)"
           " VALUES ('unit-1', now()), ('unit-2', now())");
    register_make("active");
    outcome = CA_DONE;
    orders_sent = 0;
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    db_close(worker.db);
    ra_clear(&ra);
    return 0;
}

/* ---- A browser
 * -------------------------------------------------------------------- */

struct browser {
    const char *agent;
    const char *site;  /* Sec-Fetch-Site; NULL: not sent */
    char cookie[200];  /* "" : none */
    char csrf[65];     /* "" : not sent */
    const char *param; /* {id} */
};

struct answer {
    int status;
    json_t *json; /* NULL when it is none */
    char cookie[200];
};

static void
answer_clear(struct answer *answer)
{
    json_decref(answer->json);
}

static void
header(struct http_request *req, const char *name, const char *value)
{
    req->header[req->header_count++] = (struct http_header){name, value};
}

static struct answer
ask(const struct browser *browser, http_handler *handle,
    enum http_method method, json_t *take_body)
{
    struct http_request req = {.method = method, .path = "/", .query = ""};
    struct http_response res = {0};
    struct answer out = {0};
    char *text = take_body == NULL ? NULL : json_dumps(take_body, 0);
    const char *at;

    (void)snprintf(req.peer.address, sizeof req.peer.address, "192.0.2.7");
    header(&req, "user-agent", browser->agent);
    if (text != NULL) {
        header(&req, "content-type", "application/json");
        req.body = (const uint8_t *)text;
        req.body_len = strlen(text);
    }
    if (browser->cookie[0] != '\0')
        header(&req, "cookie", browser->cookie);
    if (browser->csrf[0] != '\0')
        header(&req, "x-signet-csrf", browser->csrf);
    if (browser->site != NULL)
        header(&req, "sec-fetch-site", browser->site);
    if (browser->param != NULL) {
        req.param[0] = (struct http_param){"id", browser->param};
        req.param_count = 1;
    }
    handle(&worker, &req, &res);
    out.status = res.status;
    out.json = json_loadb((const char *)res.body.data, res.body.len, 0, NULL);
    at = strstr(buf_text(&res.headers), "Set-Cookie: ");
    if (at != NULL)
        (void)snprintf(out.cookie, sizeof out.cookie, "%.*s",
                       (int)strcspn(at + 12, "\r"), at + 12);
    http_response_clear(&res);
    json_decref(take_body);
    free(text);
    return out;
}

static int
status_of(const struct browser *browser, http_handler *handle,
          enum http_method method, json_t *take_body)
{
    struct answer answer = ask(browser, handle, method, take_body);

    answer_clear(&answer);
    return answer.status;
}

/* Keeps the cookie as a browser would, and the token as a page would. */
static void
keep(struct browser *browser, const struct answer *answer)
{
    assert_int_equal(answer->status, 201);
    (void)snprintf(browser->cookie, sizeof browser->cookie, "other=1; %.*s",
                   (int)strcspn(answer->cookie, ";"), answer->cookie);
    (void)snprintf(browser->csrf, sizeof browser->csrf, "%s",
                   json_string_value(json_object_get(answer->json, "csrf")));
}

static void
ticket_make(const char *account, char ticket[SESSION_SECRET_LEN + 1])
{
    struct error err = {0};
    int64_t until;

    assert_true(session_ticket_for_account(worker.db, config, account, "en",
                                           clock_now(), ticket, &until, NULL,
                                           &err));
}

static void
enter(struct browser *browser, const char *account)
{
    char ticket[SESSION_SECRET_LEN + 1];
    struct answer answer;

    ticket_make(account, ticket);
    answer = ask(browser, handle_session_ticket, HTTP_POST,
                 json_pack("{s:s}", "ticket", ticket));
    keep(browser, &answer);
    answer_clear(&answer);
}

/* The log-in of a passkey; what `spoil` says goes wrong. */
enum spoil { NOTHING, SIGNATURE, UNVERIFIED, ORIGIN };

static json_t *
challenge_get(const struct browser *browser)
{
    struct answer answer =
        ask(browser, handle_session_passkey_options, HTTP_POST, NULL);
    json_t *challenge = json_incref(json_object_get(answer.json, "challenge"));

    assert_int_equal(answer.status, 201);
    answer_clear(&answer);
    return challenge;
}

static json_t *
proof_make(const struct soft_passkey *passkey, const json_t *challenge,
           enum spoil spoil)
{
    struct buf octets = BUF_INIT(64);
    struct soft_assertion assertion = {0};
    const char *text = json_string_value(challenge);
    struct webauthn_scene scene = {
        rp_id, spoil == ORIGIN ? "https://evil.example" : origin, NULL, 0};
    uint8_t hash[32];
    json_t *proof = json_object();

    assert_true(text_unbase64(text, strlen(text), &octets));
    scene.challenge = octets.data;
    scene.challenge_len = octets.len;
    soft_passkey_assert(passkey, &scene,
                        spoil == UNVERIFIED ? SOFT_PRESENT : SOFT_BOTH,
                        &assertion);
    if (spoil == SIGNATURE)
        assertion.signature[assertion.signature_len - 1] ^= 1;
    assert_true(
        hash_sha256(passkey->raw_id, sizeof passkey->raw_id, hash, NULL));
    json_set_text(proof, "challenge", text);
    json_set_hex(proof, "credential_id", hash, sizeof hash);
    json_set_bytes(proof, "authenticator_data",
                   assertion.authenticator_data.data,
                   assertion.authenticator_data.len);
    json_set_bytes(proof, "client_data", assertion.client_data.data,
                   assertion.client_data.len);
    json_set_bytes(proof, "signature", assertion.signature,
                   assertion.signature_len);
    soft_assertion_clear(&assertion);
    buf_clear(&octets);
    return proof;
}

static struct answer
log_in(struct browser *browser, const struct soft_passkey *passkey,
       enum spoil spoil)
{
    json_t *challenge = challenge_get(browser);
    struct answer answer = ask(browser, handle_session_passkey, HTTP_POST,
                               proof_make(passkey, challenge, spoil));

    json_decref(challenge);
    return answer;
}

static void
log_in_well(struct browser *browser, const struct soft_passkey *passkey)
{
    struct answer answer = log_in(browser, passkey, NOTHING);

    keep(browser, &answer);
    answer_clear(&answer);
}

static int
session_status(const struct browser *browser)
{
    return status_of(browser, handle_session_show, HTTP_GET, NULL);
}

/* ---- Tickets
 * ------------------------------------------------------------------------ */

static void
a_ticket_logs_an_account_in_once(void **state)
{
    struct browser one = {.agent = firefox};
    char ticket[SESSION_SECRET_LEN + 1];
    struct answer answer;

    (void)state;
    ticket_make("unit-1", ticket);
    answer = ask(&one, handle_session_ticket, HTTP_POST,
                 json_pack("{s:s}", "ticket", ticket));
    keep(&one, &answer);
    assert_non_null(strstr(answer.cookie, "__Host-signet_session="));
    assert_non_null(strstr(answer.cookie, "; Secure; HttpOnly; "
                                          "SameSite=Strict"));
    assert_non_null(strstr(answer.cookie, "Path=/;"));
    assert_string_equal(
        json_string_value(json_object_get(answer.json, "language")), "en");
    answer_clear(&answer);
    answer = ask(&one, handle_session_show, HTTP_GET, NULL);
    assert_int_equal(answer.status, 200);
    assert_string_equal(
        json_string_value(json_object_get(answer.json, "subject")), "unit-1");
    answer_clear(&answer);
    assert_int_equal(status_of(&(struct browser){.agent = firefox},
                               handle_session_ticket, HTTP_POST,
                               json_pack("{s:s}", "ticket", ticket)),
                     401);
}

static void
a_ticket_that_ran_out_or_never_was_opens_nothing(void **state)
{
    struct browser one = {.agent = firefox};
    char ticket[SESSION_SECRET_LEN + 1];

    (void)state;
    ticket_make("unit-1", ticket);
    pg_sql("UPDATE ra.ticket SET expires_at = now() - interval '1 second'");
    assert_int_equal(status_of(&one, handle_session_ticket, HTTP_POST,
                               json_pack("{s:s}", "ticket", ticket)),
                     401);
    memset(ticket, 'a', SESSION_SECRET_LEN);
    assert_int_equal(status_of(&one, handle_session_ticket, HTTP_POST,
                               json_pack("{s:s}", "ticket", ticket)),
                     401);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.session"), "0");
}

static void
the_secret_of_a_cookie_or_a_ticket_is_nowhere_in_the_database(void **state)
{
    struct browser one = {.agent = firefox};
    const char *secret;
    char sql[300];

    (void)state;
    enter(&one, "unit-1");
    secret = strstr(one.cookie, "session=") + 8;
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM ra.session WHERE encode(id_hash,"
                   " 'hex') = '%s' OR csrf = decode('%s', 'hex')",
                   secret, secret);
    assert_string_equal(pg_ask(sql), "0");
}

/* ---- Sessions
 * ------------------------------------------------------------------------- */

static void
a_cookie_taken_to_another_browser_opens_nothing_there_or_here(void **state)
{
    struct browser one = {.agent = firefox};
    struct browser thief;

    (void)state;
    enter(&one, "unit-1");
    assert_int_equal(session_status(&one), 200);
    thief = one;
    thief.agent = "curl/8";
    assert_int_equal(session_status(&thief), 401);
    assert_int_equal(session_status(&one), 401);
}

static void
without_the_token_of_its_session_nothing_is_changed(void **state)
{
    struct browser one = {.agent = firefox}, other = {.agent = firefox};
    struct browser forged;

    (void)state;
    enter(&one, "unit-1");
    enter(&other, "unit-2");
    forged = one;
    forged.csrf[0] = '\0';
    assert_int_equal(status_of(&forged, handle_session_end, HTTP_DELETE, NULL),
                     403);
    memcpy(forged.csrf, other.csrf, sizeof forged.csrf);
    assert_int_equal(status_of(&forged, handle_session_end, HTTP_DELETE, NULL),
                     403);
    assert_int_equal(session_status(&forged), 200); /* reading takes none */
    assert_int_equal(status_of(&one, handle_session_end, HTTP_DELETE, NULL),
                     204);
}

static void
a_request_from_another_sites_page_changes_nothing(void **state)
{
    struct browser one = {.agent = firefox};
    char ticket[SESSION_SECRET_LEN + 1];

    (void)state;
    enter(&one, "unit-1");
    one.site = "cross-site";
    assert_int_equal(status_of(&one, handle_session_end, HTTP_DELETE, NULL),
                     403);
    one.site = "same-site";
    assert_int_equal(status_of(&one, handle_session_end, HTTP_DELETE, NULL),
                     403);
    /* Nor is anybody logged in as somebody else. */
    ticket_make("unit-2", ticket);
    assert_int_equal(status_of(&one, handle_session_ticket, HTTP_POST,
                               json_pack("{s:s}", "ticket", ticket)),
                     403);
    one.site = "same-origin";
    assert_int_equal(status_of(&one, handle_session_end, HTTP_DELETE, NULL),
                     204);
}

static void
an_idle_session_is_over(void **state)
{
    struct browser one = {.agent = firefox};

    (void)state;
    log_in_well(&one, &reviewer);
    pg_sql("UPDATE ra.session SET seen_at = now() - interval '14 minutes'");
    assert_int_equal(session_status(&one), 200);
    pg_sql("UPDATE ra.session SET seen_at = now() - interval '16 minutes'");
    assert_int_equal(session_status(&one), 401);
}

static void
use_keeps_a_session_awake_but_not_for_ever(void **state)
{
    struct browser one = {.agent = firefox};

    (void)state;
    log_in_well(&one, &reviewer);
    pg_sql("UPDATE ra.session SET seen_at = now() - interval '10 minutes'");
    assert_int_equal(session_status(&one), 200);
    assert_string_equal(pg_ask("SELECT seen_at > now() - interval '1 minute'"
                               " FROM ra.session"),
                        "t");
    pg_sql("UPDATE ra.session SET expires_at = now() - interval '1 second'");
    assert_int_equal(session_status(&one), 401);
}

static void
a_session_that_was_ended_opens_nothing(void **state)
{
    struct browser one = {.agent = firefox};

    (void)state;
    enter(&one, "unit-1");
    assert_int_equal(status_of(&one, handle_session_end, HTTP_DELETE, NULL),
                     204);
    assert_int_equal(session_status(&one), 401);
}

static void
a_cookie_that_opens_nothing_is_not_helped_by_a_certificate(void **state)
{
    struct browser one = {.agent = firefox};

    (void)state;
    (void)snprintf(one.cookie, sizeof one.cookie, "%s=%064d", SESSION_COOKIE,
                   7);
    assert_int_equal(session_status(&one), 401);
    (void)snprintf(one.cookie, sizeof one.cookie, "%s=x", SESSION_COOKIE);
    assert_int_equal(session_status(&one), 401);
}

static void
a_session_is_ended_by_its_own_or_an_administrator_only(void **state)
{
    struct browser one = {.agent = firefox}, chief = {.agent = firefox};
    struct browser unit = {.agent = firefox};
    char id[65];
    const char *hex;

    (void)state;
    log_in_well(&one, &reviewer);
    hex = pg_ask("SELECT encode(id_hash, 'hex') FROM ra.session");
    (void)snprintf(id, sizeof id, "%s", hex);
    enter(&unit, "unit-1");
    unit.param = id;
    assert_int_equal(
        status_of(&unit, handle_session_end_other, HTTP_DELETE, NULL), 404);
    log_in_well(&chief, &admin);
    chief.param = id;
    assert_int_equal(
        status_of(&chief, handle_session_end_other, HTTP_DELETE, NULL), 204);
    assert_int_equal(session_status(&one), 401);
    assert_int_equal(session_status(&chief), 200);
}

/* ---- Passkeys
 * ----------------------------------------------------------------------------
 */

static void
a_passkey_logs_its_officer_in(void **state)
{
    struct browser one = {.agent = firefox};
    struct answer answer;

    (void)state;
    log_in_well(&one, &reviewer);
    answer = ask(&one, handle_session_show, HTTP_GET, NULL);
    assert_int_equal(answer.status, 200);
    assert_string_equal(
        json_string_value(json_object_get(answer.json, "subject")),
        reviewer_id);
    assert_string_equal(json_string_value(json_array_get(
                            json_object_get(answer.json, "roles"), 0)),
                        "first-reviewer");
    answer_clear(&answer);
}

static void
a_challenge_is_answered_once_and_in_its_own_browser(void **state)
{
    struct browser one = {.agent = firefox}, other = {.agent = "Chrome"};
    json_t *challenge = challenge_get(&one);
    json_t *proof = proof_make(&reviewer, challenge, NOTHING);

    (void)state;
    assert_int_equal(
        status_of(&one, handle_session_passkey, HTTP_POST, json_incref(proof)),
        201);
    assert_int_equal(status_of(&one, handle_session_passkey, HTTP_POST, proof),
                     401);
    json_decref(challenge);

    challenge = challenge_get(&one);
    proof = proof_make(&reviewer, challenge, NOTHING);
    assert_int_equal(status_of(&other, handle_session_passkey, HTTP_POST,
                               json_incref(proof)),
                     401);
    /* And now it is used up. */
    assert_int_equal(status_of(&one, handle_session_passkey, HTTP_POST, proof),
                     401);
    json_decref(challenge);
}

/* Every log-in that fails says the same. */
static void
unknown_wrong_and_dismissed_get_one_answer(void **state)
{
    struct {
        const struct soft_passkey *passkey;
        enum spoil spoil;
        const char *reviewer_state;
    } const cases[] = {
        {&stranger, NOTHING, "active"},    {&reviewer, SIGNATURE, "active"},
        {&reviewer, UNVERIFIED, "active"}, {&reviewer, ORIGIN, "active"},
        {&reviewer, NOTHING, "dismissed"},
    };
    struct browser one = {.agent = firefox};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer answer;

        register_make(cases[i].reviewer_state);
        answer = log_in(&one, cases[i].passkey, cases[i].spoil);
        assert_int_equal(answer.status, 401);
        assert_string_equal(answer.cookie, "");
        assert_string_equal(
            json_string_value(json_object_get(answer.json, "detail")),
            "this opens nothing here, or not any more");
        answer_clear(&answer);
    }
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.session"), "0");
}

static int64_t
quickest_us(const struct soft_passkey *passkey, enum spoil spoil)
{
    struct browser one = {.agent = firefox};
    int64_t best = INT64_MAX;

    for (int i = 0; i < 12; i++) {
        json_t *challenge;
        json_t *proof;
        int64_t began;

        if (i % 8 == 0) { /* no lock-out while time is taken */
            throttle_free(ra.logins);
            ra.logins = throttle_new(100, 60000);
        }
        challenge = challenge_get(&one);
        proof = proof_make(passkey, challenge, spoil);
        began = clock_now_us();
        assert_int_equal(
            status_of(&one, handle_session_passkey, HTTP_POST, proof), 401);
        if (clock_now_us() - began < best)
            best = clock_now_us() - began;
        json_decref(challenge);
    }
    return best;
}

static void
an_unknown_passkey_takes_as_long_as_a_wrong_signature(void **state)
{
    int64_t unknown = quickest_us(&stranger, NOTHING);
    int64_t wrong = quickest_us(&reviewer, SIGNATURE);

    (void)state;
    assert_true(unknown < 2 * wrong && wrong < 2 * unknown);
}

static void
a_dismissed_officer_has_no_session_any_more(void **state)
{
    struct browser one = {.agent = firefox};

    (void)state;
    log_in_well(&one, &reviewer);
    assert_int_equal(session_status(&one), 200);
    register_make("dismissed");
    assert_int_equal(session_status(&one), 401);
}

static void
failing_again_and_again_locks_the_address_out(void **state)
{
    struct browser one = {.agent = firefox};
    json_t *last = challenge_get(&one); /* for the right one at the end */

    (void)state;
    for (int i = 0; i < THROTTLE_LOGINS_MAX; i++) {
        struct answer answer = log_in(&one, &stranger, NOTHING);

        assert_int_equal(answer.status, 401);
        answer_clear(&answer);
    }
    assert_int_equal(status_of(&one, handle_session_passkey, HTTP_POST,
                               proof_make(&reviewer, last, NOTHING)),
                     429);
    assert_int_equal(
        status_of(&one, handle_session_passkey_options, HTTP_POST, NULL), 429);
    json_decref(last);
}

static void
challenges_cannot_be_asked_for_without_end(void **state)
{
    struct browser one = {.agent = firefox};
    int given = 0;

    (void)state;
    while (given < 1000 && status_of(&one, handle_session_passkey_options,
                                     HTTP_POST, NULL) == 201)
        given++;
    assert_in_range(given, THROTTLE_FAILURES_MAX, THROTTLE_FAILURES_MAX + 5);
}

static void
bad_cookies_of_an_address_do_not_lock_its_sessions_out(void **state)
{
    struct browser one = {.agent = firefox}, bad = {.agent = firefox};
    int status = 401;

    (void)state;
    enter(&one, "unit-1");
    (void)snprintf(bad.cookie, sizeof bad.cookie, "%s=%064d", SESSION_COOKIE,
                   7);
    for (int i = 0; i < THROTTLE_FAILURES_MAX + 5 && status == 401; i++)
        status = session_status(&bad);
    assert_int_equal(status, 429);
    assert_int_equal(session_status(&one), 200);
}

/* ---- Officers' cases
 * ---------------------------------------------------------------------- */

/* Opens a case for a new officer; the ticket of its link is in `ticket`. */
static void
invite(struct browser *chief, char id[TEXT_UUID_LEN + 1],
       char ticket[SESSION_SECRET_LEN + 1])
{
    struct answer answer = ask(
        chief, handle_officer_case_create, HTTP_POST,
        json_pack("{s:s, s:s, s:s, s:[s,s]}", "kind", "enroll-officer", "name",
                  "新人", "person", "P-7", "roles", "first-reviewer", "maker"));
    const char *url;

    assert_int_equal(answer.status, 201);
    url = json_string_value(json_object_get(answer.json, "url"));
    assert_memory_equal(url, origin, strlen(origin));
    (void)snprintf(ticket, SESSION_SECRET_LEN + 1, "%s", strrchr(url, '/') + 1);
    (void)snprintf(id, TEXT_UUID_LEN + 1, "%s",
                   json_string_value(json_object_get(answer.json, "id")));
    answer_clear(&answer);
}

/* The browser of who was invited makes a passkey. */
static int
make_passkey(const char *id, const char *ticket,
             const struct soft_passkey *passkey)
{
    struct browser guest = {.agent = "Safari", .param = id};
    struct buf challenge = BUF_INIT(64), object = BUF_INIT(4096);
    struct buf client_data = BUF_INIT(4096);
    struct webauthn_scene scene = {rp_id, origin, NULL, 0};
    struct answer answer = ask(&guest, handle_officer_case_invitation,
                               HTTP_POST, json_pack("{s:s}", "ticket", ticket));
    const char *text =
        json_string_value(json_object_get(answer.json, "challenge"));
    json_t *body;
    int status = answer.status;

    if (status == 200) {
        assert_true(text_unbase64(text, strlen(text), &challenge));
        scene.challenge = challenge.data;
        scene.challenge_len = challenge.len;
        soft_client_data("webauthn.create", &scene, "", &client_data);
        soft_passkey_attest(passkey, &scene, SOFT_BOTH, "none", &client_data,
                            &object);
        body = json_object();
        json_set_text(body, "ticket", ticket);
        json_set_bytes(body, "attestation_object", object.data, object.len);
        json_set_bytes(body, "client_data", client_data.data, client_data.len);
        status =
            status_of(&guest, handle_officer_case_credential, HTTP_POST, body);
    }
    answer_clear(&answer);
    buf_clear(&challenge);
    buf_clear(&object);
    buf_clear(&client_data);
    return status;
}

static struct answer
approve(struct browser *chief, const char *officer_id,
        const struct soft_passkey *passkey, const char *id, enum api_step step)
{
    struct api_decision decision = {
        .step = step, .verdict = API_APPROVE, .decided_at = clock_now()};
    struct answer whole;
    const char *digest_hex;
    uint8_t digest[32];
    size_t len;

    chief->param = id;
    whole = ask(chief, handle_officer_case_show, HTTP_GET, NULL);
    assert_int_equal(whole.status, 200);
    digest_hex = json_string_value(json_object_get(whole.json, "digest"));
    assert_true(text_unhex(digest_hex, digest, sizeof digest, &len));
    memcpy(decision.officer_id, officer_id, sizeof decision.officer_id);
    soft_passkey_decide(
        passkey, rp_id, origin, SOFT_BOTH, &decision,
        json_string_value(json_object_get(whole.json, "order_id")), digest);
    answer_clear(&whole);
    return ask(chief, handle_officer_case_decide, HTTP_POST,
               api_decision_json(&decision));
}

static void
approve_well(struct browser *chief, const char *officer_id,
             const struct soft_passkey *passkey, const char *id,
             enum api_step step, const char *becomes)
{
    struct answer answer = approve(chief, officer_id, passkey, id, step);

    assert_int_equal(answer.status, 200);
    assert_string_equal(
        json_string_value(json_object_get(answer.json, "state")), becomes);
    answer_clear(&answer);
}

static void
an_officer_is_enrolled_by_two_administrators(void **state)
{
    struct browser one = {.agent = firefox}, two = {.agent = firefox};
    char id[TEXT_UUID_LEN + 1], ticket[SESSION_SECRET_LEN + 1];
    struct answer answer;

    (void)state;
    log_in_well(&one, &admin);
    log_in_well(&two, &admin_2);
    invite(&one, id, ticket);
    assert_int_equal(make_passkey(id, ticket, &stranger), 200);
    approve_well(&one, admin_id, &admin, id, API_STEP_ADMINISTRATION,
                 "approved");
    assert_int_equal(orders_sent, 0);
    /* One administrator is one. */
    answer =
        approve(&one, admin_id, &admin, id, API_STEP_SECOND_ADMINISTRATION);
    assert_int_equal(answer.status, 403);
    answer_clear(&answer);
    approve_well(&two, admin_2_id, &admin_2, id, API_STEP_SECOND_ADMINISTRATION,
                 "done");
    assert_int_equal(orders_sent, 1);
    assert_string_equal(pg_ask("SELECT state FROM ra.officer_case"), "done");
}

static void
an_invitation_is_used_once_and_for_its_own_case(void **state)
{
    struct browser one = {.agent = firefox};
    char id[TEXT_UUID_LEN + 1], ticket[SESSION_SECRET_LEN + 1];
    char other[TEXT_UUID_LEN + 1], other_ticket[SESSION_SECRET_LEN + 1];

    (void)state;
    log_in_well(&one, &admin);
    invite(&one, id, ticket);
    invite(&one, other, other_ticket);
    assert_int_equal(make_passkey(other, ticket, &stranger), 404);
    assert_int_equal(make_passkey(id, ticket, &stranger), 200);
    assert_int_equal(make_passkey(id, ticket, &stranger), 404);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.officer_case"
                               " WHERE credential IS NOT NULL"),
                        "1");
}

static void
a_decision_that_somebody_else_signed_counts_nothing(void **state)
{
    struct browser one = {.agent = firefox};
    char id[TEXT_UUID_LEN + 1], ticket[SESSION_SECRET_LEN + 1];
    struct answer answer;

    (void)state;
    log_in_well(&one, &admin);
    invite(&one, id, ticket);
    assert_int_equal(make_passkey(id, ticket, &stranger), 200);
    /* The other administrator's name and passkey, in this one's session. */
    answer = approve(&one, admin_2_id, &admin_2, id, API_STEP_ADMINISTRATION);
    assert_int_equal(answer.status, 403);
    answer_clear(&answer);
    answer = approve(&one, admin_id, &stranger, id, API_STEP_ADMINISTRATION);
    assert_int_equal(answer.status, 403);
    answer_clear(&answer);
    assert_string_equal(pg_ask("SELECT state FROM ra.officer_case"), "ready");
}

static void
only_administrators_invite_and_decide(void **state)
{
    struct browser one = {.agent = firefox}, unit = {.agent = firefox};

    (void)state;
    log_in_well(&one, &reviewer);
    enter(&unit, "unit-1");
    assert_int_equal(
        status_of(&one, handle_officer_case_create, HTTP_POST,
                  json_pack("{s:s, s:s}", "kind", "dismiss-officer",
                            "officer_id", admin_id)),
        403);
    assert_int_equal(status_of(&unit, handle_officer_list, HTTP_GET, NULL),
                     403);
}

static void
nobody_decides_about_themselves(void **state)
{
    struct browser one = {.agent = firefox}, two = {.agent = firefox};
    char id[TEXT_UUID_LEN + 1];
    struct answer answer;

    (void)state;
    log_in_well(&one, &admin);
    log_in_well(&two, &admin_2);
    answer = ask(&one, handle_officer_case_create, HTTP_POST,
                 json_pack("{s:s, s:s}", "kind", "dismiss-officer",
                           "officer_id", admin_2_id));
    assert_int_equal(answer.status, 201);
    (void)snprintf(id, sizeof id, "%s",
                   json_string_value(json_object_get(answer.json, "id")));
    answer_clear(&answer);
    answer = approve(&two, admin_2_id, &admin_2, id, API_STEP_ADMINISTRATION);
    assert_int_equal(answer.status, 403);
    answer_clear(&answer);
}

static void
an_order_without_answer_is_sent_again(void **state)
{
    struct browser one = {.agent = firefox}, two = {.agent = firefox};
    char id[TEXT_UUID_LEN + 1], ticket[SESSION_SECRET_LEN + 1];
    const char *becomes;
    struct error err = {0};

    (void)state;
    log_in_well(&one, &admin);
    log_in_well(&two, &admin_2);
    invite(&one, id, ticket);
    assert_int_equal(make_passkey(id, ticket, &stranger), 200);
    approve_well(&one, admin_id, &admin, id, API_STEP_ADMINISTRATION,
                 "approved");
    outcome = CA_PENDING;
    approve_well(&two, admin_2_id, &admin_2, id, API_STEP_SECOND_ADMINISTRATION,
                 "sending");
    outcome = CA_REFUSED;
    assert_true(
        officer_case_send(worker.db, NULL, id, clock_now(), &becomes, &err));
    assert_string_equal(becomes, "refused");
    assert_string_equal(pg_ask("SELECT problem FROM ra.officer_case"),
                        "the CA said no, or nothing");
    assert_false(
        officer_case_send(worker.db, NULL, id, clock_now(), &becomes, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_ticket_logs_an_account_in_once),
        T(a_ticket_that_ran_out_or_never_was_opens_nothing),
        T(the_secret_of_a_cookie_or_a_ticket_is_nowhere_in_the_database),
        T(a_cookie_taken_to_another_browser_opens_nothing_there_or_here),
        T(without_the_token_of_its_session_nothing_is_changed),
        T(a_request_from_another_sites_page_changes_nothing),
        T(an_idle_session_is_over),
        T(use_keeps_a_session_awake_but_not_for_ever),
        T(a_session_that_was_ended_opens_nothing),
        T(a_cookie_that_opens_nothing_is_not_helped_by_a_certificate),
        T(a_session_is_ended_by_its_own_or_an_administrator_only),
        T(a_passkey_logs_its_officer_in),
        T(a_challenge_is_answered_once_and_in_its_own_browser),
        T(unknown_wrong_and_dismissed_get_one_answer),
        T(an_unknown_passkey_takes_as_long_as_a_wrong_signature),
        T(a_dismissed_officer_has_no_session_any_more),
        T(failing_again_and_again_locks_the_address_out),
        T(challenges_cannot_be_asked_for_without_end),
        T(bad_cookies_of_an_address_do_not_lock_its_sessions_out),
        T(an_officer_is_enrolled_by_two_administrators),
        T(an_invitation_is_used_once_and_for_its_own_case),
        T(a_decision_that_somebody_else_signed_counts_nothing),
        T(only_administrators_invite_and_decide),
        T(nobody_decides_about_themselves),
        T(an_order_without_answer_is_sent_again),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
