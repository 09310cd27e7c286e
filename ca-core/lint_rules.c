/*
 * Rules about the basic fields of a certificate: RFC 5280, 4.1, appendix A.1
 * (bounds and types of names), and the quality of the key.
 */
#include "ca-core/lint_rules.h"

#include <string.h>

#include "ca-core/key_check.h"

enum {
    SERIAL_MAX_LEN = 20, /* RFC 5280, 4.1.2.2 */
    SERIAL_MIN_LEN = 8,  /* 64 bits from a generator: CABF BR 7.1 */
};

static void
lint_serial(struct lint_view *view)
{
    static const char clause[] = "RFC 5280, 4.1.2.2";
    struct der serial = view->serial;

    if (serial.len == 0)
        lint_find(view, clause, "the serial number is empty");
    else if (serial.data[0] >= 0x80 || (serial.len == 1 && serial.data[0] == 0))
        lint_find(view, clause, "the serial number is not positive");
    else if (serial.len > SERIAL_MAX_LEN)
        lint_find(view, clause, "the serial number has %zu octets; at most 20",
                  serial.len);
    else if (serial.len < SERIAL_MIN_LEN)
        lint_find(view, "CABF BR, 7.1", "the serial number has %zu octets",
                  serial.len);
    if (serial.len > 1 && serial.data[0] == 0 && serial.data[1] < 0x80)
        lint_find(view, "X.690, 8.3.2", "the serial number is not minimal");
}

static void
lint_algorithms(struct lint_view *view)
{
    enum hsm_scheme scheme;

    if (!der_equal(view->inner_algorithm, view->outer_algorithm))
        lint_find(view, "RFC 5280, 4.1.1.2",
                  "the two signature algorithms are not the same");
    if (!hsm_scheme_parse(view->inner_algorithm.data, view->inner_algorithm.len,
                          &scheme))
        lint_find(view, "RFC 5280, 4.1.2.3",
                  "a signature algorithm that is not ours to use");
}

/* The string type that each attribute MUST have (appendix A.1), and its bound
 * in characters. */
static void
lint_attribute(struct lint_view *view, const char *whose, struct der oid,
               const struct der_item *value)
{
    static const char clause[] = "RFC 5280, appendix A.1";
    char text[NAME_MAX_LEN + 1];
    enum api_attribute attribute;
    struct error why = {0};
    bool is_printable = value->tag == DER_PRINTABLE_STRING;
    bool is_type_right;

    if (!name_attribute_of(oid, &attribute)) {
        lint_find(view, "RFC 5280, 4.1.2.4", "%s has an unknown attribute",
                  whose);
        return;
    }
    if (attribute == API_COUNTRY || attribute == API_SERIAL_NUMBER)
        is_type_right = is_printable;
    else if (attribute == API_EMAIL)
        is_type_right = value->tag == DER_IA5_STRING;
    else
        is_type_right = is_printable || value->tag == DER_UTF8_STRING;
    if (!is_type_right) {
        lint_find(view, clause, "%s: %s has the wrong string type", whose,
                  api_attribute_name(attribute));
        return;
    }
    if (value->value.len > NAME_MAX_LEN ||
        memchr(value->value.data, 0, value->value.len) != NULL) {
        lint_find(view, clause, "%s: %s is too long or holds a zero", whose,
                  api_attribute_name(attribute));
        return;
    }
    memcpy(text, value->value.data, value->value.len);
    text[value->value.len] = '\0';
    if (!name_check_value(attribute, text, name_attribute_max(attribute), &why))
        lint_find(view, clause, "%s: %s", whose, why.what);
    if (is_printable && !name_is_printable(text))
        lint_find(view, "X.680, 41.4",
                  "%s: %s has a character outside PrintableString", whose,
                  api_attribute_name(attribute));
}

/* X.690, 11.6: the elements of a SET OF stand in ascending order. */
static bool
is_ascending(struct der a, struct der b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = memcmp(a.data, b.data, len);

    return order < 0 || (order == 0 && a.len < b.len);
}

