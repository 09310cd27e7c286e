/*
 * What automatic checks see in the fields of a case and around it (issue 3,
 * "Applicant records and checks"): for the officer's eyes, never a decision.
 * What is seen on scans: ra/document.h.
 */
#ifndef RA_CASE_FINDING_H
#define RA_CASE_FINDING_H

#include "ra/case_apply.h"

/* Judges and writes, in place of what was found before at this revision. In the
 * transaction that hands the documents in. */
bool case_finding_write(struct db *db, const struct db_case *row,
                        const struct definition *definition,
                        const json_t *fields, const struct db_case_facts *raw,
                        int64_t at, struct error *err) MUST_CHECK;

#endif
