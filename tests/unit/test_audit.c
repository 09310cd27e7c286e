/* ca-core/audit_verify.h: what an enemy of the CA, or the CA, may do to an
 * export, and that it is found and named. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include <openssl/x509.h>

#include "base/text.h"
#include "ca-core/api.h"
#include "ca-core/audit_verify.h"
#include "ca-core/entry.h"

enum { NOW = 1795510800, FIRST = 100, COUNT = 10, ACCEPTED = 4 };

static EVP_PKEY *log_key, *officer_key;
static uint8_t *officer_certificate;
static int officer_certificate_len;

/* An export under the hands of a test: lines that it may change. */
struct export
{
    struct buf body[COUNT];
    struct db_entry entry[COUNT];
    char *line[COUNT + 2]; /* with their ends */
    size_t line_count;
    bool has_header;
    struct manifest manifest;
    struct manifest_signed as_signed;
    char findings[4096];
    struct audit_verdict verdict;
};

/* ---- Making ------------------------------------------------------------ */

static int
make_keys(void **state)
{
    X509 *x509 = X509_new();

    (void)state;
    log_key = EVP_EC_gen("P-256");
    officer_key = EVP_EC_gen("P-256");
    if (x509 == NULL || log_key == NULL || officer_key == NULL ||
        X509_set_version(x509, X509_VERSION_3) != 1 ||
        X509_gmtime_adj(X509_getm_notBefore(x509), 0) == NULL ||
        X509_gmtime_adj(X509_getm_notAfter(x509), 86400) == NULL ||
        X509_set_pubkey(x509, officer_key) != 1 ||
        X509_sign(x509, officer_key, EVP_sha256()) <= 0)
        return -1;
    officer_certificate_len = i2d_X509(x509, &officer_certificate);
    X509_free(x509);
    return officer_certificate_len > 0 ? 0 : -1;
}

static int
free_keys(void **state)
{
    (void)state;
    EVP_PKEY_free(log_key);
    EVP_PKEY_free(officer_key);
    OPENSSL_free(officer_certificate);
    return 0;
}

