/*
 * A whole HTTP answer in memory, head and body in one piece, ready for one
 * send(): what changes with time (Date, Expires, ETag, max-age) is written when
 * the answer is made, not when it is sent. Shared between threads by counting.
 */
#ifndef OCSP_REPLY_H
#define OCSP_REPLY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { REPLY_ETAG_LEN = 66 }; /* SHA-256 in hex, in quotes */

struct ocsp_reply {
    _Atomic unsigned refs;
    size_t len;      /* of data */
    size_t head_len; /* of these, the head with its blank line */
    size_t rest_at;  /* where what a 304 repeats begins, up to the blank line */
    char etag[REPLY_ETAG_LEN + 1]; /* "" if it has none */
    uint8_t data[];
};

/* How long what is said may be kept; of RFC 9111 and, for OCSP, RFC 9919, 6. */
struct ocsp_reply_times {
    int64_t now;
    int64_t last_modified;
    int64_t expires;
    int64_t max_age_s;
};

/* The caller has the one reference. `times` NULL: nobody may store it. */
struct ocsp_reply *ocsp_reply_new(int status, const char *content_type,
                                  const struct ocsp_reply_times *times,
                                  const void *body, size_t body_len);
/* The same with one more head line, ending in CRLF. */
struct ocsp_reply *ocsp_reply_new_with(int status, const char *content_type,
                                       const char *line, const void *body,
                                       size_t body_len);

/* For a peer that has it already: 304 (RFC 9110, 15.4.5). */
struct ocsp_reply *ocsp_reply_not_modified(const struct ocsp_reply *reply);
/* With "Connection: close", or without the body (HEAD), or both. */
struct ocsp_reply *ocsp_reply_variant(const struct ocsp_reply *reply,
                                      bool is_close, bool is_head);

struct ocsp_reply *ocsp_reply_ref(struct ocsp_reply *reply);
void ocsp_reply_unref(struct ocsp_reply *reply); /* NULL is nothing */

/* Whether If-None-Match (RFC 9110, 13.1.2) names the reply. */
bool ocsp_reply_matches(const struct ocsp_reply *reply,
                        const char *if_none_match, size_t len);

#endif
