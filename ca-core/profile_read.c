/*
 * A profile from its XML: what the schema let through is put into the struct,
 * and what no schema can state is judged here, with the line.
 */
#include "ca-core/profile_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/xml.h"

bool
profile_wrong(const struct profile_reader *r, const struct xml_node *node,
              const char *format, ...)
{
    char reason[256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    return error_set(r->err, ERROR_INPUT, "%s, line %d: %s", r->file,
                     xml_line(node), reason);
}

bool
profile_is_true(const struct xml_node *node, const char *name,
                const char *otherwise)
{
    const char *value = xml_attribute(node, name, otherwise);

    return strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
}

int
profile_number(const struct xml_node *node, const char *name, int otherwise)
{
    const char *value = xml_attribute(node, name, NULL);

    return value == NULL ? otherwise : (int)strtol(value, NULL, 10);
}

unsigned
profile_word(const struct xml_node *node, const char *name,
             const char *const *words)
{
    const char *value = xml_attribute(node, name, words[0]);
    unsigned i = 0;

    while (words[i + 1] != NULL && strcmp(value, words[i]) != 0)
        i++;
    return i;
}

static void
read_titles(struct profile_reader *r, const struct xml_node *root)
{
    const struct xml_node *node;

    for (node = xml_child(root, "title"); node != NULL;
         node = xml_next(node, "title")) {
        if (strcmp(xml_attribute(node, "lang", ""), "en") == 0)
            r->profile->title_en = xml_text(node);
        else
            r->profile->title_zh = xml_text(node);
    }
}

static bool
read_orders(struct profile_reader *r, const struct xml_node *root)
{
    static const char *const by[] = {"officers", "ceremony", "system", NULL};
    const struct xml_node *orders = xml_child(root, "orders"), *node;
    bool has_kind = false;

    r->profile->ordered_by =
        (enum profile_orderer)profile_word(orders, "by", by);
    r->profile->is_holder_allowed =
        xml_attribute(orders, "holder", NULL) != NULL;
    for (node = xml_child(orders, "order"); node != NULL;
         node = xml_next(node, "order")) {
        enum api_kind kind;

        if (!api_kind_find(xml_attribute(node, "kind", ""), &kind) ||
            !api_kind_is_issuing(kind))
            return profile_wrong(r, node, "no such kind of order");
        r->profile->is_kind_allowed[kind] = true;
        has_kind = true;
    }
    if (has_kind != (r->profile->ordered_by == PROFILE_BY_OFFICERS))
        return profile_wrong(
            r, orders, "kinds of order belong to profiles that officers order");
    if (r->profile->is_holder_allowed &&
        !r->profile->is_kind_allowed[API_RENEW])
        return profile_wrong(r, orders, "holders renew where renew is allowed");
    return true;
}

static void
read_issuer(struct profile_reader *r, const struct xml_node *root)
{
    static const char *const kinds[] = {"self", "root", "issuing", "any", NULL};
    const struct xml_node *issuer = xml_child(root, "issuer");
    const struct xml_node *unique = xml_child(root, "unique");

    r->profile->issuer =
        (enum profile_issuer)profile_word(issuer, "kind", kinds);
    r->profile->issuer_pattern = xml_attribute(issuer, "names", "*");
    r->profile->is_key_unique = profile_is_true(unique, "key", "true");
    r->profile->is_subject_unique = profile_is_true(unique, "subject", "true");
}

static bool
read_attribute(struct profile_reader *r, const struct xml_node *node)
{
    static const char *const presences[] = {"required", "optional", "fixed",
                                            NULL};
    static const enum profile_presence presence[] = {
        PROFILE_REQUIRED, PROFILE_OPTIONAL, PROFILE_FIXED};
    struct profile_attribute *rule;
    enum api_attribute attribute;
    struct error why = {0};
    size_t bound;

    if (!name_attribute_find(xml_attribute(node, "name", ""), &attribute))
        return profile_wrong(r, node, "no such attribute");
    rule = &r->profile->subject[attribute];
    bound = name_attribute_max(attribute);
    rule->presence = presence[profile_word(node, "presence", presences)];
    rule->value = xml_attribute(node, "value", NULL);
    rule->max = (size_t)profile_number(node, "max", (int)bound);
    if (rule->max > bound)
        return profile_wrong(
            r, node, "max is above %zu, the bound of RFC 5280, appendix A.1",
            bound);
    if ((rule->presence == PROFILE_FIXED) != (rule->value != NULL))
        return profile_wrong(r, node, "a value belongs to presence \"fixed\"");
    if (rule->value != NULL &&
        !name_check_value(attribute, rule->value, rule->max, &why))
        return profile_wrong(r, node, "%s", why.what);
    return true;
}

static bool
read_subject(struct profile_reader *r, const struct xml_node *root)
{
    const struct xml_node *subject = xml_child(root, "subject"), *node;
    bool is_named = false;

    for (node = xml_child(subject, "attribute"); node != NULL;
         node = xml_next(node, "attribute")) {
        if (!read_attribute(r, node))
            return false;
        if (strcmp(xml_attribute(node, "presence", ""), "required") == 0)
            is_named = true;
    }
    if (!is_named)
        return profile_wrong(r, subject,
                             "no attribute is required: subjects would "
                             "not tell their holders apart");
    return true;
}

static bool
read_keys(struct profile_reader *r, const struct xml_node *root)
{
    const struct xml_node *node = xml_child(xml_child(root, "keys"), "key");

    for (; node != NULL; node = xml_next(node, "key")) {
        enum hsm_key_type type;

        if (!hsm_key_type_find(xml_attribute(node, "type", ""), &type))
            return profile_wrong(r, node, "no such type of key");
        r->profile->is_key_allowed[type] = true;
    }
    return true;
}

static bool
read_validity(struct profile_reader *r, const struct xml_node *root)
{
    static const char *const beyond[] = {"refuse", "cut", NULL};
    const struct xml_node *validity = xml_child(root, "validity"), *node;
    struct validity_limits *limits = &r->profile->validity;
    bool is_possible = false;

    limits->max_days = profile_number(validity, "max-days", 0);
    limits->backdate_s = profile_number(validity, "backdate-seconds", 0);
    limits->is_cut_at_issuer =
        profile_word(validity, "beyond-issuer", beyond) == 1;
    for (unsigned i = 0; i < VALIDITY_RULE_COUNT; i++) {
        node =
            xml_child(validity, validity_rule_name((enum api_validity_rule)i));
        if (node == NULL)
            continue;
        limits->rule[i].is_allowed = true;
        limits->rule[i].min = profile_number(node, "min", 0);
        limits->rule[i].max = profile_number(node, "max", 0);
        if (limits->rule[i].min > limits->rule[i].max)
            return profile_wrong(r, node, "min is above max");
        if (i == API_VALIDITY_EXTEND)
            limits->extend_window_days = profile_number(node, "window-days", 0);
        if (i == API_VALIDITY_YEARS || i == API_VALIDITY_DAYS)
            is_possible = true;
    }
    if (!is_possible)
        return profile_wrong(
            r, validity,
            "neither years nor days: no certificate could be the "
            "first");
    return true;
}

static bool
read_all(struct profile_reader *r, const struct xml_node *root)
{
    read_titles(r, root);
    read_issuer(r, root);
    /* Keys come before usages, which are judged against them. */
    return read_orders(r, root) && read_subject(r, root) &&
           read_keys(r, root) && read_validity(r, root) &&
           profile_read_extensions(r, root);
}

bool
profile_parse(const uint8_t *xml, size_t len, const char *file,
              const char *schema_dir, struct profile **out, struct error *err)
{
    struct profile_reader r = {file, NULL, err};
    struct xml *document = NULL;
    struct buf schema = BUF_INIT(4096);
    bool ok;

    *out = NULL;
    (void)buf_addf(&schema, "%s/profile.xsd", schema_dir);
    ok = xml_parse(xml, len, file, buf_text(&schema), &document, err);
    buf_clear(&schema);
    if (!ok)
        return false;
    r.profile = base_alloc(sizeof *r.profile);
    r.profile->xml = document;
    (void)snprintf(r.profile->name, sizeof r.profile->name, "%s",
                   xml_attribute(xml_root(document), "name", ""));
    if (!read_all(&r, xml_root(document))) {
        profile_free(r.profile);
        return false;
    }
    *out = r.profile;
    return true;
}

bool
profile_load(const char *path, const char *schema_dir, struct profile **out,
             struct error *err)
{
    struct buf data = BUF_INIT(XML_MAX_LEN);
    bool ok;

    *out = NULL;
    ok = text_file_read(path, XML_MAX_LEN, &data, err) &&
         profile_parse((const uint8_t *)buf_text(&data), data.len, path,
                       schema_dir, out, err);
    buf_clear(&data);
    return ok;
}

void
profile_free(struct profile *profile)
{
    if (profile == NULL)
        return;
    for (unsigned i = 0; i < PROFILE_FAMILY_COUNT; i++)
        buf_clear(&profile->ready[i]);
    xml_free(profile->xml);
    free(profile);
}
