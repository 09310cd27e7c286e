/* The cache of signed answers, and HTTP answers in one piece. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ocsp/cache.h"

static struct ocsp_reply *
reply_of(unsigned n)
{
    return ocsp_reply_new(200, "application/ocsp-response", NULL, &n, sizeof n);
}

/* An id like a CertID: the serial at its end. */
static struct der
id_of(unsigned n, uint8_t out[40])
{
    uint64_t serial = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);

    memset(out, 0x30, 40);
    memcpy(out + 32, &serial, sizeof serial);
    return (struct der){out, 40};
}

static struct ocsp_cache_entry *
add(struct ocsp_cache *cache, unsigned n)
{
    uint8_t octets[40];
    struct ocsp_cache_entry *entry = ocsp_cache_add(cache, id_of(n, octets));

    assert_non_null(entry);
    ocsp_cache_entry_set(cache, entry, reply_of(n));
    return entry;
}

static struct ocsp_cache_entry *
find(struct ocsp_cache *cache, unsigned n)
{
    uint8_t octets[40];

    return ocsp_cache_find(cache, id_of(n, octets));
}

static void
what_was_added_is_found_by_its_whole_id(void **state)
{
    struct ocsp_cache *cache = ocsp_cache_new(1024);
    uint8_t octets[40];
    struct der id;
    unsigned n;

    (void)state;
    for (n = 0; n < 100; n++)
        add(cache, n);
    for (n = 0; n < 100; n++) {
        assert_non_null(find(cache, n));
        id = id_of(n, octets);
        octets[0] ^= 1; /* the same serial under another issuer */
        assert_null(ocsp_cache_find(cache, id));
    }
    assert_null(find(cache, 100));
    assert_int_equal(ocsp_cache_stats(cache).count, 100);
    ocsp_cache_free(cache);
}

static void
a_full_cache_gives_up_what_was_unused_for_longest(void **state)
{
    struct ocsp_cache *cache = ocsp_cache_new(8); /* one set */
    unsigned n;

    (void)state;
    for (n = 0; n < 8; n++)
        add(cache, n);
    assert_non_null(find(cache, 0)); /* used again: number 1 is the oldest */
    add(cache, 8);
    assert_non_null(find(cache, 0));
    assert_null(find(cache, 1));
    for (n = 2; n < 9; n++)
        assert_non_null(find(cache, n));
    assert_int_equal(ocsp_cache_stats(cache).count, 8);
    ocsp_cache_free(cache);
}

static void
an_entry_that_somebody_waits_for_stays(void **state)
{
    struct ocsp_cache *cache = ocsp_cache_new(8);
    struct ocsp_cache_entry *entry[8];
    uint8_t octets[40];
    unsigned n;

    (void)state;
    for (n = 0; n < 8; n++) {
        entry[n] = add(cache, n);
        entry[n]->ticket = cache;
    }
    assert_null(ocsp_cache_add(cache, id_of(8, octets)));
    entry[3]->ticket = NULL;
    add(cache, 8);
    assert_null(find(cache, 3));
    for (n = 0; n < 8; n++)
        if (n != 3)
            entry[n]->ticket = NULL;
    ocsp_cache_free(cache);
}

static void
an_id_that_is_too_long_is_not_cached(void **state)
{
    struct ocsp_cache *cache = ocsp_cache_new(8);
    uint8_t octets[CACHE_ID_MAX + 1] = {0};

    (void)state;
    assert_null(ocsp_cache_add(cache, (struct der){octets, sizeof octets}));
    ocsp_cache_free(cache);
}

static void
a_new_answer_replaces_the_old_one(void **state)
{
    struct ocsp_cache *cache = ocsp_cache_new(8);
    struct ocsp_cache_entry *entry = add(cache, 1);
    struct ocsp_reply *held = ocsp_reply_ref(entry->reply);

    (void)state;
    ocsp_cache_entry_set(cache, entry, reply_of(2));
    assert_ptr_not_equal(entry->reply, held);
    assert_int_equal(ocsp_cache_stats(cache).size, entry->reply->len);
    ocsp_reply_unref(held); /* who was sending it still had it */
    ocsp_cache_free(cache);
}

static bool
has(const struct ocsp_reply *reply, const char *line)
{
    return memmem(reply->data, reply->head_len, line, strlen(line)) != NULL;
}

