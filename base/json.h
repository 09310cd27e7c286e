/*
 * JSON by jansson, read strictly (no duplicate keys, no trailing octets, valid
 * UTF-8, bounded depth and size), and its canonical form (RFC 8785).
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"

enum { JSON_MAX_LEN = 16 * 1024 * 1024, JSON_MAX_DEPTH_LEVELS = 32 };

/* One JSON object and nothing after it. ERROR_INPUT names line and column. The
 * caller owns `out`. */
bool json_parse_object(const uint8_t *data, size_t len, json_t **out,
                       struct error *err) MUST_CHECK;

/* RFC 8785. Our documents hold no fractions: a real number, or an integer
 * beyond 2^53, is ERROR_INPUT. */
bool json_canonical(const json_t *value, struct buf *out,
                    struct error *err) MUST_CHECK;

/* SHA-256 over the canonical form. */
bool json_digest(const json_t *value, uint8_t out[32],
                 struct error *err) MUST_CHECK;

/* Typed members of an object. _get: absence is ERROR_INPUT naming the member;
 * _find: absence leaves *out NULL (or `otherwise`). A wrong type is ERROR_INPUT
 * either way. Results are borrowed from `object`. */
bool json_get_text(const json_t *object, const char *name, size_t max,
                   const char **out, struct error *err) MUST_CHECK;
bool json_find_text(const json_t *object, const char *name, size_t max,
                    const char **out, struct error *err) MUST_CHECK;
bool json_get_int(const json_t *object, const char *name, int64_t min,
                  int64_t max, int64_t *out, struct error *err) MUST_CHECK;
bool json_find_int(const json_t *object, const char *name, int64_t min,
                   int64_t max, int64_t otherwise, int64_t *out,
                   struct error *err) MUST_CHECK;
bool json_find_bool(const json_t *object, const char *name, bool otherwise,
                    bool *out, struct error *err) MUST_CHECK;
bool json_get_object(const json_t *object, const char *name, json_t **out,
                     struct error *err) MUST_CHECK;
bool json_find_object(const json_t *object, const char *name, json_t **out,
                      struct error *err) MUST_CHECK;
bool json_get_array(const json_t *object, const char *name, json_t **out,
                    struct error *err) MUST_CHECK;
bool json_find_array(const json_t *object, const char *name, json_t **out,
                     struct error *err) MUST_CHECK;
/* base64 text (base/text.h) of at most `max` octets. The caller clears out;
 * after a failure it is empty. */
bool json_get_bytes(const json_t *object, const char *name, size_t max,
                    struct buf *out, struct error *err) MUST_CHECK;
/* An RFC 3339 instant in UTC. */
bool json_get_time(const json_t *object, const char *name, int64_t *out,
                   struct error *err) MUST_CHECK;

/* Refuses members that `names` (NULL-terminated) does not list. */
bool json_only(const json_t *object, const char *const *names,
               struct error *err) MUST_CHECK;

void json_set_text(json_t *object, const char *name, const char *value);
void json_set_int(json_t *object, const char *name, int64_t value);
void json_set_bytes(json_t *object, const char *name, const uint8_t *data,
                    size_t len); /* base64 */
void json_set_hex(json_t *object, const char *name, const uint8_t *data,
                  size_t len);
void json_set_time(json_t *object, const char *name, int64_t at);

#endif
