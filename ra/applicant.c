/* The applicant's record: ra/applicant.h. */
#include "ra/applicant.h"

#include <string.h>

#include "base/character.h"
#include "base/json.h"
#include "base/text.h"

enum {
    /* Characters, not octets. The unit's name and places go into the subject,
     * where X.520's upper bounds hold: RFC 5280, appendix A.1. */
    UNIT_NAME_MAX = 64,
    PLACE_MAX = 128,
    HANDLER_NAME_MAX = 64,
    PERSON_MAX = 64,
    OCTETS_MAX = 4 * PLACE_MAX,
    USCC_LEN = 18,
    MOBILE_MIN = 5,
    MOBILE_MAX = 15, /* digits: ITU-T E.164, 6 */
    EMAIL_MAX = 254, /* RFC 5321, 4.5.3.1.3 */
};

/* One text member of 1 to `max` characters, all of which show, and with no
 * white space at its ends: what was typed is what officers read and print. */
static bool
text_get(const json_t *object, const char *name, size_t max, const char **out,
         struct error *err)
{
    const uint8_t *p;
    uint32_t c = 0;
    size_t count;

    if (!json_get_text(object, name, OCTETS_MAX, out, err))
        return false;
    if (!text_utf8(*out, strlen(*out), &count) || count < 1 || count > max)
        return error_set(err, ERROR_INPUT, "%s: 1 to %zu characters are needed",
                         name, max);
    p = (const uint8_t *)*out;
    for (size_t i = 0; i < count; i++) {
        c = character_next(&p);
        if (character_is_hidden(c))
            return error_set(err, ERROR_INPUT,
                             "%s: has the invisible character U+%04X", name, c);
        if (i == 0 && character_is_white(c))
            break;
    }
    if (character_is_white(c))
        return error_set(err, ERROR_INPUT, "%s: begins or ends with a space",
                         name);
    return true;
}

bool
applicant_uscc_check(const char *uscc, struct error *err)
{
    /* GB 32100-2015, 4.2: no I, O, S, V, Z. The weights are 3^i mod 31. */
    static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    int weight = 1;
    int sum = 0;
    const char *at;

    if (strlen(uscc) != USCC_LEN)
        return error_set(err, ERROR_INPUT, "uscc: %d characters are needed",
                         USCC_LEN);
    for (int i = 0; i < USCC_LEN; i++) {
        if ((at = strchr(alphabet, uscc[i])) == NULL)
            return error_set(err, ERROR_INPUT,
                             "uscc: '%c' is not one of its characters",
                             uscc[i] >= 0x20 && uscc[i] < 0x7f ? uscc[i] : '?');
        if (i < USCC_LEN - 1) {
            sum += (int)(at - alphabet) * weight;
            weight = weight * 3 % 31;
        }
    }
    if (alphabet[(31 - sum % 31) % 31] != uscc[USCC_LEN - 1])
        return error_set(err, ERROR_INPUT,
                         "uscc: the last character does not check the others");
    return true;
}

static bool
domicile_parse(const json_t *object, struct db_applicant *out,
               struct error *err)
{
    static const char *const names[] = {"country", "province", "locality",
                                        "street", NULL};

