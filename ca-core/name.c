/* Distinguished names; see ca-core/name.h. */
#include "ca-core/name.h"

#include <string.h>

#include "base/character.h"
#include "base/text.h"

struct attribute {
    const char *descriptor; /* RFC 4519; X.520 and PKCS #9 where it has none */
    const char *oid;        /* content octets */
    size_t oid_len;
    size_t max; /* characters */
    uint8_t tag;
};

#define X520(last) "\x55\x04" last, 3

/* Bounds of RFC 5280, appendix A.1, where it has one. Street is X.520's
 * ub-street-address; organizationIdentifier has none anywhere (X.520, 2014), so
 * that one is ours. */
static const struct attribute attributes[API_ATTRIBUTE_COUNT] = {
    [API_COUNTRY] = {"C", X520("\x06"), 2, DER_PRINTABLE_STRING},
    [API_STATE] = {"ST", X520("\x08"), 128, DER_UTF8_STRING},
    [API_LOCALITY] = {"L", X520("\x07"), 128, DER_UTF8_STRING},
    [API_STREET] = {"STREET", X520("\x09"), 128, DER_UTF8_STRING},
    [API_ORGANIZATION] = {"O", X520("\x0a"), 64, DER_UTF8_STRING},
    [API_ORGANIZATION_IDENTIFIER] = {"organizationIdentifier", X520("\x61"),
                                     256, DER_UTF8_STRING},
    [API_ORGANIZATIONAL_UNIT] = {"OU", X520("\x0b"), 64, DER_UTF8_STRING},
    [API_TITLE] = {"title", X520("\x0c"), 64, DER_UTF8_STRING},
    [API_SURNAME] = {"sn", X520("\x04"), 32768, DER_UTF8_STRING},
    [API_GIVEN_NAME] = {"givenName", X520("\x2a"), 32768, DER_UTF8_STRING},
    [API_SERIAL_NUMBER] = {"serialNumber", X520("\x05"), 64,
                           DER_PRINTABLE_STRING},
    [API_COMMON_NAME] = {"CN", X520("\x03"), 64, DER_UTF8_STRING},
    [API_EMAIL] = {"emailAddress", "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9,
                   255, DER_IA5_STRING},
};

bool
name_attribute_find(const char *name, enum api_attribute *out)
{
    for (unsigned i = 0; i < API_ATTRIBUTE_COUNT; i++)
        if (strcmp(name, api_attribute_name((enum api_attribute)i)) == 0) {
            *out = (enum api_attribute)i;
            return true;
        }
    return false;
}

bool
name_attribute_of(struct der oid, enum api_attribute *out)
{
    for (unsigned i = 0; i < API_ATTRIBUTE_COUNT; i++)
        if (oid.len == attributes[i].oid_len &&
            memcmp(oid.data, attributes[i].oid, oid.len) == 0) {
            *out = (enum api_attribute)i;
            return true;
        }
    return false;
}

size_t
name_attribute_max(enum api_attribute attribute)
{
    return attributes[attribute].max;
}

bool
name_is_printable(const char *value)
{
    /* X.680, table 10. */
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz0123456789"
                              " '()+,-./:=?";

    return value[strspn(value, set)] == '\0';
}

static bool
check_characters(enum api_attribute attribute, const char *value,
                 struct error *err)
{
    const uint8_t *p = (const uint8_t *)value;
    bool is_first = true;
    uint32_t c = 0;

    while (*p != '\0') {
        c = character_next(&p);
        if (character_is_hidden(c))
            return error_set(err, ERROR_INPUT,
                             "%s has the invisible character U+%04X",
                             api_attribute_name(attribute), c);
        if (is_first && character_is_white(c))
            break;
        is_first = false;
    }
    if (character_is_white(c))
        return error_set(err, ERROR_INPUT, "%s has white space at its ends",
                         api_attribute_name(attribute));
    return true;
}

bool
name_check_value(enum api_attribute attribute, const char *value, size_t max,
                 struct error *err)
{
    const char *name = api_attribute_name(attribute);
    size_t count;

    if (value[0] == '\0')
        return error_set(err, ERROR_INPUT, "%s is empty", name);
    if (!text_utf8(value, strlen(value), &count))
        return error_set(err, ERROR_INPUT, "%s is not UTF-8", name);
    if (count > max || count > attributes[attribute].max)
        return error_set(
            err, ERROR_INPUT, "%s has %zu characters; at most %zu are allowed",
            name, count,
            max < attributes[attribute].max ? max : attributes[attribute].max);
    if (!check_characters(attribute, value, err))
        return false;
    if (attribute == API_COUNTRY &&
        (strlen(value) != 2 || value[0] < 'A' || value[0] > 'Z' ||
         value[1] < 'A' || value[1] > 'Z'))
        return error_set(err, ERROR_INPUT,
                         "country is not two capital letters (ISO 3166)");
    if (attributes[attribute].tag == DER_PRINTABLE_STRING &&
        !name_is_printable(value))
        return error_set(err, ERROR_INPUT,
                         "%s has a character outside PrintableString", name);
    if (attribute == API_EMAIL &&
        (strlen(value) != count || strchr(value, '@') == NULL))
        return error_set(err, ERROR_INPUT, "email is not an ASCII mailbox");
    return true;
}