static void
a_reply_says_how_long_it_may_be_kept(void **state)
{
    /* 24 November 2026 is a Tuesday. */
    const struct ocsp_reply_times times = {1795510800, 1795510799, 1795597199,
                                           300};
    struct ocsp_reply *reply =
        ocsp_reply_new(200, "application/ocsp-response", &times, "abc", 3);

    (void)state;
    assert_true(has(reply, "HTTP/1.1 200 OK\r\n"));
    assert_true(has(reply, "\r\nContent-Type: application/ocsp-response\r\n"));
    assert_true(has(reply, "\r\nContent-Length: 3\r\n"));
    assert_true(has(reply, "\r\nDate: Tue, 24 Nov 2026 09:00:00 GMT\r\n"));
    assert_true(
        has(reply, "\r\nLast-Modified: Tue, 24 Nov 2026 08:59:59 GMT\r\n"));
    assert_true(has(reply, "\r\nExpires: Wed, 25 Nov 2026 08:59:59 GMT\r\n"));
    assert_true(has(reply, "\r\nCache-Control: max-age=300, public, "
                           "no-transform, must-revalidate\r\n"));
    /* SHA-256 of "abc": FIPS 180-2, B.1. */
    assert_true(has(reply, "\r\nETag: \"ba7816bf8f01cfea414140de5dae2223b00361a"
                           "396177a9cb410ff61f20015ad\"\r\n"));
    assert_memory_equal(reply->data + reply->head_len - 4, "\r\n\r\nabc", 7);
    assert_int_equal(reply->len, reply->head_len + 3);
    ocsp_reply_unref(reply);
}

static void
a_reply_for_nobody_to_keep_says_so(void **state)
{
    struct ocsp_reply *reply =
        ocsp_reply_new(200, "application/ocsp-response", NULL, "abc", 3);

    (void)state;
    assert_true(has(reply, "\r\nCache-Control: no-store\r\n"));
    assert_false(has(reply, "ETag"));
    assert_false(ocsp_reply_matches(reply, "*", 1));
    ocsp_reply_unref(reply);
}

static void
if_none_match_names_one_of_a_list_or_any(void **state)
{
    const struct ocsp_reply_times times = {1795510800, 1795510800, 1795510900,
                                           10};
    struct ocsp_reply *reply = ocsp_reply_new(200, "a/b", &times, "abc", 3);
    char list[256];

    (void)state;
    (void)snprintf(list, sizeof list, "\"other\", W/%s", reply->etag);
    assert_true(ocsp_reply_matches(reply, list, strlen(list)));
    assert_true(ocsp_reply_matches(reply, "*", 1));
    assert_true(ocsp_reply_matches(reply, reply->etag, strlen(reply->etag)));
    assert_false(
        ocsp_reply_matches(reply, reply->etag, strlen(reply->etag) - 1));
    assert_false(ocsp_reply_matches(reply, "\"other\"", 7));
    assert_false(ocsp_reply_matches(reply, "", 0));
    ocsp_reply_unref(reply);
}

static void
variants_close_or_leave_the_body_out(void **state)
{
    const struct ocsp_reply_times times = {1795510800, 1795510800, 1795510900,
                                           10};
    struct ocsp_reply *reply = ocsp_reply_new(200, "a/b", &times, "abc", 3);
    struct ocsp_reply *other = ocsp_reply_variant(reply, true, true);

    (void)state;
    assert_true(has(other, "\r\nConnection: close\r\n\r\n"));
    assert_true(has(other, "\r\nContent-Length: 3\r\n"));
    assert_int_equal(other->len, other->head_len);
    ocsp_reply_unref(other);
    other = ocsp_reply_not_modified(reply);
    assert_true(has(other, "HTTP/1.1 304 Not Modified\r\nDate: "));
    assert_true(has(other, "\r\nETag: "));
    assert_false(has(other, "Content-Length"));
    assert_int_equal(other->len, other->head_len);
    ocsp_reply_unref(other);
    ocsp_reply_unref(reply);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_found_by_its_whole_id),
        cmocka_unit_test(a_full_cache_gives_up_what_was_unused_for_longest),
        cmocka_unit_test(an_entry_that_somebody_waits_for_stays),
        cmocka_unit_test(an_id_that_is_too_long_is_not_cached),
        cmocka_unit_test(a_new_answer_replaces_the_old_one),
        cmocka_unit_test(a_reply_says_how_long_it_may_be_kept),
        cmocka_unit_test(a_reply_for_nobody_to_keep_says_so),
        cmocka_unit_test(if_none_match_names_one_of_a_list_or_any),
        cmocka_unit_test(variants_close_or_leave_the_body_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
