/* What the payment provider says: ra/payment_provider_read.h and the pure part
 * of ra/payment_provider.h; docs/payment-provider.md. */
#include "ra/payment_provider_read.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"

static bool
id_is_formed(const char *id)
{
    size_t len = strlen(id);

    return len >= 1 && len <= PROVIDER_ID_MAX &&
           strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                      "0123456789._-") == len;
}

static bool
get_id(const json_t *object, const char *name, char out[PROVIDER_ID_MAX + 1],
       struct error *err)
{
    const char *text;

    if (!json_get_text(object, name, PROVIDER_ID_MAX, &text, err))
        return false;
    if (!id_is_formed(text))
        return error_set(err, ERROR_INPUT,
                         "%s: letters, digits, dots, dashes, underlines", name);
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool
get_uuid(const json_t *object, const char *name, char out[TEXT_UUID_LEN + 1],
         struct error *err)
{
    const char *text;

    if (!json_get_text(object, name, TEXT_UUID_LEN, &text, err))
        return false;
    if (!text_is_uuid(text))
        return error_set(err, ERROR_INPUT, "%s: a UUID", name);
    memcpy(out, text, TEXT_UUID_LEN + 1);
    return true;
}

static bool
event_read(const json_t *object, struct provider_event *out, struct error *err)
{
    return get_id(object, "event_id", out->event_id, err) &&
           json_get_int(object, "amount", 1, PROVIDER_AMOUNT_MAX, &out->amount,
                        err) &&
           json_get_time(object, "at", &out->at, err);
}

/* An answer that is not what the protocol says is the provider's fault. */
static bool
theirs(bool ok, struct error *err)
{
    if (ok)
        return true;
    if (err != NULL)
        err->code = ERROR_INTERNAL;
    return error_wrap(err, "answer of the payment provider");
}

static bool
same_id(const json_t *object, const char *name, const char *id,
        struct error *err)
{
    char text[TEXT_UUID_LEN + 1];

    if (!get_uuid(object, name, text, err))
        return false;
    return strcmp(text, id) == 0 ||
           error_set(err, ERROR_INTERNAL, "it is about another %s", name);
}

static bool
order_fill(const json_t *object, const char *id, struct provider_order *out,
           struct error *err)
{
    json_t *payments, *one;
    const char *url;
    size_t i;

    if (!same_id(object, "order", id, err) ||
        !get_id(object, "provider_id", out->provider_id, err) ||
        !json_get_int(object, "amount", 1, PROVIDER_AMOUNT_MAX, &out->amount,
                      err) ||
        !json_find_text(object, "pay_url", PROVIDER_URL_MAX, &url, err) ||
        !json_get_array(object, "payments", &payments, err))
        return false;
    if (url != NULL && strncmp(url, "https://", 8) != 0 &&
        strncmp(url, "http://", 7) != 0)
        return error_set(err, ERROR_INPUT, "pay_url: an http address");
    if (url != NULL)
        memcpy(out->pay_url, url, strlen(url) + 1);
    if (json_array_size(payments) > PROVIDER_EVENTS_MAX)
        return error_set(err, ERROR_INPUT, "payments: %d at most",
                         PROVIDER_EVENTS_MAX);
    json_array_foreach(payments, i, one)
    {
        if (!event_read(one, &out->event[i], err))
            return false;
        out->event_count = i + 1;
    }
    return true;
}

bool
provider_order_read(const uint8_t *data, size_t len, const char *id,
                    struct provider_order *out, struct error *err)
{
    json_t *object = NULL;
    bool ok;

    memset(out, 0, sizeof *out);
    ok = json_parse_object(data, len, &object, err) &&
         order_fill(object, id, out, err);
    json_decref(object);
    return theirs(ok, err);
}

static bool
refund_fill(const json_t *object, const char *id, struct provider_refund *out,
            struct error *err)
{
    const char *state, *problem = NULL;

    if (!same_id(object, "refund", id, err) ||
        !json_get_text(object, "state", 16, &state, err) ||
        !json_find_text(object, "problem", sizeof out->problem - 1, &problem,
                        err))
        return false;
    if (strcmp(state, "pending") == 0) {
        out->state = PROVIDER_REFUND_PENDING;
    } else if (strcmp(state, "done") == 0) {
        out->state = PROVIDER_REFUND_DONE;
        return json_get_time(object, "done_at", &out->done_at, err);
    } else if (strcmp(state, "refused") == 0) {
        out->state = PROVIDER_REFUND_REFUSED;
        (void)snprintf(out->problem, sizeof out->problem, "%s",
                       problem != NULL ? problem : "refused");
    } else {
        return error_set(err, ERROR_INPUT, "state: pending, done or refused");
    }
    return true;
}

bool
provider_refund_read(const uint8_t *data, size_t len, const char *id,
                     struct provider_refund *out, struct error *err)
{
    json_t *object = NULL;
    bool ok;

    memset(out, 0, sizeof *out);
    ok = json_parse_object(data, len, &object, err) &&
         refund_fill(object, id, out, err);
    json_decref(object);
    return theirs(ok, err);
}

bool
provider_callback_parse(const uint8_t *data, size_t len,
                        struct provider_callback *out, struct error *err)
{
    static const char *const names[] = {"order", "event_id", "amount", "at",
                                        NULL};
    json_t *object = NULL;
    bool ok;

