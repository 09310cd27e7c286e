/*
 * A ceremony's file to a plan; see ca-core/ceremony.h. Pure: profiles are
 * given, nothing is looked up.
 */
#include "ca-core/ceremony.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"

/* What every element's reader needs. */
struct reader {
    struct ceremony *ceremony;
    const struct profile_set *profiles;
    const char *file;
};

static bool
refuse(const struct reader *reader, const struct xml_node *node,
       struct error *err)
{
    return error_wrap(err, "%s line %d", reader->file, xml_line(node));
}

/* ---- Parts that several elements have ---------------------------------- */

static bool
read_key_type(const struct xml_node *node, enum hsm_key_type *out,
              struct error *err)
{
    const char *text = xml_attribute(node, "key-type", "ec-p256");

    if (!hsm_key_type_find(text, out))
        return error_set(err, ERROR_INPUT, "there is no key type %s", text);
    return true;
}

static bool
read_count(const struct xml_node *node, const char *name, int *out,
           struct error *err)
{
    const char *text = xml_attribute(node, name, "");
    int64_t value;

    /* The schema allows "+5" and "05"; we do not. */
    if (!text_int64(text, 1, 14610, &value))
        return error_set(err, ERROR_INPUT, "%s=\"%s\" is no plain number", name,
                         text);
    *out = (int)value;
    return true;
}

static bool
read_profile(const struct reader *reader, const struct xml_node *node,
             const struct profile **out, struct error *err)
{
    const char *name = xml_attribute(node, "profile", "");

    *out = profile_set_find(reader->profiles, name);
    if (*out == NULL)
        return error_set(err, ERROR_INPUT, "there is no profile %s", name);
    return true;
}

static bool
read_subject(const struct xml_node *node, const struct profile *profile,
             struct api_subject *out, struct error *err)
{
    const struct xml_node *at;
    struct api_subject given = {0};
    struct buf der = BUF_INIT(NAME_MAX_LEN);
    bool ok;

    at = xml_child(xml_child(node, "subject"), "attribute");
    for (; at != NULL; at = xml_next(at, "attribute")) {
        const char *name = xml_attribute(at, "name", "");
        enum api_attribute attribute;

        if (!name_attribute_find(name, &attribute))
            return error_set(err, ERROR_INPUT, "there is no attribute %s",
                             name);
        if (given.attribute[attribute] != NULL)
            return error_set(err, ERROR_INPUT, "attribute %s stands twice",
                             name);
        given.attribute[attribute] = xml_text(at);
    }
    ok = profile_apply_subject(profile, &given, out, err) &&
         name_encode(out, &der, err);
    buf_clear(&der);
    return ok;
}

/* An issuer of this file must stand before; another is the database's. */
static bool
read_issuer(const struct reader *reader, const struct xml_node *node,
            const char *attribute, const struct profile *profile,
            const char **out, struct error *err)
{
    const struct ceremony_authority *authority;
    const char *name = xml_attribute(node, attribute, NULL);

    *out = name;
    if (name == NULL)
        return true;
    authority = ceremony_authority_find(reader->ceremony, name);
    if (authority == NULL)
        return true;
    if (!profile_allows_issuer(profile, name, authority->parent == NULL))
        return error_set(err, ERROR_INPUT,
                         "profile %s is not signed by an authority like %s",
                         profile->name, name);
    return true;
}

/* ---- Elements ---------------------------------------------------------- */

static bool
read_ocsp_keys(const struct xml_node *node, struct ceremony_authority *out,
               struct error *err)
{
    const struct xml_node *at = xml_child(node, "ocsp-key");

    for (; at != NULL; at = xml_next(at, "ocsp-key")) {
        struct ceremony_ocsp_key *key = &out->ocsp_key[out->ocsp_key_count];

        if (out->ocsp_key_count == CEREMONY_OCSP_KEYS_MAX)
            return error_set(err, ERROR_INPUT, "too many OCSP keys");
        if (!read_key_type(at, &key->type, err) ||
            !read_count(at, "days", &key->days, err))
            return false;
        out->ocsp_key_count++;
    }
    return true;
}