/* Members of an order.accepted with one decision. */
static json_t *
accepted(void)
{
    static const char order_id[] = "00000000-0000-4000-8000-000000000001";
    static const char officer_id[] = "00000000-0000-4000-8000-000000000002";
    struct api_decision decision = {.step = API_STEP_FIRST_REVIEW,
                                    .decided_at = NOW - 60};
    json_t *members = json_object(), *order = json_object();
    json_t *decisions = json_array(), *one = NULL;
    struct error err = {0};
    uint8_t digest[32];

    memcpy(decision.officer_id, officer_id, sizeof officer_id);
    json_set_text(order, "order_id", order_id);
    json_set_text(order, "kind", "revoke");
    assert_true(json_digest(order, digest, &err));
    if (!api_decision_sign(&decision, order_id, digest, officer_certificate,
                           (size_t)officer_certificate_len, officer_key,
                           &err) ||
        !entry_decision_json(&decision, order_id, digest, officer_certificate,
                             (size_t)officer_certificate_len, &one, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    json_array_append_new(decisions, one);
    json_object_set_new(members, "order", order);
    json_set_hex(members, "digest", digest, sizeof digest);
    json_object_set_new(members, "decisions", decisions);
    return members;
}

static void
set_entry(struct export *e, size_t i, const char *event, const json_t *members)
{
    struct error err = {0};

    buf_clear(&e->body[i]);
    e->body[i].limit = ENTRY_BODY_MAX;
    assert_true(entry_build(NOW + (int64_t)i, event, "some \"thing\", of 名字",
                            members, &e->body[i], &e->entry[i], &err));
}

/* Signs what is there: as the CA does. */
static void
sign_export(struct export *e, EVP_PKEY *key, size_t count)
{
    struct buf octets = BUF_INIT(MANIFEST_MAX);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    struct manifest *m = &e->manifest;
    struct merkle merkle;
    struct error err = {0};
    uint8_t *spki = NULL, signature[HSM_SIGNATURE_MAX];
    int spki_len = i2d_PUBKEY(key, &spki);
    size_t len = sizeof signature;
    json_t *document = NULL;

    *m = (struct manifest){.from = NOW,
                           .to = NOW + COUNT,
                           .first_index = count > 0 ? FIRST : 0,
                           .last_index =
                               count > 0 ? FIRST + (int64_t)count - 1 : -1,
                           .count = (int64_t)count,
                           .made_at = NOW + 1000};
    assert_true(merkle_init(&merkle, &err));
    for (size_t i = 0; i < count; i++)
        assert_true(merkle_add(&merkle, e->entry[i].hash, &err));
    assert_true(merkle_root(&merkle, m->root, &err));
    merkle_clear(&merkle);
    assert_true(spki_len > 0);
    assert_int_equal(EVP_Q_digest(NULL, "SHA256", NULL, spki, (size_t)spki_len,
                                  m->log_key, NULL),
                     1);
    assert_true(manifest_encode(m, &octets, &err));
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key),
                     1);
    assert_int_equal(
        EVP_DigestSign(context, signature, &len, octets.data, octets.len), 1);
    assert_true(manifest_document(m, HSM_ECDSA_SHA256, spki, (size_t)spki_len,
                                  signature, len, &document, &err));
    manifest_clear(&e->as_signed);
    if (!manifest_parse(document, &e->as_signed, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    json_decref(document);
    EVP_MD_CTX_free(context);
    OPENSSL_free(spki);
    buf_clear(&octets);
}

static void
set_line(struct export *e, size_t at, const char *text)
{
    free(e->line[at]);
    e->line[at] = base_text_copy(text);
}

static void
write_lines(struct export *e, enum audit_format format)
{
    struct error err = {0};

    e->has_header = format == AUDIT_CSV;
    e->line_count = COUNT;
    for (size_t i = 0; i < COUNT; i++) {
        struct buf line = BUF_INIT(AUDIT_LINE_MAX);

        assert_true(audit_record_format(format, FIRST + (int64_t)i,
                                        &e->entry[i], &line, &err));
        set_line(e, i, buf_text(&line));
        buf_clear(&line);
    }
}

static int
make_export(void **state)
{
    struct export *e = base_alloc(sizeof *e);
    json_t *members = accepted();

    for (size_t i = 0; i < COUNT; i++)
        set_entry(e, i, i == ACCEPTED ? "order.accepted" : "test.event",
                  i == ACCEPTED ? members : NULL);
    json_decref(members);
    sign_export(e, log_key, COUNT);
    write_lines(e, AUDIT_JSONL);
    *state = e;
    return 0;
}

static int
free_export(void **state)
{
    struct export *e = *state;

    for (size_t i = 0; i < COUNT; i++)
        buf_clear(&e->body[i]);
    for (size_t i = 0; i < COUNT + 2; i++)
        free(e->line[i]);
    manifest_clear(&e->as_signed);
    free(e);
    return 0;
}

/* ---- Judging ----------------------------------------------------------- */

/* audit_tell */
static void
note(const char *finding, void *arg)
{
    struct export *e = arg;
    size_t used = strlen(e->findings);

    (void)snprintf(e->findings + used, sizeof e->findings - used, "%s\n",
                   finding);
}

/* The findings, each with a line end. */
static const char *
judge(struct export *e, EVP_PKEY *trusted)
{
    struct error err = {0};
    FILE *file = tmpfile();

    assert_non_null(file);
    if (e->has_header)
        (void)fprintf(file, "%s\n", audit_csv_header);
    for (size_t i = 0; i < e->line_count; i++)
        (void)fputs(e->line[i], file);
    rewind(file);
    e->findings[0] = '\0';
    if (!audit_verify(file, &e->as_signed, trusted, note, e, &e->verdict, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    (void)fclose(file);
    return e->findings;
}

static void
assert_found(struct export *e, const char *finding)
{
    if (strstr(judge(e, log_key), finding) == NULL)
        fail_msg("not found: %s\nbut: %s", finding, e->findings);
    assert_true(e->verdict.findings > 0);
}

static void
remove_line(struct export *e, size_t at)
{
    char *gone = e->line[at];

    memmove(&e->line[at], &e->line[at + 1],
            (e->line_count - at) * sizeof e->line[0]);
    e->line[e->line_count] = NULL;
    e->line_count--;
    free(gone);
}

static void
swap_lines(struct export *e, size_t a, size_t b)
{
    char *line = e->line[a];

    e->line[a] = e->line[b];
    e->line[b] = line;
}

/* Replaces the first `from` in a line; both of one length. */
static void
edit_line(struct export *e, size_t at, const char *from, const char *to)
{
    char *place = strstr(e->line[at], from);

    assert_non_null(place);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(place, to, strlen(to));
}

/* ---- What is right ----------------------------------------------------- */

static void
an_untouched_export_is_right_in_both_formats(void **state)
{
    struct export *e = *state;

    assert_string_equal(judge(e, log_key), "");
    assert_true(e->verdict.entries == COUNT);
    assert_true(e->verdict.decisions == 1);
    write_lines(e, AUDIT_CSV);
    assert_string_equal(judge(e, NULL), "");
    assert_true(e->verdict.entries == COUNT);
    assert_true(e->verdict.decisions == 1);
}

static void
an_export_of_nothing_is_right_and_no_other(void **state)
{
    struct export *e = *state;

    sign_export(e, log_key, 0);
    assert_found(e, "entry 100 is not one of this export");
    e->line_count = 0;
    assert_string_equal(judge(e, log_key), "");
    e->line_count = COUNT;
}

/* ---- Removed, reordered, doubled --------------------------------------- */

static void
a_removed_entry_is_named_wherever_it_stood(void **state)
{
    struct export *e = *state;

    for (int format = AUDIT_JSONL; format <= AUDIT_CSV; format++) {
        write_lines(e, (enum audit_format)format);
        remove_line(e, 5);
        assert_found(e, "entry 105 is missing\n");
        assert_non_null(strstr(e->findings, "root"));

        write_lines(e, (enum audit_format)format);
        remove_line(e, 0);
        assert_found(e, "entry 100 is missing\n");

        write_lines(e, (enum audit_format)format);
        remove_line(e, COUNT - 1);
        remove_line(e, COUNT - 2);
        assert_found(e, "entries 108 to 109 are missing\n");
    }
}

static void
a_removed_entry_is_found_though_the_others_moved_up(void **state)
{
    struct export *e = *state;

    /* What remains is numbered without a gap, and one short. */
    for (size_t i = 5; i + 1 < COUNT; i++)
        e->entry[i] = e->entry[i + 1];
    write_lines(e, AUDIT_JSONL);
    e->line_count--;
    assert_found(e, "entry 109 is missing\n");
    assert_non_null(strstr(e->findings, "not those that were signed"));
    e->line_count++;
}

static void
a_reordered_entry_is_named(void **state)
{
    struct export *e = *state;

    swap_lines(e, 2, 7);
    assert_found(e, "entry 102 stands after entry 107: reordered\n");
    assert_null(strstr(e->findings, "missing"));

    write_lines(e, AUDIT_CSV);
    swap_lines(e, 0, 1);
    assert_found(e, "entry 100 stands after entry 101: reordered\n");
}

static void
entries_that_changed_places_and_numbers_are_found(void **state)
{
    struct export *e = *state;
    struct db_entry entry = e->entry[2];

    e->entry[2] = e->entry[7];
    e->entry[7] = entry;
    write_lines(e, AUDIT_JSONL);
    assert_found(e, "not those that were signed");
}

static void
a_doubled_entry_is_named(void **state)
{
    struct export *e = *state;

    set_line(e, COUNT, e->line[3]);
    e->line_count++;
    assert_found(e, "entry 103 is there twice\n");
}

static void
an_entry_from_elsewhere_is_named(void **state)
{
    struct export *e = *state;

    edit_line(e, 9, "\"index\":109", "\"index\":209");
    assert_found(e, "entry 209 is not one of this export\n");
    assert_non_null(strstr(e->findings, "entry 109 is missing\n"));
}

/* ---- Altered ----------------------------------------------------------- */

static void
an_altered_entry_is_named(void **state)
{
    struct export *e = *state;

    edit_line(e, 3, "test.event", "rest.event");
    assert_found(e, "entry 103 was altered");
    write_lines(e, AUDIT_CSV);
    edit_line(e, 3, "\"\"test.event", "\"\"rest.event");
    assert_found(e, "entry 103 was altered"); /* also: the columns differ */
    write_lines(e, AUDIT_CSV);
    edit_line(e, 3, ",\"test.event", ",\"rest.event");
    assert_found(e, "entry 103 was altered");
}

static void
an_altered_hash_is_named(void **state)
{
    struct export *e = *state;
    char hex[17];

    text_hex(e->entry[6].hash, 8, hex);
    edit_line(e, 6, hex, "0123456789abcdef");
    assert_found(e, "entry 106 was altered: its hash is another\n");
}

static void
an_entry_altered_together_with_its_hash_is_found(void **state)
{
    struct export *e = *state;

    set_entry(e, 6, "test.other", NULL);
    write_lines(e, AUDIT_JSONL);
    assert_found(e, "entries 100 to 109 are not those that were signed");
    assert_true(e->verdict.findings == 1);
}

static void
an_entry_in_another_form_is_named(void **state)
{
    struct export *e = *state;
    struct buf line = BUF_INIT(4096);

    /* The same JSON, other octets. */
    buf_addf(&line, " %s", e->line[1]);
    set_line(e, 1, buf_text(&line));
    buf_reset(&line);
    buf_addf(&line, "{\"x\":1,%s", e->line[2] + 1);
    set_line(e, 2, buf_text(&line));
    set_line(e, 8, "no JSON at all\n");
    assert_found(e, "entry 101 was altered: line 2: ");
    assert_non_null(strstr(e->findings, "entry 102 was altered: line 3: "));
    assert_non_null(strstr(e->findings, "line 9 is no entry"));
    assert_non_null(strstr(e->findings, "entry 108 is missing\n"));
    buf_clear(&line);
}

static void
a_file_that_was_cut_is_found(void **state)
{
    struct export *e = *state;

    e->line[9][strlen(e->line[9]) - 1] = '\0';
    assert_found(e, "line 10 has no end: the file was cut\n");
    e->line[9][20] = '\0';
    assert_found(e, "line 10 is no entry");
}

static void
an_entry_of_another_time_is_named(void **state)
{
    struct export *e = *state;

    /* The CA signs what is not of the time that was asked for. */
    e->as_signed.manifest.to = NOW + 5;
    assert_found(e, "entry 109 is not of the time of this export\n");
}

/* ---- The manifest ------------------------------------------------------ */

static void
a_manifest_of_another_key_is_found(void **state)
{
    struct export *e = *state;
    EVP_PKEY *other = EVP_EC_gen("P-256");

    sign_export(e, other, COUNT);
    assert_found(e, "the manifest is of another log key\n");
    assert_string_equal(judge(e, NULL), ""); /* hence --key */
    EVP_PKEY_free(other);
}

static void
an_altered_manifest_is_found(void **state)
{
    struct export *e = *state;
    struct manifest was = e->as_signed.manifest;
    struct manifest *m = &e->as_signed.manifest;

    m->made_at++;
    assert_found(e, "not signed by the log key\n");
    *m = was;
    m->from--;
    assert_found(e, "not signed by the log key\n");
    *m = was;
    m->last_index--;
    m->count--;
    remove_line(e, COUNT - 1);
    assert_found(e, "not signed by the log key\n");
    *m = was;
    write_lines(e, AUDIT_JSONL);
    e->as_signed.signature[e->as_signed.signature_len - 1] ^= 1;
    assert_found(e, "not signed by the log key\n");
}

static void
a_manifest_is_read_strictly(void **state)
{
    static const char *const wrong[] = {
        "{}",
        "{\"manifest\":{},\"public_key\":\"\",\"scheme\":\"\","
        "\"signature\":\"\"}",
        "{\"manifest\":[],\"public_key\":1,\"scheme\":2,\"signature\":3}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct manifest_signed got;
        struct error err = {0};
        json_t *json = NULL;

        assert_true(json_parse_object((const uint8_t *)wrong[i],
                                      strlen(wrong[i]), &json, &err));
        assert_false(manifest_parse(json, &got, &err));
        assert_int_equal(err.code, ERROR_INPUT);
        json_decref(json);
    }
}

/* ---- Officers ---------------------------------------------------------- */

/* The CA itself writes and signs this in place of the accepted order. */
static void
forge(struct export *e, json_t *take_members)
{
    set_entry(e, ACCEPTED, "order.accepted", take_members);
    json_decref(take_members);
    sign_export(e, log_key, COUNT);
    write_lines(e, AUDIT_JSONL);
}

static json_t *
only_decision(json_t *members)
{
    return json_array_get(json_object_get(members, "decisions"), 0);
}

static void
an_order_accepted_without_a_decision_is_named(void **state)
{
    struct export *e = *state;
    json_t *members = accepted();

    (void)json_object_del(members, "decisions");
    forge(e, members);
    assert_found(e, "entry 104: accepted without a decision\n");
    assert_true(e->verdict.findings == 1);
}

static void
a_decision_with_another_signature_is_named(void **state)
{
    struct export *e = *state;
    json_t *members = accepted();

    /* Well-formed: r and s are 1. */
    json_set_bytes(only_decision(members), "signature",
                   (const uint8_t *)"\x30\x06\x02\x01\x01\x02\x01\x01", 8);
    forge(e, members);
    assert_found(e, "entry 104: decisions[0]: the signature");
    assert_true(e->verdict.findings == 1);
}

static void
a_decision_over_another_order_is_named(void **state)
{
    struct export *e = *state;
    json_t *members = accepted();
    json_t *order = json_object_get(members, "order");
    uint8_t digest[32];
    struct error err = {0};

    json_set_text(order, "kind", "hold");
    forge(e, json_deep_copy(members));
    assert_found(e, "entry 104: \"digest\" is not that of the order\n");

    assert_true(json_digest(order, digest, &err));
    json_set_hex(members, "digest", digest, sizeof digest);
    forge(e, members);
    assert_found(e, "entry 104: decisions[0]: \"statement\" is not one over "
                    "this order\n");
}

static void
a_decision_with_another_certificate_is_named(void **state)
{
    struct export *e = *state;
    json_t *members = accepted();

    json_set_bytes(only_decision(members), "certificate",
                   (const uint8_t *)"another", 7);
    forge(e, members);
    assert_found(e, "entry 104: decisions[0]: \"certificate\" is not the one "
                    "of \"credential_id\"\n");
}

static void
a_decision_of_another_officer_is_named(void **state)
{
    struct export *e = *state;
    json_t *members = accepted();

    json_set_text(only_decision(members), "officer_id",
                  "00000000-0000-4000-8000-000000000009");
    forge(e, members);
    assert_found(e, "entry 104: decisions[0]: ");
}

int
main(void)
{
#define ON_EXPORT(test)                                                        \
    cmocka_unit_test_setup_teardown(test, make_export, free_export)
    const struct CMUnitTest tests[] = {
        ON_EXPORT(an_untouched_export_is_right_in_both_formats),
        ON_EXPORT(an_export_of_nothing_is_right_and_no_other),
        ON_EXPORT(a_removed_entry_is_named_wherever_it_stood),
        ON_EXPORT(a_removed_entry_is_found_though_the_others_moved_up),
        ON_EXPORT(a_reordered_entry_is_named),
        ON_EXPORT(entries_that_changed_places_and_numbers_are_found),
        ON_EXPORT(a_doubled_entry_is_named),
        ON_EXPORT(an_entry_from_elsewhere_is_named),
        ON_EXPORT(an_altered_entry_is_named),
        ON_EXPORT(an_altered_hash_is_named),
        ON_EXPORT(an_entry_altered_together_with_its_hash_is_found),
        ON_EXPORT(an_entry_in_another_form_is_named),
        ON_EXPORT(a_file_that_was_cut_is_found),
        ON_EXPORT(an_entry_of_another_time_is_named),
        ON_EXPORT(a_manifest_of_another_key_is_found),
        ON_EXPORT(an_altered_manifest_is_found),
        cmocka_unit_test(a_manifest_is_read_strictly),
        ON_EXPORT(an_order_accepted_without_a_decision_is_named),
        ON_EXPORT(a_decision_with_another_signature_is_named),
        ON_EXPORT(a_decision_over_another_order_is_named),
        ON_EXPORT(a_decision_with_another_certificate_is_named),
        ON_EXPORT(a_decision_of_another_officer_is_named),
    };

    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
