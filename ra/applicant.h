/*
 * The applicant's record (domain.md, 1.2): the unit as its papers show it, and
 * the handler 经办人 who acts for it.
 */
#ifndef RA_APPLICANT_H
#define RA_APPLICANT_H

#include <jansson.h>

#include "base/error.h"
#include "db/application.h"

/* Reads the member "applicant" of an application, strictly:
 * {"unit_name", "uscc", "kind", "domicile": {"country", "province",
 * "locality", "street"}, "handler": {"name", "person", "mobile", "email"?}}.
 * Texts are borrowed from `object`. ERROR_INPUT names the member. */
bool applicant_parse(const json_t *object, struct db_applicant *out,
                     struct error *err) MUST_CHECK;

/* The same object again. The caller owns it. */
json_t *applicant_json(const struct db_applicant *applicant);

/* A unified social credit code 统一社会信用代码: 18 characters, the last one
 * checks the others (GB 32100-2015, 4.6: ISO 7064 in the manner MOD 31-3). */
bool applicant_uscc_check(const char *uscc, struct error *err) MUST_CHECK;

/* Whether only what may still change in a returned application differs:
 * domicile and e-mail (domain.md, 1.8 #9). ERROR_CONFLICT names the first
 * locked field that differs. */
bool applicant_edit_check(const struct db_applicant *old_record,
                          const struct db_applicant *new_record,
                          struct error *err) MUST_CHECK;

#endif
