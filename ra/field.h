/*
 * What applicants type, judged and brought to one form: so that equal things
 * are equal for search, for the handler of record (domain.md, 1.8 #13) and on
 * paper. Errors are "中文 / English" and say what to do; who calls puts the
 * field's name in front.
 */
#ifndef RA_FIELD_H
#define RA_FIELD_H

#include <jansson.h>

#include "base/buf.h"
#include "ra/definition.h"

enum {
    FIELD_VALUE_MAX = 4096, /* octets of a normalised value */
    FIELD_USCC_LEN = 18,
    FIELD_ID_CARD_LEN = 18,
    FIELD_EMAIL_MAX = 254, /* RFC 5321, 4.5.3.1.3 */
    FIELD_SEALS_MAX = 2,   /* 公章, 合同专用章: domain.md, 1.8 #18 */
    FIELD_SEAL_NAME_MAX = 64,
    FIELD_YEARS_MAX = 5,
};

/* All append the normalised text to `out`, which is given empty with a limit of
 * FIELD_VALUE_MAX. ERROR_INPUT. */

/* 1 to `max` characters that show. White space is taken from both ends; runs of
 * it inside become one blank. */
bool field_text(const char *text, int max, struct buf *out,
                struct error *err) MUST_CHECK;

/* 统一社会信用代码: 18 characters in capitals, the last one checks the others
 * (GB 32100-2015, 4.6: ISO 7064 in the manner MOD 31-3). */
bool field_uscc(const char *text, struct buf *out,
                struct error *err) MUST_CHECK;

/* 居民身份证号: 18 characters, a date of birth that there is, and the last one
 * checks the others (GB 11643-1999: ISO 7064, MOD 11-2). */
bool field_id_card(const char *text, struct buf *out,
                   struct error *err) MUST_CHECK;
/* Other identity papers: 5 to 20 capitals and digits. */
bool field_id_paper(const char *text, struct buf *out,
                    struct error *err) MUST_CHECK;

/* 手机号码: the 11 digits of a Chinese mobile, without +86 or 0086; of other
 * countries "+" and 8 to 15 digits (ITU-T E.164, 6). Blanks and hyphens go. */
bool field_mobile(const char *text, struct buf *out,
                  struct error *err) MUST_CHECK;

/* An address of ASCII; the domain in small letters. */
bool field_email(const char *text, struct buf *out,
                 struct error *err) MUST_CHECK;

/* [{"type": "official"|"contract", "name"}], one or two, each type once; out
 * comes the canonical text (RFC 8785). */
bool field_seals(const json_t *seals, struct buf *out,
                 struct error *err) MUST_CHECK;

/* By the field's type; `id_type` (may be NULL) is the value of "x_type" for a
 * field "x_number". */
bool field_judge(const struct definition_field *field, const char *id_type,
                 const json_t *value, struct buf *out,
                 struct error *err) MUST_CHECK;

#endif
