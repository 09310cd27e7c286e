/* Subject alternative names; see ca-core/san.h. */
#include "ca-core/san.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "base/der.h"

static const char *const type_names[SAN_TYPE_COUNT] = {
    [API_SAN_DNS] = "dns",
    [API_SAN_IP] = "ip",
    [API_SAN_EMAIL] = "email",
    [API_SAN_URI] = "uri",
};

/* GeneralName's tags: rfc822Name [1], dNSName [2], URI [6], iPAddress [7]. */
static const uint8_t type_tags[SAN_TYPE_COUNT] = {
    [API_SAN_DNS] = DER_CONTEXT(2),
    [API_SAN_IP] = DER_CONTEXT(7),
    [API_SAN_EMAIL] = DER_CONTEXT(1),
    [API_SAN_URI] = DER_CONTEXT(6),
};

const char *
san_type_name(enum api_san_type type)
{
    return type_names[type];
}

bool
san_type_find(const char *name, enum api_san_type *out)
{
    for (unsigned i = 0; i < SAN_TYPE_COUNT; i++)
        if (strcmp(name, type_names[i]) == 0) {
            *out = (enum api_san_type)i;
            return true;
        }
    return false;
}

static bool
is_letter_or_digit(char c)
{
    return isascii((unsigned char)c) && isalnum((unsigned char)c);
}

/* Labels of letters, digits and hyphens, none at an end (RFC 1034, 3.5; RFC
 * 1123, 2.1), and the last one not all digits, or it would be an address. */
static bool
is_host(const char *name, size_t len)
{
    size_t label = 0;
    bool has_letter = false;

    if (len == 0 || len > 253)
        return false;
    for (size_t i = 0; i <= len; i++) {
        if (i == len || name[i] == '.') {
            if (label == 0 || label > 63 || name[i - 1] == '-')
                return false;
            if (i < len)
                has_letter = false;
            label = 0;
            continue;
        }
        if (!is_letter_or_digit(name[i]) && (name[i] != '-' || label == 0))
            return false;
        if (!isdigit((unsigned char)name[i]))
            has_letter = true;
        label++;
    }
    return has_letter;
}

static bool
is_dns(const char *value)
{
    if (strncmp(value, "*.", 2) == 0) {
        value += 2;
        if (strchr(value, '.') == NULL)
            return false; /* a wildcard for a whole top-level domain */
    }
    return is_host(value, strlen(value));
}

/* Dot-string "@" domain: RFC 5321, 4.1.2, without quoted strings. */
static bool
is_email(const char *value)
{
    static const char marks[] = "!#$%&'*+-/=?^_`{|}~.";
    const char *at = strchr(value, '@');
    size_t len;

    if (at == NULL)
        return false;
    len = (size_t)(at - value);
    if (len == 0 || len > 64 || value[0] == '.' || value[len - 1] == '.')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_letter_or_digit(value[i]) && strchr(marks, value[i]) == NULL)
            return false;
        if (value[i] == '.' && value[i + 1] == '.')
            return false;
    }
    return is_host(at + 1, strlen(at + 1));
}

static bool
is_ip(const char *value, uint8_t out[16], size_t *len)
{
    if (inet_pton(AF_INET, value, out) == 1)
        *len = 4;
    else if (inet_pton(AF_INET6, value, out) == 1)
        *len = 16;
    else
        return false;
    return true;
}

/* [userinfo "@"] host [":" port]: the host is a name or an address. */
static bool
is_authority(const char *text, size_t len)
{
    char address[64];
    uint8_t octets[16];
    const char *at = memchr(text, '@', len);
    size_t host;

    if (at != NULL) {
        len -= (size_t)(at + 1 - text);
        text = at + 1;
    }
    if (len > 0 && text[0] == '[') {
        const char *end = memchr(text, ']', len);

        if (end == NULL || (size_t)(end - text) > sizeof address)
            return false;
        host = (size_t)(end - text) - 1;
        memcpy(address, text + 1, host);
        address[host] = '\0';
        return inet_pton(AF_INET6, address, octets) == 1;
    }
    for (host = 0; host < len && text[host] != ':'; host++)
        continue;
    if (host < sizeof address) {
        memcpy(address, text, host);
        address[host] = '\0';
        if (inet_pton(AF_INET, address, octets) == 1)
            return true;
    }
    return is_host(text, host);
}

static bool
is_uri(const char *value)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz0123456789"
                              "-._~:/?#[]@!$&'()*+,;=%"; /* RFC 3986, 2 */
    const char *colon = strchr(value, ':');

    if (value[strspn(value, set)] != '\0' || colon == NULL ||
        colon[1] == '\0' || !isalpha((unsigned char)value[0]))
        return false;
    for (const char *p = value; p < colon; p++)
        if (!is_letter_or_digit(*p) && strchr("+-.", *p) == NULL)
            return false;
    if (strncmp(colon + 1, "//", 2) == 0)
        return is_authority(colon + 3, strcspn(colon + 3, "/?#"));
    return true;
}

bool
san_check(const struct api_san *san, struct error *err)
{
    uint8_t octets[16];
    size_t len;
    bool ok = false;

    if (strlen(san->value) > SAN_VALUE_MAX)
        return error_set(err, ERROR_INPUT, "alternative name is too long");
    switch (san->type) {
    case API_SAN_DNS:
        ok = is_dns(san->value);
        break;
    case API_SAN_IP:
        ok = is_ip(san->value, octets, &len);
        break;
    case API_SAN_EMAIL:
        ok = is_email(san->value);
        break;
    case API_SAN_URI:
        ok = is_uri(san->value);
        break;
    }
    if (!ok)
        return error_set(err, ERROR_INPUT,
                         "\"%s\" is no alternative name of type %s", san->value,
                         type_names[san->type]);
    return true;
}

void
san_encode(const struct api_san *san, struct buf *out)
{
    uint8_t octets[16];
    size_t len;

    if (san->type == API_SAN_IP && is_ip(san->value, octets, &len))
        der_add(out, type_tags[san->type], octets, len);
    else
        der_add(out, type_tags[san->type], san->value, strlen(san->value));
}
