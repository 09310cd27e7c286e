/*
 * What the guards of ra/case.h ask about a case, judged from its rows and its
 * definition (domain.md, 1.4, 1.8).
 */
#ifndef RA_CASE_FACTS_H
#define RA_CASE_FACTS_H

#include "db/holder.h"
#include "ra/case_apply.h"

/* Whether the business is open for an account whose certificate this is (NULL:
 * it has none), pure. False says why in `why`, "中文 / English". */
bool case_condition(const struct definition *definition,
                    const struct db_holder *live, int64_t at,
                    struct error *why) MUST_CHECK;

struct case_asked {
    const struct business *business;
    const struct db_case *row;
    const struct definition *definition;
    const json_t *fields;
    int64_t at;
    unsigned guards; /* that matter: what costs much is asked for these alone */
};

/* `facts`: code_is_right, holder_signed and has_decision stay as given. `why`
 * gets the reason of a fact that does not hold and has one to tell: the first
 * of the fields, of the condition. */
bool case_facts_read(struct db *db, const struct case_asked *asked,
                     struct case_facts *facts, struct db_case_facts *raw,
                     struct error *why, struct error *err) MUST_CHECK;

#endif
