/*
 * The record of a unit 单位, as the host platform keeps it (domain.md, 1.2):
 * where the names in certificates come from. Applicants cannot change it.
 */
#ifndef RA_UNIT_H
#define RA_UNIT_H

#include <jansson.h>

#include "db/unit.h"

enum {
    UNIT_NAME_MAX = 64,    /* characters: RFC 5280, appendix A.1, ub-common-name
                              and ub-organization-name */
    UNIT_PLACE_MAX = 128,  /* ub-state-name, ub-locality-name */
    UNIT_OCTETS_MAX = 512, /* of a field: 128 characters of UTF-8 */
};

/* Judged and brought to one form; texts are its own. */
struct unit {
    char account[65];
    char unit_name[UNIT_OCTETS_MAX + 1];
    char uscc[19];
    char kind[9];    /* "company", "law-firm", "other" */
    char country[3]; /* ISO 3166-1 */
    char province[UNIT_OCTETS_MAX + 1];
    char locality[UNIT_OCTETS_MAX + 1];
    char street[UNIT_OCTETS_MAX + 1];
    char language[3]; /* "zh", "en": of notices */
};

/* What a record is read from; NULL for what is not said. */
struct unit_source {
    const char *account, *unit_name, *uscc, *kind, *country, *province,
        *locality, *street, *language;
};
enum { UNIT_FIELD_COUNT = 9 };
/* Names of the members, in their order: "account", "unit_name", ... */
extern const char *const unit_field_names[UNIT_FIELD_COUNT + 1];
/* The member of this name; NULL if there is none. */
const char **unit_source_field(struct unit_source *source, const char *name);

/* Country is CN and language zh if nothing is said. ERROR_INPUT names the
 * field and what is wrong with it. */
bool unit_judge(const struct unit_source *source, struct unit *out,
                struct error *err) MUST_CHECK;

enum unit_outcome { UNIT_CREATED, UNIT_CHANGED, UNIT_UNCHANGED };
const char *unit_outcome_name(enum unit_outcome outcome);

/* Stores the record, and the account if there is none, with an entry of the
 * log; in a transaction of its own. `expected` is the revision that the caller
 * saw, 0: any. The same record again changes nothing. `is_dry`: only says what
 * would be. `revision` (may be NULL) gets the record's. ERROR_CONFLICT when the
 * revision is another one. */
bool unit_put(struct db *db, const struct unit *unit, int64_t expected,
              bool is_dry, int64_t at, enum unit_outcome *outcome,
              int32_t *revision, struct error *err) MUST_CHECK;

/* The members of the API; the caller owns it. */
json_t *unit_json(const struct db_unit *row);

#endif