static bool
read_scheme(const struct xml_node *node, struct ceremony_authority *out,
            struct error *err)
{
    const char *text = xml_attribute(node, "scheme", NULL);

    out->scheme = hsm_scheme_default(out->type);
    if (text == NULL)
        return true;
    if (!hsm_scheme_find(text, &out->scheme))
        return error_set(err, ERROR_INPUT, "there is no scheme %s", text);
    if (!hsm_scheme_fits(out->scheme, out->type))
        return error_set(err, ERROR_INPUT, "%s is no scheme of a key %s", text,
                         hsm_key_type_name(out->type));
    return true;
}

static bool
read_authority(struct reader *reader, const struct xml_node *node,
               struct error *err)
{
    struct ceremony *ceremony = reader->ceremony;
    struct ceremony_authority *out =
        &ceremony->authority[ceremony->authority_count];

    if (ceremony->authority_count == CEREMONY_AUTHORITIES_MAX)
        return error_set(err, ERROR_INPUT, "too many authorities");
    out->name = xml_attribute(node, "name", "");
    out->replaces = xml_attribute(node, "replaces", NULL);
    if (!read_profile(reader, node, &out->profile, err) ||
        !read_key_type(node, &out->type, err) || !read_scheme(node, out, err) ||
        !read_count(node, "years", &out->years, err) ||
        !read_issuer(reader, node, "parent", out->profile, &out->parent, err) ||
        !read_subject(node, out->profile, &out->subject, err) ||
        !read_ocsp_keys(node, out, err) ||
        !profile_check_key(out->profile, out->type, err))
        return false;
    if (!db_issuer_state_find(xml_attribute(node, "state", "active"),
                              &out->state))
        return error_set(err, ERROR_INPUT, "there is no such state");
    if (!out->profile->is_ca)
        return error_set(err, ERROR_INPUT,
                         "profile %s makes no certification authority",
                         out->profile->name);
    if ((out->profile->issuer == PROFILE_ISSUER_SELF) != (out->parent == NULL))
        return error_set(err, ERROR_INPUT,
                         out->parent == NULL
                             ? "profile %s is not of a root: name a parent"
                             : "profile %s is of a root, which has no parent",
                         out->profile->name);
    if (out->replaces != NULL && out->state != DB_ISSUER_ACTIVE)
        return error_set(err, ERROR_INPUT,
                         "only an active authority replaces another");
    ceremony->authority_count++;
    return true;
}

static bool
read_sans(const struct xml_node *node, struct ceremony_service *out,
          struct error *err)
{
    const struct xml_node *at = xml_child(node, "san");

    for (; at != NULL; at = xml_next(at, "san")) {
        struct api_san *san = &out->san[out->san_count];

        if (out->san_count == CEREMONY_SANS_MAX)
            return error_set(err, ERROR_INPUT, "too many names");
        if (!san_type_find(xml_attribute(at, "type", ""), &san->type))
            return error_set(err, ERROR_INPUT, "there is no such type of name");
        san->value = xml_text(at);
        if (!san_check(san, err))
            return false;
        out->san_count++;
    }
    return profile_check_san(out->profile, out->san, out->san_count, err);
}

static bool
read_service(struct reader *reader, const struct xml_node *node,
             struct error *err)
{
    struct ceremony *ceremony = reader->ceremony;
    struct ceremony_service *out = &ceremony->service[ceremony->service_count];

    if (ceremony->service_count == CEREMONY_SERVICES_MAX)
        return error_set(err, ERROR_INPUT, "too many services");
    out->name = xml_attribute(node, "name", "");
    if (!read_profile(reader, node, &out->profile, err) ||
        !read_issuer(reader, node, "issuer", out->profile, &out->issuer, err) ||
        !read_key_type(node, &out->type, err) ||
        !read_count(node, "days", &out->days, err) ||
        !read_subject(node, out->profile, &out->subject, err) ||
        !read_sans(node, out, err) ||
        !profile_check_key(out->profile, out->type, err))
        return false;
    ceremony->service_count++;
    return true;
}

