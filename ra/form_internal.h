/* What the files of ra/form share. */
#ifndef RA_FORM_INTERNAL_H
#define RA_FORM_INTERNAL_H

#include "ra/form.h"

/* Whether this field stands on forms of the case. */
bool form_field_is_printed(const struct definition_field *field,
                           const json_t *fields);

/* What a form of this kind says beside the fields. */
struct form_words {
    const char *kind;
    struct definition_text title;
    struct definition_text statement; /* that the unit signs */
    struct definition_text signer;
    struct definition_text seal;
    const struct definition_text *note;
    size_t note_count;
};

/* NULL for a kind that there is none of. */
const struct form_words *form_words_find(const char *kind);

#endif
