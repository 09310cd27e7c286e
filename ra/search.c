/* The search box: ra/search.h. */
#include "ra/search.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ra/case.h"
#include "ra/field.h"

typedef bool judge(const char *text, struct buf *out, struct error *err);

/* The normalised text if it is one of these, "" otherwise. */
static void
take(judge *fn, const char *text, char *out, size_t size)
{
    struct buf clean = BUF_INIT(FIELD_VALUE_MAX);

    out[0] = '\0';
    if (fn(text, &clean, NULL) && clean.len < size)
        memcpy(out, buf_text(&clean), clean.len + 1);
    buf_cleanse(&clean);
}

static void
take_number(const char *capitals, struct search *out)
{
    /* "SIGNET1:NUMBER:REVISION:...": ra/form.h. */
    static const char code[] = "SIGNET1:";
    char number[sizeof out->number];
    size_t len;

    if (strncmp(capitals, code, sizeof code - 1) == 0)
        capitals += sizeof code - 1;
    len = strcspn(capitals, ":");
    if (len >= sizeof number)
        return;
    memcpy(number, capitals, len);
    number[len] = '\0';
    if (case_number_is(number, len))
        memcpy(out->number, number, len + 1);
}

static void
take_device(const char *capitals, struct search *out)
{
    size_t len = strspn(capitals, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");

    if (len >= 4 && len < sizeof out->device && capitals[len] == '\0' &&
        capitals[0] != '-')
        memcpy(out->device, capitals, len + 1);
}

static void
take_account(const char *text, struct search *out)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._-");

    if (len >= 3 && len < sizeof out->account && text[len] == '\0')
        memcpy(out->account, text, len + 1);
}

static void
take_serial(const char *text, struct search *out)
{
    size_t len = 0;

    out->has_serial = strlen(text) == 2 * sizeof out->serial &&
                      text_unhex(text, out->serial, sizeof out->serial, &len) &&
                      len == sizeof out->serial;
}

bool
search_parse(const char *typed, struct search *out, struct error *err)
{
    struct buf clean = BUF_INIT(FIELD_VALUE_MAX);
    char capitals[SEARCH_TEXT_MAX + 1];
    bool ok;

    memset(out, 0, sizeof *out);
    ok = field_text(typed, SEARCH_MAX, &clean, err) &&
         clean.len < sizeof out->name;
    if (!ok) {
        buf_clear(&clean);
        return error_wrap(err, "q");
    }
    memcpy(out->name, buf_text(&clean), clean.len + 1);
    buf_clear(&clean);
    for (size_t i = 0; i <= strlen(out->name); i++)
        capitals[i] = (char)toupper((unsigned char)out->name[i]);
    take_number(capitals, out);
    take_device(capitals, out);
    take_account(out->name, out);
    take_serial(out->name, out);
    take(field_uscc, out->name, out->uscc, sizeof out->uscc);
    take(field_mobile, out->name, out->mobile, sizeof out->mobile);
    take(field_id_paper, out->name, out->id_number, sizeof out->id_number);
    return true;
}
