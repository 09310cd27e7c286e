/* What SQLSTATEs mean to us: PostgreSQL 15, appendix A. */
#include <string.h>

#include "db/db_internal.h"

struct meaning {
    const char *prefix; /* of the SQLSTATE: a class or a whole code */
    enum error_code code;
    bool is_stale; /* another connection may do better */
    const char *what;
};

/* The first that fits; so codes stand before their class. */
static const struct meaning meanings[] = {
    {"23505", ERROR_CONFLICT, false, "this is there already"},
    {"25006", ERROR_BUSY, true, "the database is read-only now"},
    {"40001", ERROR_BUSY, false, "too many at the same rows"},
    {"40P01", ERROR_BUSY, false, "too many at the same rows"},
    {"55P03", ERROR_BUSY, false, "a row is locked"},
    {"57014", ERROR_BUSY, false, "the database took too long"},
    {"57P", ERROR_BUSY, true, "the database is shutting down or starting"},
    {"08", ERROR_BUSY, true, "the database cannot be reached"},
    {"53", ERROR_BUSY, false, "the database is full"},
    /* A failed write: a full disk, too, where the file was half there. */
    {"58030", ERROR_BUSY, false, "the database cannot write"},
    {"", ERROR_INTERNAL, false, "the database refuses a statement"},
};

static const struct meaning *
meaning_of(const char *sqlstate)
{
    const struct meaning *m = meanings;

    while (strncmp(sqlstate, m->prefix, strlen(m->prefix)) != 0)
        m++;
    return m;
}

/* libpq ends its messages with line ends; ours are one line. */
static void
add_line(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++)
        buf_add_byte(out, *text == '\n' ? ' ' : (uint8_t)*text);
    while (out->len > 0 && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
}

bool
db_fail(struct db *db, const PGresult *result, struct error *err)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *position =
        PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
    struct buf cause = BUF_INIT(4096);
    const struct meaning *m;

    /* Without a SQLSTATE it is libpq that speaks, of the connection. */
    m = meaning_of(sqlstate != NULL ? sqlstate : "08");
    if (sqlstate != NULL)
        buf_addf(&cause, "%s ", sqlstate);
    add_line(&cause, primary != NULL ? primary : PQerrorMessage(db->conn));
    if (position != NULL)
        buf_addf(&cause, " (at character %s)", position);
    error_cause(err, m->code, buf_text(&cause), "%s", m->what);
    buf_clear(&cause);
    if (m->is_stale)
        db->is_stale = true;
    if (sqlstate != NULL &&
        (strcmp(sqlstate, "40001") == 0 || strcmp(sqlstate, "40P01") == 0))
        db->is_conflicted = true;
    return false;
}
