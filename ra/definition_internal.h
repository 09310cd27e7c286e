/* What the files of definitions share. Internal to ra/definition*.c. */
#ifndef RA_DEFINITION_INTERNAL_H
#define RA_DEFINITION_INTERNAL_H

#include "base/xml.h"
#include "ra/definition.h"

struct definitions {
    struct definition of[BUSINESS_COUNT];
    struct xml *file[BUSINESS_COUNT]; /* whose texts are borrowed */
    struct xml *common;
    char **text; /* that were put together from several elements */
    size_t text_count;
    struct definition_text *check[BUSINESS_COUNT][DEFINITION_SLOTS_MAX];
    struct definition_choice *choice[BUSINESS_COUNT][DEFINITION_FIELDS_MAX];
};

/* In words of the schema: "text", "unit-name", ... */
const char *definition_type_name(enum definition_type type);
bool definition_type_find(const char *name,
                          enum definition_type *out) MUST_CHECK;

#endif
