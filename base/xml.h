/*
 * XML under an XML Schema: read from memory, length bounded first, no network,
 * no entities, no DTD (libxml2). Documents here are small files that people
 * review: profiles, ceremonies.
 */
#ifndef BASE_XML_H
#define BASE_XML_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { XML_MAX_LEN = 1024 * 1024 };

struct xml;      /* a document */
struct xml_node; /* an element; borrowed from its document */

/* Parses and validates against the schema file. ERROR_INPUT names `name`, the
 * line and the reason. */
bool xml_parse(const uint8_t *data, size_t len, const char *name,
               const char *schema_path, struct xml **out,
               struct error *err) MUST_CHECK;
bool xml_load(const char *path, const char *schema_path, struct xml **out,
              struct error *err) MUST_CHECK;
void xml_free(struct xml *xml); /* NULL is nothing */

const struct xml_node *xml_root(const struct xml *xml);
const char *xml_name(const struct xml_node *node); /* local name */
int xml_line(const struct xml_node *node);

/* First child element with this name (NULL: any), and the next such sibling;
 * NULL when there is none. */
const struct xml_node *xml_child(const struct xml_node *node, const char *name);
const struct xml_node *xml_next(const struct xml_node *node, const char *name);

/* An attribute's value, or `otherwise`. Borrowed from the document. */
const char *xml_attribute(const struct xml_node *node, const char *name,
                          const char *otherwise);
/* The element's text without white space around it, "" if none. Borrowed. */
const char *xml_text(const struct xml_node *node);

#endif