    if (!json_only(object, names, err) ||
        !text_get(object, "country", 2, &out->country, err) ||
        !text_get(object, "province", PLACE_MAX, &out->province, err) ||
        !text_get(object, "locality", PLACE_MAX, &out->locality, err) ||
        !text_get(object, "street", PLACE_MAX, &out->street, err))
        return error_wrap(err, "domicile");
    if (strlen(out->country) != 2 ||
        strspn(out->country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 2)
        return error_set(err, ERROR_INPUT,
                         "domicile: country: two letters of ISO 3166 are "
                         "needed");
    return true;
}

static bool
handler_parse(const json_t *object, struct db_applicant *out, struct error *err)
{
    static const char *const names[] = {"name", "person", "mobile", "email",
                                        NULL};
    size_t len;
    const char *at;

    if (!json_only(object, names, err) ||
        !text_get(object, "name", HANDLER_NAME_MAX, &out->handler_name, err) ||
        !text_get(object, "person", PERSON_MAX, &out->handler_person, err) ||
        !text_get(object, "mobile", MOBILE_MAX + 1, &out->handler_mobile,
                  err) ||
        (json_object_get(object, "email") != NULL &&
         !text_get(object, "email", EMAIL_MAX, &out->handler_email, err)))
        return error_wrap(err, "handler");
    at = out->handler_mobile + (out->handler_mobile[0] == '+');
    len = strlen(at);
    if (len < MOBILE_MIN || len > MOBILE_MAX || strspn(at, "0123456789") != len)
        return error_set(err, ERROR_INPUT,
                         "handler: mobile: %d to %d digits are needed",
                         MOBILE_MIN, MOBILE_MAX);
    if (out->handler_email == NULL)
        return true;
    len = strlen(out->handler_email);
    at = strchr(out->handler_email, '@');
    if (len > EMAIL_MAX || at == NULL || at == out->handler_email ||
        at[1] == '\0' || strchr(at + 1, '@') != NULL ||
        strcspn(out->handler_email, " \t\r\n<>(),;:\\\"") != len)
        return error_set(err, ERROR_INPUT, "handler: email: not an address");
    return true;
}

bool
applicant_parse(const json_t *object, struct db_applicant *out,
                struct error *err)
{
    static const char *const names[] = {"unit_name", "uscc",    "kind",
                                        "domicile",  "handler", NULL};
    json_t *domicile;
    json_t *handler;

    memset(out, 0, sizeof *out);
    if (!json_only(object, names, err) ||
        !text_get(object, "unit_name", UNIT_NAME_MAX, &out->unit_name, err) ||
        !text_get(object, "uscc", USCC_LEN, &out->uscc, err) ||
        !applicant_uscc_check(out->uscc, err) ||
        !text_get(object, "kind", 16, &out->kind, err) ||
        !json_get_object(object, "domicile", &domicile, err) ||
        !domicile_parse(domicile, out, err) ||
        !json_get_object(object, "handler", &handler, err) ||
        !handler_parse(handler, out, err))
        return error_wrap(err, "applicant");
    if (strcmp(out->kind, "company") != 0 &&
        strcmp(out->kind, "law-firm") != 0 && strcmp(out->kind, "other") != 0)
        return error_set(err, ERROR_INPUT,
                         "applicant: kind: company, law-firm or other");
    return true;
}

json_t *
applicant_json(const struct db_applicant *applicant)
{
    json_t *object = json_object();
    json_t *domicile = json_object();
    json_t *handler = json_object();

    json_set_text(object, "unit_name", applicant->unit_name);
    json_set_text(object, "uscc", applicant->uscc);
    json_set_text(object, "kind", applicant->kind);
    json_set_text(domicile, "country", applicant->country);
    json_set_text(domicile, "province", applicant->province);
    json_set_text(domicile, "locality", applicant->locality);
    json_set_text(domicile, "street", applicant->street);
    json_object_set_new(object, "domicile", domicile);
    json_set_text(handler, "name", applicant->handler_name);
    json_set_text(handler, "person", applicant->handler_person);
    json_set_text(handler, "mobile", applicant->handler_mobile);
    if (applicant->handler_email != NULL)
        json_set_text(handler, "email", applicant->handler_email);
    json_object_set_new(object, "handler", handler);
    return object;
}

bool
applicant_edit_check(const struct db_applicant *old_record,
                     const struct db_applicant *new_record, struct error *err)
{
    const struct {
        const char *name;
        const char *was;
        const char *is;
    } locked[] = {
        {"unit_name", old_record->unit_name, new_record->unit_name},
        {"uscc", old_record->uscc, new_record->uscc},
        {"kind", old_record->kind, new_record->kind},
        {"handler: name", old_record->handler_name, new_record->handler_name},
        {"handler: person", old_record->handler_person,
         new_record->handler_person},
        {"handler: mobile", old_record->handler_mobile,
         new_record->handler_mobile},
    };

    for (size_t i = 0; i < sizeof locked / sizeof locked[0]; i++)
        if (strcmp(locked[i].was, locked[i].is) != 0)
            return error_set(err, ERROR_CONFLICT,
                             "%s is locked since the first submission; close "
                             "this application and file a new one",
                             locked[i].name);
    return true;
}