static bool
read_roles(const struct xml_node *node, struct ceremony_officer *out,
           struct error *err)
{
    const struct xml_node *at = xml_child(node, "role");

    for (; at != NULL; at = xml_next(at, "role")) {
        enum api_role role;
        size_t i;

        if (!api_role_find(xml_text(at), &role))
            return error_set(err, ERROR_INPUT, "there is no role %s",
                             xml_text(at));
        for (i = 0; i < out->role_count; i++)
            if (out->role[i] == role)
                return error_set(err, ERROR_INPUT, "role %s stands twice",
                                 xml_text(at));
        if (out->role_count == API_ROLES_MAX)
            return error_set(err, ERROR_INPUT, "too many roles");
        out->role[out->role_count++] = role;
    }
    return true;
}

static bool
read_officer(struct reader *reader, const struct xml_node *node,
             struct error *err)
{
    struct ceremony *ceremony = reader->ceremony;
    struct ceremony_officer *out = &ceremony->officer[ceremony->officer_count];
    bool is_made = strcmp(xml_attribute(node, "key", "own"), "file") == 0;

    if (ceremony->officer_count == CEREMONY_OFFICERS_MAX)
        return error_set(err, ERROR_INPUT, "too many officers");
    out->name = xml_attribute(node, "name", "");
    out->person = xml_attribute(node, "person", "");
    out->csr = xml_attribute(node, "csr", NULL);
    if (is_made == (out->csr != NULL))
        return error_set(err, ERROR_INPUT,
                         "name either the officer's csr or key=\"file\"");
    if (!read_profile(reader, node, &out->profile, err) ||
        !read_issuer(reader, node, "issuer", out->profile, &out->issuer, err) ||
        !read_key_type(node, &out->type, err) ||
        !read_count(node, "days", &out->days, err) ||
        !read_roles(node, out, err) ||
        !read_subject(node, out->profile, &out->subject, err) ||
        (is_made && !profile_check_key(out->profile, out->type, err)))
        return false;
    ceremony->officer_count++;
    return true;
}

static bool
read_witness(struct reader *reader, const struct xml_node *node,
             struct error *err)
{
    struct ceremony *ceremony = reader->ceremony;
    struct ceremony_witness *out = &ceremony->witness[ceremony->witness_count];

    if (ceremony->witness_count == CEREMONY_WITNESSES_MAX)
        return error_set(err, ERROR_INPUT, "too many witnesses");
    out->name = xml_attribute(node, "name", "");
    out->role = xml_attribute(node, "role", "");
    ceremony->witness_count++;
    return true;
}

static bool
read_log_key(struct reader *reader, const struct xml_node *node,
             struct error *err)
{
    reader->ceremony->has_log_key = true;
    return read_key_type(node, &reader->ceremony->log_key_type, err);
}

static const struct {
    const char *element;
    bool (*read)(struct reader *reader, const struct xml_node *node,
                 struct error *err);
} elements[] = {
    {"witness", read_witness},     {"log-key", read_log_key},
    {"authority", read_authority}, {"service", read_service},
    {"officer", read_officer},
};

/* ---- The whole --------------------------------------------------------- */

static bool
read_all(struct reader *reader, struct error *err)
{
    struct ceremony *ceremony = reader->ceremony;
    const struct xml_node *root = xml_root(ceremony->xml), *node;
    size_t i;

    ceremony->id = xml_attribute(root, "id", "");
    if (!text_is_uuid(ceremony->id))
        return error_set(err, ERROR_INPUT, "%s: id is no UUID", reader->file);
    ceremony->title = xml_text(xml_child(root, "title"));
    for (i = 0; i < sizeof elements / sizeof elements[0]; i++) {
        node = xml_child(root, elements[i].element);
        for (; node != NULL; node = xml_next(node, elements[i].element))
            if (!elements[i].read(reader, node, err))
                return refuse(reader, node, err);
    }
    return true;
}