bool
name_encode(const struct api_subject *name, struct buf *out, struct error *err)
{
    size_t sequence = der_begin(out, DER_SEQUENCE);
    bool is_empty = true;

    for (unsigned i = 0; i < API_ATTRIBUTE_COUNT; i++) {
        const struct attribute *attribute = &attributes[i];
        const char *value = name->attribute[i];
        size_t set, pair;

        if (value == NULL)
            continue;
        if (!name_check_value((enum api_attribute)i, value, attribute->max,
                              err))
            return false;
        set = der_begin(out, DER_SET);
        pair = der_begin(out, DER_SEQUENCE);
        der_add_oid(out, (const uint8_t *)attribute->oid, attribute->oid_len);
        der_add(out, attribute->tag, value, strlen(value));
        der_end(out, pair);
        der_end(out, set);
        is_empty = false;
    }
    der_end(out, sequence);
    if (is_empty)
        return error_set(err, ERROR_INPUT, "a name needs an attribute");
    if (buf_is_full(out))
        return error_set(err, ERROR_INPUT, "the name is too long");
    return true;
}

/* One AttributeTypeAndValue. */
static bool
take_pair(struct der *in, struct der *oid, struct der_item *value)
{
    struct der pair;

    return der_take(in, DER_SEQUENCE, &pair) && der_take(&pair, DER_OID, oid) &&
           der_next(&pair, value) && pair.len == 0;
}

static bool
is_text_tag(uint8_t tag)
{
    return tag == DER_UTF8_STRING || tag == DER_PRINTABLE_STRING ||
           tag == DER_IA5_STRING;
}

bool
name_parse(struct der der, struct api_subject *out, struct buf *storage,
           struct error *err)
{
    size_t offset[API_ATTRIBUTE_COUNT], count;
    bool is_there[API_ATTRIBUTE_COUNT] = {false};
    struct der rdns, set, oid;
    enum api_attribute attribute;
    struct der_item value;

    memset(out, 0, sizeof *out);
    if (!der_take(&der, DER_SEQUENCE, &rdns) || der.len != 0)
        return error_set(err, ERROR_INPUT, "not a DER name");
    while (rdns.len > 0) {
        if (!der_take(&rdns, DER_SET, &set) || !take_pair(&set, &oid, &value) ||
            set.len != 0 || !is_text_tag(value.tag) ||
            !text_utf8((const char *)value.value.data, value.value.len, &count))
            return error_set(err, ERROR_INPUT,
                             "a name with a part that we never write");
        if (!name_attribute_of(oid, &attribute) || is_there[attribute])
            return error_set(err, ERROR_INPUT,
                             "a name with an attribute unknown or twice");
        is_there[attribute] = true;
        offset[attribute] = storage->len;
        (void)buf_add(storage, value.value.data, value.value.len);
        (void)buf_add_byte(storage, '\0');
    }
    if (buf_is_full(storage))
        return error_set(err, ERROR_INPUT, "the name is too long");
    for (unsigned i = 0; i < API_ATTRIBUTE_COUNT; i++)
        if (is_there[i])
            out->attribute[i] = (const char *)storage->data + offset[i];
    return true;
}

/* RFC 4514, 2.4; controls as hex pairs, for the sake of terminals and logs. */
static void
format_text(struct der value, struct buf *out)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];

        if (c < 0x20 || c == 0x7f)
            (void)buf_addf(out, "\\%02x", c);
        else if (strchr("\"+,;<>\\", c) != NULL || (c == '#' && i == 0) ||
                 (c == ' ' && (i == 0 || i + 1 == value.len)))
            (void)buf_addf(out, "\\%c", c);
        else
            (void)buf_add_byte(out, c);
    }
}

static bool
format_pair(struct der *in, struct buf *out)
{
    enum api_attribute attribute;
    struct der_item value;
    struct der oid;
    char dotted[128];
    size_t count;

    if (!take_pair(in, &oid, &value))
        return false;
    if (name_attribute_of(oid, &attribute) && is_text_tag(value.tag) &&
        text_utf8((const char *)value.value.data, value.value.len, &count)) {
        (void)buf_addf(out, "%s=", attributes[attribute].descriptor);
        format_text(value.value, out);
        return true;
    }
    if (!der_oid_format(oid.data, oid.len, dotted, sizeof dotted))
        return false;
    (void)buf_addf(out, "%s=#", dotted);
    for (size_t i = 0; i < value.whole.len; i++)
        (void)buf_addf(out, "%02x", value.whole.data[i]);
    return true;
}

bool
name_format(struct der der, struct buf *out, struct error *err)
{
    enum { RDNS_MAX = 128 };
    struct der rdns, set[RDNS_MAX];
    size_t count = 0;

    if (!der_take(&der, DER_SEQUENCE, &rdns) || der.len != 0)
        return error_set(err, ERROR_INPUT, "not a DER name");
    while (rdns.len > 0) {
        if (count == RDNS_MAX || !der_take(&rdns, DER_SET, &set[count]) ||
            set[count].len == 0)
            return error_set(err, ERROR_INPUT, "not a DER name");
        count++;
    }
    /* The last RDN comes first: 2.1. */
    while (count-- > 0) {
        while (set[count].len > 0) {
            if (!format_pair(&set[count], out))
                return error_set(err, ERROR_INPUT, "not a DER name");
            if (set[count].len > 0)
                (void)buf_add_byte(out, '+');
        }
        if (count > 0)
            (void)buf_add_byte(out, ',');
    }
    if (buf_is_full(out))
        return error_set(err, ERROR_INPUT, "the name is too long");
    return true;
}
