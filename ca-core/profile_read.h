/* Between the two files that read profiles; for nobody else. */
#ifndef CA_CORE_PROFILE_READ_H
#define CA_CORE_PROFILE_READ_H

#include "base/xml.h"
#include "ca-core/profile.h"

struct profile_reader {
    const char *file;
    struct profile *profile;
    struct error *err;
};

/* ERROR_INPUT with file and line; returns false. */
bool profile_wrong(const struct profile_reader *r, const struct xml_node *node,
                   const char *format, ...) PRINTF_LIKE(3, 4);

bool profile_is_true(const struct xml_node *node, const char *name,
                     const char *otherwise);

/* The schema has bounded the number; xs:integer allows "+1" and "01". */
int profile_number(const struct xml_node *node, const char *name,
                   int otherwise);

/* Index of the attribute's value in a list of words (NULL-terminated) that the
 * schema has too. */
unsigned profile_word(const struct xml_node *node, const char *name,
                      const char *const *words);

/* <extensions>: after the keys, which usages are judged against. */
bool profile_read_extensions(struct profile_reader *r,
                             const struct xml_node *root) MUST_CHECK;

#endif
