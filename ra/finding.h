/*
 * What automatic checks found, for the officer's eyes: never a decision
 * (issue 3, "Applicant records and checks"). One table says which findings
 * there are, how they weigh and what they say in both languages; a finding may
 * carry numbers and names for the text.
 */
#ifndef RA_FINDING_H
#define RA_FINDING_H

#include <jansson.h>

#include "db/document.h"
#include "ra/definition.h"

enum finding_level { FINDING_OK, FINDING_NOTE, FINDING_WARNING };

struct finding_kind {
    const char *code;
    enum finding_level level;
    /* 中文, English; "${name}" stands for a member of the detail. */
    struct definition_text text;
};

/* The same code may be there at several levels, each with its text. */
extern const struct finding_kind finding_kinds[];
extern const size_t finding_kind_count;

/* NULL if there is none. */
const struct finding_kind *finding_find(const char *code,
                                        enum finding_level level);
const char *finding_level_name(enum finding_level level); /* "warning" */

/* A list of findings on its way to the database. */
enum { FINDINGS_MAX = 48, FINDING_SUBJECT_MAX = 80 };
struct finding {
    char subject[FINDING_SUBJECT_MAX + 1];
    const struct finding_kind *kind;
    json_t *detail; /* owned; or NULL */
};
struct findings {
    struct finding at[FINDINGS_MAX];
    size_t count;
};

/* Adds one that the table has (an unknown one is a programming error). A second
 * one of the same subject and code is dropped. Takes `take_detail`, an object
 * without personal data; NULL if there is nothing to say. */
void finding_add(struct findings *list, const char *subject, const char *code,
                 enum finding_level level, json_t *take_detail);
void finding_clear(struct findings *list);

/* Writes the list in place of all that was found before about its subjects at
 * this revision. Within the caller's transaction. */
bool finding_store(struct db *db, const char *number, int revision,
                   const struct findings *list, int64_t at,
                   struct error *err) MUST_CHECK;

/* [{"subject", "code", "level", "message": {"zh", "en"}, "detail"?}], warnings
 * first. The caller owns it. */
bool finding_list(struct db *db, const char *number, json_t **out,
                  struct error *err) MUST_CHECK;

/* The text of a finding with the members of `detail` (may be NULL) put in, in
 * language 0 zh, 1 en. Control characters of the detail become '?'. */
void finding_format(const struct finding_kind *kind, const json_t *detail,
                    int language, struct buf *out);

#endif
