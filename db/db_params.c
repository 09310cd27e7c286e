/*
 * Parameters of statements in PostgreSQL's binary form: integers in network
 * order, timestamptz as microseconds since 2000, arrays as array_recv() of
 * src/backend/utils/adt/arrayfuncs.c reads them.
 */
#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "db/db.h"
#include "db/db_type.h"

static void
put_uint32(uint8_t *out, uint32_t v)
{
    out[0] = (uint8_t)(v >> 24);
    out[1] = (uint8_t)(v >> 16);
    out[2] = (uint8_t)(v >> 8);
    out[3] = (uint8_t)v;
}

static void
put_uint64(uint8_t *out, uint64_t v)
{
    put_uint32(out, (uint32_t)(v >> 32));
    put_uint32(out + 4, (uint32_t)v);
}

static void
bind(struct db_params *p, uint32_t type, const void *value, size_t len)
{
    assert(p->count < DB_PARAMS_MAX && len <= INT_MAX);
    p->at[p->count].type = type;
    p->at[p->count].value = value;
    p->at[p->count].len = (int)len;
    p->at[p->count].is_owned = false;
    p->count++;
}

/* A value that lives in the parameter itself. */
static uint8_t *
bind_small(struct db_params *p, uint32_t type, size_t len)
{
    assert(p->count < DB_PARAMS_MAX);
    bind(p, type, p->at[p->count].small, len);
    return (uint8_t *)p->at[p->count - 1].small;
}

void
db_bind_int64(struct db_params *p, int64_t value)
{
    put_uint64(bind_small(p, DB_TYPE_INT8, 8), (uint64_t)value);
}

void
db_bind_int32(struct db_params *p, int32_t value)
{
    put_uint32(bind_small(p, DB_TYPE_INT4, 4), (uint32_t)value);
}

void
db_bind_bool(struct db_params *p, bool value)
{
    *bind_small(p, DB_TYPE_BOOL, 1) = value;
}

void
db_bind_text(struct db_params *p, const char *value)
{
    bind(p, DB_TYPE_TEXT, value, value == NULL ? 0 : strlen(value));
}

void
db_bind_bytes(struct db_params *p, const void *data, size_t len)
{
    /* No octets are not NULL. */
    bind(p, DB_TYPE_BYTEA, data == NULL && len == 0 ? "" : data, len);
}

void
db_bind_time(struct db_params *p, int64_t at)
{
    int64_t us;

    assert(at >= -DB_TIME_MAX && at <= DB_TIME_MAX);
    us = (at - DB_TIME_EPOCH) * DB_TIME_UNIT;
    put_uint64(bind_small(p, DB_TYPE_TIMESTAMPTZ, 8), (uint64_t)us);
}

void
db_bind_time_or_null(struct db_params *p, int64_t at)
{
    if (at == 0)
        bind(p, DB_TYPE_TIMESTAMPTZ, NULL, 0);
    else
        db_bind_time(p, at);
}

void
db_bind_null(struct db_params *p)
{
    bind(p, 0, NULL, 0);
}

/* ---- Arrays ------------------------------------------------------------ */

enum { ARRAY_HEAD_LEN = 20, ARRAY_EMPTY_LEN = 12 };

/* Binds an array of `n` elements that take `len` octets with their lengths;
 * gives where the first goes. */
static uint8_t *
bind_array(struct db_params *p, uint32_t type, uint32_t element, size_t n,
           size_t len, bool has_null)
{
    uint8_t *data;

    assert(n <= INT_MAX && len <= INT_MAX - ARRAY_HEAD_LEN);
    data = base_alloc(ARRAY_HEAD_LEN + len);
    put_uint32(data, n > 0); /* dimensions */
    put_uint32(data + 4, has_null);
    put_uint32(data + 8, element);
    put_uint32(data + 12, (uint32_t)n);
    put_uint32(data + 16, 1); /* lower bound */
    bind(p, type, data, n > 0 ? ARRAY_HEAD_LEN + len : ARRAY_EMPTY_LEN);
    p->at[p->count - 1].is_owned = true;
    return data + ARRAY_HEAD_LEN;
}

static uint8_t *
put_element(uint8_t *out, const void *data, size_t len)
{
    if (data == NULL) {
        put_uint32(out, UINT32_MAX); /* length -1: NULL */
        return out + 4;
    }
    put_uint32(out, (uint32_t)len);
    memcpy(out + 4, data, len);
    return out + 4 + len;
}

void
db_bind_int64_array(struct db_params *p, const int64_t *v, size_t n)
{
    uint8_t *out =
        bind_array(p, DB_TYPE_INT8_ARRAY, DB_TYPE_INT8, n, n * 12, false);

    for (size_t i = 0; i < n; i++, out += 12) {
        put_uint32(out, 8);
        put_uint64(out + 4, (uint64_t)v[i]);
    }
}

void
db_bind_bytes_array(struct db_params *p, const struct db_bytes *v, size_t n)
{
    size_t len = 0;
    bool has_null = false;
    uint8_t *out;

    for (size_t i = 0; i < n; i++) {
        len += 4 + (v[i].data == NULL ? 0 : v[i].len);
        has_null = has_null || v[i].data == NULL;
    }
    out = bind_array(p, DB_TYPE_BYTEA_ARRAY, DB_TYPE_BYTEA, n, len, has_null);
    for (size_t i = 0; i < n; i++)
        out = put_element(out, v[i].data, v[i].len);
}

void
db_bind_text_array(struct db_params *p, const char *const *v, size_t n)
{
    size_t len = 0;
    bool has_null = false;
    uint8_t *out;

    for (size_t i = 0; i < n; i++) {
        len += 4 + (v[i] == NULL ? 0 : strlen(v[i]));
        has_null = has_null || v[i] == NULL;
    }
    out = bind_array(p, DB_TYPE_TEXT_ARRAY, DB_TYPE_TEXT, n, len, has_null);
    for (size_t i = 0; i < n; i++)
        out = put_element(out, v[i], v[i] == NULL ? 0 : strlen(v[i]));
}

void
db_params_clear(struct db_params *p)
{
    for (int i = 0; i < p->count; i++)
        if (p->at[i].is_owned)
            free((void *)(uintptr_t)p->at[i].value);
    p->count = 0;
}
