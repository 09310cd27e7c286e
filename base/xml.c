/* XML by libxml2, the only file that includes it; see base/xml.h. */
#include "base/xml.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/xmlschemas.h>

#include "base/text.h"

/* No network, no entities, no external subsets, no XInclude, the library's
 * limits on depth and size; its messages come to us, not to stderr. */
enum {
    PARSE_OPTIONS = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                    XML_PARSE_NOCDATA,
};

struct xml {
    xmlDoc *doc;
};

/* The first thing that the library has to say about a document. */
struct complaint {
    const char *name;
    struct error *err;
    enum error_code code;
    bool is_filled;
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void
complain(void *arg, xmlError *e)
{
    struct complaint *complaint = arg;
    char text[ERROR_CAUSE_MAX];
    size_t len;

    if (complaint->is_filled)
        return;
    complaint->is_filled = true;
    (void)snprintf(text, sizeof text, "%s",
                   e->message != NULL ? e->message : "no reason given");
    len = strlen(text);
    while (len > 0 && text[len - 1] == '\n')
        text[--len] = '\0';
    error_set(complaint->err, complaint->code, "%s, line %d: %s",
              complaint->name, e->line, text);
}

/* A failure always has words, even when the library had none. */
static bool
complaint_end(const struct complaint *complaint)
{
    if (!complaint->is_filled)
        error_set(complaint->err, complaint->code, "%s is not usable XML",
                  complaint->name);
    return false;
}

static int
line_of(const uint8_t *data, const uint8_t *at)
{
    int line = 1;

    for (; data < at; data++)
        if (*data == '\n')
            line++;
    return line;
}

/* A DTD declares entities, and entities are how a small document becomes a
 * large one or reads other files. Refused before the library sees it; the
 * octets are UTF-8 here, so the keyword cannot hide in another encoding. */
static bool
refuse_dtd(const uint8_t *data, size_t len, const char *name, struct error *err)
{
    static const char keyword[] = "<!DOCTYPE";
    const uint8_t *at = memmem(data, len, keyword, sizeof keyword - 1);

    if (at != NULL)
        return error_set(err, ERROR_INPUT, "%s, line %d: a DTD is not allowed",
                         name, line_of(data, at));
    return true;
}

static bool
parse_document(const uint8_t *data, size_t len, const char *name, xmlDoc **out,
               struct error *err)
{
    struct complaint complaint = {name, err, ERROR_INPUT, false};
    xmlParserCtxt *parser = xmlNewParserCtxt();
    const xmlError *last;

    if (parser == NULL)
        return error_set(err, ERROR_INTERNAL, "no XML parser");
    *out = xmlCtxtReadMemory(parser, (const char *)data, (int)len, name,
                             "UTF-8", PARSE_OPTIONS);
    if (*out == NULL && (last = xmlCtxtGetLastError(parser)) != NULL) {
        xmlError copy = *last;

        complain(&complaint, &copy);
    }
    xmlFreeParserCtxt(parser);
    if (*out == NULL)
        return complaint_end(&complaint);
    return true;
}

static bool
validate(xmlDoc *doc, const char *name, const char *schema_path,
         struct error *err)
{
    /* A broken schema is the installation's fault, not the document's. */
    struct complaint schema_complaint = {schema_path, err, ERROR_INTERNAL,
                                         false};
    struct complaint complaint = {name, err, ERROR_INPUT, false};
    xmlSchemaParserCtxt *reader = xmlSchemaNewParserCtxt(schema_path);
    xmlSchema *schema = NULL;
    xmlSchemaValidCtxt *validator = NULL;
    bool ok = false;

