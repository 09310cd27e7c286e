/* Typed reads of binary results. */
#include <stdlib.h>
#include <string.h>

#include "db/db_internal.h"
#include "db/db_type.h"

void
db_result_free(struct db_result *result)
{
    if (result == NULL)
        return;
    PQclear(result->pg);
    free(result);
}

size_t
db_rows(const struct db_result *result)
{
    return (size_t)PQntuples(result->pg);
}

static bool
is_there(const struct db_result *r, size_t row, int column)
{
    return row < (size_t)PQntuples(r->pg) && column >= 0 &&
           column < PQnfields(r->pg);
}

bool
db_is_null(const struct db_result *r, size_t row, int column)
{
    return !is_there(r, row, column) ||
           PQgetisnull(r->pg, (int)row, column) == 1;
}

/* The octets of a field that must be there, in binary and not NULL. */
static const uint8_t *
field(const struct db_result *r, size_t row, int column, size_t *len,
      struct error *err)
{
    if (!is_there(r, row, column)) {
        error_set(err, ERROR_INTERNAL,
                  "the database answers without row %zu, column %d", row,
                  column);
        return NULL;
    }
    if (PQgetisnull(r->pg, (int)row, column) == 1) {
        error_set(err, ERROR_INTERNAL, "column %s is NULL",
                  PQfname(r->pg, column));
        return NULL;
    }
    if (PQfformat(r->pg, column) != 1) {
        error_set(err, ERROR_INTERNAL, "column %s is not binary",
                  PQfname(r->pg, column));
        return NULL;
    }
    *len = (size_t)PQgetlength(r->pg, (int)row, column);
    return (const uint8_t *)PQgetvalue(r->pg, (int)row, column);
}

static bool
wrong_type(const struct db_result *r, int column, const char *wanted,
           struct error *err)
{
    return error_set(err, ERROR_INTERNAL, "column %s is of type %u, no %s",
                     PQfname(r->pg, column), PQftype(r->pg, column), wanted);
}

/* Big-endian two's complement of 2, 4 or 8 octets. */
static int64_t
integer(const uint8_t *data, size_t len)
{
    uint64_t v = (data[0] & 0x80) != 0 ? UINT64_MAX : 0;

    for (size_t i = 0; i < len; i++)
        v = v << 8 | data[i];
    return (int64_t)v;
}

static size_t
integer_len(Oid type)
{
    switch (type) {
    case DB_TYPE_INT2:
        return 2;
    case DB_TYPE_INT4:
        return 4;
    case DB_TYPE_INT8:
        return 8;
    default:
        return 0;
    }
}

bool
db_read_int64(const struct db_result *r, size_t row, int column, int64_t *out,
              struct error *err)
{
    size_t len;
    const uint8_t *data = field(r, row, column, &len, err);

    if (data == NULL)
        return false;
    if (len == 0 || len != integer_len(PQftype(r->pg, column)))
        return wrong_type(r, column, "bigint", err);
    *out = integer(data, len);
    return true;
}

bool
db_read_int32(const struct db_result *r, size_t row, int column, int32_t *out,
              struct error *err)
{
    size_t len;
    const uint8_t *data = field(r, row, column, &len, err);

    if (data == NULL)
        return false;
    if (len == 0 || len > 4 || len != integer_len(PQftype(r->pg, column)))
        return wrong_type(r, column, "integer", err);
    *out = (int32_t)integer(data, len);
    return true;
}

bool
db_read_bool(const struct db_result *r, size_t row, int column, bool *out,
             struct error *err)
{
    size_t len;
    const uint8_t *data = field(r, row, column, &len, err);

    if (data == NULL)
        return false;
    if (len != 1 || PQftype(r->pg, column) != DB_TYPE_BOOL)
        return wrong_type(r, column, "boolean", err);
    *out = data[0] != 0;
    return true;
}