bool
ceremony_parse(const uint8_t *data, size_t len, const char *name,
               const char *schema_dir, const struct profile_set *profiles,
               struct ceremony **out, struct error *err)
{
    struct ceremony *ceremony = base_alloc(sizeof *ceremony);
    struct reader reader = {ceremony, profiles, name};
    struct buf schema = BUF_INIT(4096);
    bool ok = false;

    (void)buf_addf(&schema, "%s/ceremony.xsd", schema_dir);
    if (!xml_parse(data, len, name, buf_text(&schema), &ceremony->xml, err))
        goto out;
    ceremony->file = base_copy(data, len);
    ceremony->file_len = len;
    ceremony->folder = base_text_copy(".");
    if (!hash_sha256(data, len, ceremony->digest, err))
        goto out;
    if (!read_all(&reader, err))
        goto out;
    *out = ceremony;
    ceremony = NULL;
    ok = true;
out:
    ceremony_free(ceremony);
    buf_clear(&schema);
    return ok;
}

bool
ceremony_load(const char *path, const char *schema_dir,
              const struct profile_set *profiles, struct ceremony **out,
              struct error *err)
{
    struct buf file = BUF_INIT(XML_MAX_LEN);
    const char *slash = strrchr(path, '/');
    bool ok;

    ok = text_file_read(path, XML_MAX_LEN, &file, err) &&
         ceremony_parse(file.data, file.len, path, schema_dir, profiles, out,
                        err);
    if (ok && slash != NULL) {
        free((*out)->folder);
        (*out)->folder = base_copy(path, (size_t)(slash - path) + 1);
        (*out)->folder[slash - path] = '\0';
    }
    buf_clear(&file);
    return ok;
}

void
ceremony_free(struct ceremony *ceremony)
{
    if (ceremony == NULL)
        return;
    xml_free(ceremony->xml);
    free(ceremony->file);
    free(ceremony->folder);
    free(ceremony);
}

const struct ceremony_authority *
ceremony_authority_find(const struct ceremony *ceremony, const char *name)
{
    size_t i;

    for (i = 0; i < ceremony->authority_count; i++)
        if (strcmp(ceremony->authority[i].name, name) == 0)
            return &ceremony->authority[i];
    return NULL;
}

/* SHA-256 over the ceremony's id and words that tell purposes apart. */
static bool
derive(const struct ceremony *ceremony, const char *purpose, unsigned attempt,
       uint8_t out[32], struct error *err)
{
    struct buf text = BUF_INIT(4096);
    bool ok;

    (void)buf_addf(&text, "signet ceremony\n%s\n%s\n%u\n", ceremony->id,
                   purpose, attempt);
    assert(!buf_is_full(&text)); /* the schema bounds both */
    ok = hash_sha256(text.data, text.len, out, err);
    buf_clear(&text);
    return ok || error_wrap(err, "derive an identifier");
}

bool
ceremony_key_id(const struct ceremony *ceremony, const char *purpose,
                unsigned attempt, uint8_t out[CEREMONY_KEY_ID_LEN],
                struct error *err)
{
    uint8_t digest[32];

    if (!derive(ceremony, purpose, attempt, digest, err))
        return false;
    memcpy(out, digest, CEREMONY_KEY_ID_LEN);
    return true;
}

bool
ceremony_officer_id(const struct ceremony *ceremony, const char *person,
                    char out[TEXT_UUID_LEN + 1], struct error *err)
{
    struct buf purpose = BUF_INIT(1024);
    uint8_t digest[32];
    char hex[2 * 16 + 1];
    bool ok;

    (void)buf_addf(&purpose, "officer %s", person);
    ok = derive(ceremony, buf_text(&purpose), 0, digest, err);
    buf_clear(&purpose);
    if (!ok)
        return false;
    digest[6] = (uint8_t)((digest[6] & 0x0f) | 0x80); /* RFC 9562, 5.8 */
    digest[8] = (uint8_t)((digest[8] & 0x3f) | 0x80);
    text_hex(digest, 16, hex);
    (void)snprintf(out, TEXT_UUID_LEN + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", hex,
                   hex + 8, hex + 12, hex + 16, hex + 20);
    return true;
}