static bool
lint_rdn(struct lint_view *view, const char *whose, struct der set,
         unsigned *seen)
{
    struct der last = {NULL, 0}, pair, oid;
    struct der_item item, value;
    enum api_attribute attribute;

    while (set.len > 0) {
        if (!der_next(&set, &item) || item.tag != DER_SEQUENCE)
            return false;
        pair = item.value;
        if (!der_take_oid(&pair, &oid) || !der_next(&pair, &value) ||
            pair.len != 0)
            return false;
        if (last.data != NULL && !is_ascending(last, item.whole))
            lint_find(view, "X.690, 11.6", "%s: an RDN is not in order", whose);
        last = item.whole;
        lint_attribute(view, whose, oid, &value);
        if (!name_attribute_of(oid, &attribute))
            continue;
        if ((*seen >> attribute & 1) != 0)
            lint_find(view, "X.501, 9.3", "%s has %s twice", whose,
                      api_attribute_name(attribute));
        *seen |= 1U << attribute;
    }
    return true;
}

/* Returns the attributes that are there, as bits. */
static unsigned
lint_name(struct lint_view *view, const char *whose, struct der name)
{
    struct der rdns, set;
    unsigned seen = 0;

    if (!der_take(&name, DER_SEQUENCE, &rdns) || name.len != 0)
        return 0;
    while (rdns.len > 0)
        if (!der_take(&rdns, DER_SET, &set) || set.len == 0 ||
            !lint_rdn(view, whose, set, &seen)) {
            lint_find(view, "RFC 5280, 4.1.2.4", "%s is no Name in DER", whose);
            break;
        }
    return seen;
}

static void
lint_names(struct lint_view *view)
{
    const struct lint_extension *alternative =
        lint_extension_find(view, EXTENSION_SUBJECT_ALTERNATIVE_NAME);
    unsigned seen;

    if (lint_name(view, "issuer", view->issuer) == 0)
        lint_find(view, "RFC 5280, 4.1.2.4", "the issuer's name is empty");
    seen = lint_name(view, "subject", view->subject);
    if (seen == 0 && (alternative == NULL || !alternative->is_critical))
        lint_find(view, "RFC 5280, 4.1.2.6",
                  "the subject is empty and no critical subjectAltName stands "
                  "for it");
    if ((seen >> API_EMAIL & 1) != 0 && alternative == NULL)
        lint_find(view, "RFC 5280, 4.1.2.6",
                  "a mailbox in the subject and not in subjectAltName");
}

static bool
take_date(struct lint_view *view, struct der *in, const char *name,
          int64_t *out)
{
    /* 2050-01-01T00:00:00Z: from there GeneralizedTime, 4.1.2.5. */
    const int64_t year_2050 = INT64_C(2524608000);
    uint8_t tag = in->len > 0 ? in->data[0] : 0;

    if (!der_take_time(in, out)) {
        lint_find(view, "RFC 5280, 4.1.2.5", "%s is no time in Z and seconds",
                  name);
        return false;
    }
    if ((tag == DER_GENERALIZED_TIME) != (*out >= year_2050))
        lint_find(view, "RFC 5280, 4.1.2.5",
                  "%s: UTCTime through 2049, GeneralizedTime after", name);
    return true;
}

static void
lint_validity(struct lint_view *view)
{
    struct der validity = view->validity;
    struct validity_period period;

    if (!take_date(view, &validity, "notBefore", &period.not_before) ||
        !take_date(view, &validity, "notAfter", &period.not_after))
        return;
    if (validity.len != 0)
        lint_find(view, "RFC 5280, 4.1.2.5", "more than two dates");
    if (period.not_after < period.not_before)
        lint_find(view, "RFC 5280, 4.1.2.5", "it ends before it begins");
    view->period = period;
}

static void
lint_key(struct lint_view *view)
{
    struct error why = {0};

    if (!public_key_parse(view->spki, &view->key, &why)) {
        lint_find(view, "RFC 5280, 4.1.2.7", "%s", why.what);
        return;
    }
    view->has_key = true;
    if (!key_check(&view->key, view->spki, NULL, NULL, &why))
        lint_find(view, "CABF BR, 6.1.1.3", "%s", why.what);
}

void
lint_fields(struct lint_view *view)
{
    lint_serial(view);
    lint_algorithms(view);
    lint_names(view);
    lint_validity(view);
    lint_key(view);
    if (view->has_unique_id)
        lint_find(view, "RFC 5280, 4.1.2.8", "a unique identifier");
}
