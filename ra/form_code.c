/* The code on a form; see ra/form.h. */
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "ra/case.h"
#include "ra/form.h"
#include "ra/form_internal.h"

enum {
    CODE_PARTS = 6,
    HASH_OCTETS = 8,
    MAC_OCTETS = 12, /* 96 bits: the code stays small enough for bad scans */
    REVISION_MAX = 999999,
};

/* ---- What is printed ----------------------------------------------------- */

bool
form_field_is_printed(const struct definition_field *field,
                      const json_t *fields)
{
    return field->is_printed && definition_when(field->when, fields) &&
           json_object_get(fields, field->name) != NULL;
}

/* SHA-256 over the canonical JSON of what stands on the form. */
static bool
fields_hash(const struct form_input *input, char out[2 * HASH_OCTETS + 1],
            struct error *err)
{
    const struct definition *definition = input->definition;
    json_t *printed = json_object();
    uint8_t digest[HASH_LEN];
    bool ok;

    for (size_t i = 0; i < definition->field_count; i++) {
        const struct definition_field *field = &definition->field[i];

        if (form_field_is_printed(field, input->fields))
            json_object_set(printed, field->name,
                            json_object_get(input->fields, field->name));
    }
    ok = json_digest(printed, digest, err);
    if (ok)
        text_hex(digest, HASH_OCTETS, out);
    json_decref(printed);
    return ok || error_wrap(err, "fields of the form");
}

/* ---- Code ---------------------------------------------------------------- */

static void
mac_make(const struct vault *vault, const char *text,
         char out[2 * MAC_OCTETS + 1])
{
    uint8_t mac[VAULT_BLIND_LEN];

    vault_blind(vault, "form code", text, mac);
    text_hex(mac, MAC_OCTETS, out);
}

bool
form_code_make(const struct vault *vault, const struct form_input *input,
               char out[FORM_CODE_MAX + 1], struct error *err)
{
    char hash[2 * HASH_OCTETS + 1], mac[2 * MAC_OCTETS + 1];
    int n;

    if (!fields_hash(input, hash, err))
        return false;
    n = snprintf(out, FORM_CODE_MAX + 1, "SIGNET1:%s:%d:%s:%s", input->number,
                 input->revision, input->kind, hash);
    if (n < 0 || n + 1 + 2 * MAC_OCTETS > FORM_CODE_MAX)
        return error_set(err, ERROR_INTERNAL,
                         "the code of the form is too "
                         "long");
    mac_make(vault, out, mac);
    (void)snprintf(out + n, (size_t)(FORM_CODE_MAX + 1 - n), ":%s", mac);
    return true;
}

static bool
hex_is_right(const char *text, size_t len, size_t wanted)
{
    return len == wanted && strspn(text, "0123456789abcdef") >= wanted;
}

struct part {
    const char *text;
    size_t len;
};

static bool
parts_split(const char *text, struct part part[CODE_PARTS])
{
    size_t count = 0;

    for (;;) {
        size_t len = strcspn(text, ":");

        if (count == CODE_PARTS)
            return false;
        part[count++] = (struct part){text, len};
        if (text[len] == '\0')
            return count == CODE_PARTS;
        text += len + 1;
    }
}

bool
form_code_read(const struct vault *vault, const char *text,
               struct form_code *out)
{
    struct part part[CODE_PARTS];
    char copy[FORM_CODE_MAX + 1], revision[8], mac[2 * MAC_OCTETS + 1];
    int64_t number;

    memset(out, 0, sizeof *out);
    if (strnlen(text, FORM_CODE_MAX + 1) > FORM_CODE_MAX)
        return false;
    if (!parts_split(text, part) || part[0].len != 7 ||
        memcmp(part[0].text, "SIGNET1", 7) != 0 ||
        !case_number_is(part[1].text, part[1].len) ||
        part[2].len >= sizeof revision || part[3].len >= sizeof out->kind ||
        !hex_is_right(part[4].text, part[4].len, 2 * HASH_OCTETS) ||
        !hex_is_right(part[5].text, part[5].len, 2 * MAC_OCTETS))
        return false;
    (void)snprintf(revision, sizeof revision, "%.*s", (int)part[2].len,
                   part[2].text);
    (void)snprintf(out->kind, sizeof out->kind, "%.*s", (int)part[3].len,
                   part[3].text);
    if (!text_int64(revision, 1, REVISION_MAX, &number) ||
        form_words_find(out->kind) == NULL)
        return false;
    out->revision = (int)number;
    (void)snprintf(out->number, sizeof out->number, "%.*s", (int)part[1].len,
                   part[1].text);
    (void)snprintf(out->fields_hash, sizeof out->fields_hash, "%.*s",
                   (int)part[4].len, part[4].text);
    (void)snprintf(copy, sizeof copy, "%.*s", (int)(part[5].text - text - 1),
                   text);
    mac_make(vault, copy, mac);
    out->is_ours = CRYPTO_memcmp(mac, part[5].text, sizeof mac - 1) == 0;
    return true;
}