    if (reader != NULL) {
        xmlSchemaSetParserStructuredErrors(reader, complain, &schema_complaint);
        schema = xmlSchemaParse(reader);
    }
    if (schema == NULL || (validator = xmlSchemaNewValidCtxt(schema)) == NULL) {
        (void)complaint_end(&schema_complaint);
        goto out;
    }
    xmlSchemaSetValidStructuredErrors(validator, complain, &complaint);
    if (xmlSchemaValidateDoc(validator, doc) != 0) {
        (void)complaint_end(&complaint);
        goto out;
    }
    ok = true;
out:
    xmlSchemaFreeValidCtxt(validator);
    xmlSchemaFree(schema);
    xmlSchemaFreeParserCtxt(reader);
    return ok;
}

bool
xml_parse(const uint8_t *data, size_t len, const char *name,
          const char *schema_path, struct xml **out, struct error *err)
{
    xmlDoc *doc = NULL;
    size_t count;

    *out = NULL;
    if (len > XML_MAX_LEN)
        return error_set(err, ERROR_INPUT, "%s: %zu octets are too long", name,
                         len);
    if (!text_utf8((const char *)data, len, &count))
        return error_set(err, ERROR_INPUT, "%s is not UTF-8 text", name);
    if (!refuse_dtd(data, len, name, err))
        return false;
    (void)pthread_once(&library_once, xmlInitParser);
    if (!parse_document(data, len, name, &doc, err))
        return false;
    if (!validate(doc, name, schema_path, err)) {
        xmlFreeDoc(doc);
        return false;
    }
    *out = base_alloc(sizeof **out);
    (*out)->doc = doc;
    return true;
}

bool
xml_load(const char *path, const char *schema_path, struct xml **out,
         struct error *err)
{
    struct buf data = BUF_INIT(XML_MAX_LEN);
    bool ok;

    *out = NULL;
    ok = text_file_read(path, XML_MAX_LEN, &data, err) &&
         xml_parse((const uint8_t *)buf_text(&data), data.len, path,
                   schema_path, out, err);
    buf_clear(&data);
    return ok;
}

void
xml_free(struct xml *xml)
{
    if (xml == NULL)
        return;
    xmlFreeDoc(xml->doc);
    free(xml);
}

/* struct xml_node is xmlNode under another name. */
static const xmlNode *
library_node(const struct xml_node *node)
{
    return (const xmlNode *)(const void *)node;
}

static const struct xml_node *
our_node(const xmlNode *node)
{
    return (const struct xml_node *)(const void *)node;
}

const struct xml_node *
xml_root(const struct xml *xml)
{
    return our_node(xmlDocGetRootElement(xml->doc));
}

const char *
xml_name(const struct xml_node *node)
{
    return (const char *)library_node(node)->name;
}

int
xml_line(const struct xml_node *node)
{
    return (int)xmlGetLineNo(library_node(node));
}

static const struct xml_node *
first_element(const xmlNode *node, const char *name)
{
    for (; node != NULL; node = node->next)
        if (node->type == XML_ELEMENT_NODE &&
            (name == NULL || strcmp((const char *)node->name, name) == 0))
            return our_node(node);
    return NULL;
}

const struct xml_node *
xml_child(const struct xml_node *node, const char *name)
{
    return first_element(library_node(node)->children, name);
}

const struct xml_node *
xml_next(const struct xml_node *node, const char *name)
{
    return first_element(library_node(node)->next, name);
}

/* Keeps a text for as long as the document lives. */
static const char *
keep(const xmlNode *node, const char *text, size_t len)
{
    return (const char *)xmlDictLookup(node->doc->dict, (const xmlChar *)text,
                                       (int)len);
}

const char *
xml_attribute(const struct xml_node *node, const char *name,
              const char *otherwise)
{
    const xmlNode *n = library_node(node);
    xmlChar *value = xmlGetNoNsProp(n, (const xmlChar *)name);
    const char *kept;

    if (value == NULL)
        return otherwise;
    kept = keep(n, (const char *)value, strlen((const char *)value));
    xmlFree(value);
    return kept;
}

const char *
xml_text(const struct xml_node *node)
{
    static const char white[] = " \t\r\n";
    const xmlNode *n = library_node(node);
    xmlChar *value = xmlNodeGetContent(n);
    const char *text = (const char *)value, *kept;
    size_t len;

    if (value == NULL)
        return "";
    text += strspn(text, white);
    len = strlen(text);
    while (len > 0 && strchr(white, text[len - 1]) != NULL)
        len--;
    kept = keep(n, text, len);
    xmlFree(value);
    return kept;
}