bool
db_read_text(const struct db_result *r, size_t row, int column,
             const char **out, struct error *err)
{
    size_t len;
    const uint8_t *data = field(r, row, column, &len, err);
    Oid type;

    if (data == NULL)
        return false;
    type = PQftype(r->pg, column);
    if (type != DB_TYPE_TEXT && type != DB_TYPE_VARCHAR && type != DB_TYPE_NAME)
        return wrong_type(r, column, "text", err);
    *out =
        (const char *)data; /* libpq adds a NUL; PostgreSQL has none inside */
    return true;
}

bool
db_read_bytes(const struct db_result *r, size_t row, int column,
              const uint8_t **out, size_t *len, struct error *err)
{
    const uint8_t *data = field(r, row, column, len, err);

    if (data == NULL)
        return false;
    if (PQftype(r->pg, column) != DB_TYPE_BYTEA)
        return wrong_type(r, column, "bytea", err);
    *out = data;
    return true;
}

bool
db_read_time(const struct db_result *r, size_t row, int column, int64_t *out,
             struct error *err)
{
    size_t len;
    const uint8_t *data = field(r, row, column, &len, err);
    int64_t us;

    if (data == NULL)
        return false;
    if (len != 8 || PQftype(r->pg, column) != DB_TYPE_TIMESTAMPTZ)
        return wrong_type(r, column, "timestamptz", err);
    us = integer(data, len);
    if (us == INT64_MAX || us == INT64_MIN)
        return error_set(err, ERROR_INTERNAL, "column %s is infinite",
                         PQfname(r->pg, column));
    /* Down, also before 2000. */
    *out = DB_TIME_EPOCH + us / DB_TIME_UNIT - (us % DB_TIME_UNIT < 0);
    return true;
}

bool
db_read_octets(const struct db_result *r, size_t row, int column, uint8_t *out,
               size_t len, struct error *err)
{
    const uint8_t *data;
    size_t got;

    if (!db_read_bytes(r, row, column, &data, &got, err))
        return false;
    if (got != len)
        return error_set(err, ERROR_INTERNAL, "column %s has %zu octets",
                         PQfname(r->pg, column), got);
    memcpy(out, data, len);
    return true;
}

bool
db_read_octets_up_to(const struct db_result *r, size_t row, int column,
                     uint8_t *out, size_t max, size_t *len, struct error *err)
{
    const uint8_t *data;

    if (!db_read_bytes(r, row, column, &data, len, err))
        return false;
    if (*len > max)
        return error_set(err, ERROR_INTERNAL, "column %d is too long", column);
    memcpy(out, data, *len);
    return true;
}

bool
db_read_word(const struct db_result *r, size_t row, int column, char *out,
             size_t max, struct error *err)
{
    const char *text;
    size_t len;

    if (!db_read_text(r, row, column, &text, err))
        return false;
    len = strlen(text);
    if (len >= max)
        return error_set(err, ERROR_INTERNAL, "column %s is too long",
                         PQfname(r->pg, column));
    memcpy(out, text, len + 1);
    return true;
}

bool
db_read_bytes_copy(const struct db_result *r, size_t row, int column,
                   uint8_t **out, size_t *len, struct error *err)
{
    const uint8_t *data;

    if (db_is_null(r, row, column))
        return true;
    if (!db_read_bytes(r, row, column, &data, len, err))
        return false;
    *out = base_copy(data, *len);
    return true;
}

bool
db_read_text_copy(const struct db_result *r, size_t row, int column, char **out,
                  struct error *err)
{
    const char *text = NULL;

    if (!db_read_text_null(r, row, column, &text, err))
        return false;
    if (text != NULL)
        *out = base_text_copy(text);
    return true;
}

bool
db_read_text_null(const struct db_result *r, size_t row, int column,
                  const char **out, struct error *err)
{
    return db_is_null(r, row, column) || db_read_text(r, row, column, out, err);
}

bool
db_read_time_null(const struct db_result *r, size_t row, int column,
                  int64_t *out, struct error *err)
{
    *out = 0;
    return db_is_null(r, row, column) || db_read_time(r, row, column, out, err);
}