    memset(out, 0, sizeof *out);
    ok = json_parse_object(data, len, &object, err) &&
         json_only(object, names, err) &&
         get_uuid(object, "order", out->order, err) &&
         event_read(object, &out->event, err);
    json_decref(object);
    return ok;
}

/* ---- Statements ------------------------------------------------------------
 */

enum { LINE_FIELDS = 5, LINE_LEN_MAX = 256 };

/* Splits a line at commas; false unless there are exactly five parts. */
static bool
split(char *line, char *part[LINE_FIELDS])
{
    size_t count = 0;

    for (char *at = line; at != NULL; count++) {
        char *comma = strchr(at, ',');

        if (count == LINE_FIELDS)
            return false;
        part[count] = at;
        if (comma != NULL)
            *comma = '\0';
        at = comma == NULL ? NULL : comma + 1;
    }
    return count == LINE_FIELDS;
}

static bool
line_parse(char *part[LINE_FIELDS], struct provider_line *out)
{
    memset(out, 0, sizeof *out);
    out->is_refund = strcmp(part[0], "refund") == 0;
    if (!out->is_refund && strcmp(part[0], "payment") != 0)
        return false;
    if (!id_is_formed(part[1]) || !text_is_uuid(part[2]) ||
        !text_int64(part[3], 1, PROVIDER_AMOUNT_MAX, &out->amount) ||
        !clock_parse(part[4], &out->at))
        return false;
    memcpy(out->event_id, part[1], strlen(part[1]) + 1);
    memcpy(out->order, part[2], TEXT_UUID_LEN + 1);
    return true;
}

static int
by_event(const void *a, const void *b)
{
    return strcmp(((const struct provider_line *)a)->event_id,
                  ((const struct provider_line *)b)->event_id);
}

/* The next line of the text, without its end; false at the end of the text or
 * when it is too long or holds a NUL. */
static bool
line_next(const uint8_t **at, const uint8_t *end, char out[LINE_LEN_MAX + 1])
{
    const uint8_t *stop = memchr(*at, '\n', (size_t)(end - *at));
    size_t len;

    if (stop == NULL)
        return false;
    len = (size_t)(stop - *at);
    if (len > LINE_LEN_MAX || memchr(*at, '\0', len) != NULL)
        return false;
    memcpy(out, *at, len);
    if (len > 0 && out[len - 1] == '\r')
        len--;
    out[len] = '\0';
    *at = stop + 1;
    return true;
}

static bool
lines_parse(const uint8_t *at, const uint8_t *end,
            struct provider_statement *out, struct error *err)
{
    char text[LINE_LEN_MAX + 1];
    char *part[LINE_FIELDS];
    int64_t sum = 0, number;
    size_t cap = 0;

    if (!line_next(&at, end, text) ||
        strcmp(text, "kind,event_id,order,amount,at") != 0)
        return error_set(err, ERROR_INPUT, "line 1: not the header");
    while (line_next(&at, end, text) && split(text, part)) {
        if (strcmp(part[0], "total") == 0) {
            if (!text_int64(part[1], 0, PROVIDER_LINE_MAX, &number) ||
                (size_t)number != out->count ||
                !text_int64(part[3], -INT64_MAX, INT64_MAX, &number) ||
                number != sum || part[2][0] != '\0' || part[4][0] != '\0' ||
                at != end)
                return error_set(err, ERROR_INPUT,
                                 "the last line does not fit the others");
            return true;
        }
        if (out->count == PROVIDER_LINE_MAX)
            break;
        if (out->count == cap) {
            struct provider_line *more;

            cap = cap == 0 ? 64 : 2 * cap;
            more = realloc(out->line, cap * sizeof *more);
            if (more == NULL)
                abort();
            out->line = more;
        }
        if (!line_parse(part, &out->line[out->count]))
            break;
        sum += out->line[out->count].is_refund ? -out->line[out->count].amount
                                               : out->line[out->count].amount;
        out->count++;
    }
    return error_set(err, ERROR_INPUT,
                     "line %zu: not a line of a statement, or the last one is "
                     "missing",
                     out->count + 2);
}

bool
provider_statement_parse(const uint8_t *data, size_t len,
                         struct provider_statement *out, struct error *err)
{
    memset(out, 0, sizeof *out);
    if (len == 0 || len > PROVIDER_STATEMENT_MAX ||
        !lines_parse(data, data + len, out, err)) {
        provider_statement_clear(out);
        if (len == 0 || len > PROVIDER_STATEMENT_MAX)
            error_set(err, ERROR_INPUT, "empty or too long");
        return error_wrap(err, "statement");
    }
    if (out->count > 0)
        qsort(out->line, out->count, sizeof *out->line, by_event);
    for (size_t i = 1; i < out->count; i++)
        if (by_event(&out->line[i - 1], &out->line[i]) == 0) {
            error_set(err, ERROR_INPUT, "statement: event %s stands twice",
                      out->line[i].event_id);
            provider_statement_clear(out);
            return false;
        }
    return true;
}

void
provider_statement_clear(struct provider_statement *statement)
{
    free(statement->line);
    memset(statement, 0, sizeof *statement);
}
