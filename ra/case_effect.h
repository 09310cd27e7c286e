/*
 * What follows from a transition, in its transaction: bits of enum case_effect
 * (ra/case.h), each carried out by the area that it is about.
 */
#ifndef RA_CASE_EFFECT_H
#define RA_CASE_EFFECT_H

#include "ra/case_apply.h"
#include "ra/code.h"

struct case_effects {
    const struct business *business;
    const struct case_act *act;
    const struct case_transition *transition;
    const struct definition *definition;
    const json_t *fields; /* in clear, after the caller's change */
    const json_t *fields_before;
    const struct db_case_facts *raw;
    int64_t due;             /* fen, when the guards were asked */
    unsigned effect;         /* what is left to do */
    char code[CODE_MAX + 1]; /* gets the code that was drawn; cleanse it */
};

/* `row` is locked, and read again when its revision or order changes. */
bool case_effects_run(struct db *db, struct case_effects *effects,
                      struct db_case *row, struct error *err) MUST_CHECK;

#endif
