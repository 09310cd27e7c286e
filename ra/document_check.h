/* What a scan that was examined tells about its slot: findings for the officer,
 * and what the code on a form said. Pure but for the vault's key. */
#ifndef RA_DOCUMENT_CHECK_H
#define RA_DOCUMENT_CHECK_H

#include "ra/finding.h"
#include "ra/form.h"
#include "ra/scan.h"

struct document_check {
    const struct definition_slot *slot;
    const struct scan *scan;
    const char *expected_code; /* form_code_make() of the case now; NULL when
                                  the slot has no form */
    const struct vault *vault; /* that form_code_make() took */
};

/* Findings of subject "document:SLOT". *form_state is static: db/document.h. */
void document_check(const struct document_check *check, struct findings *out,
                    const char **form_state);

/* "document:SLOT". */
void document_subject(const char *slot, char out[FINDING_SUBJECT_MAX + 1]);

#endif
