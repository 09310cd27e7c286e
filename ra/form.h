/*
 * The forms that applicants print, stamp and scan: 《机构数字证书申请表》,
 * 《电子印章申请表》, unlock, revocation and recovery forms. PDF by pango and
 * cairo; the same input gives the same octets. A QR code stands in two corners
 * away from where seals go (feasibility.md, D5).
 */
#ifndef RA_FORM_H
#define RA_FORM_H

#include <jansson.h>

#include "base/buf.h"
#include "ra/definition.h"
#include "ra/vault.h"

struct form_input {
    const char *kind;   /* "certificate", "seal", "unlock", "revocation",
                           "recovery" */
    const char *number; /* of the case */
    int revision;
    const struct definition *definition;
    const json_t *fields; /* {"name": "value"} in clear */
    int64_t at;           /* of submission: printed, and the PDF's date */
    const char *centre;   /* address of the service centre, from settings */
    /* Of the certificate that the business is about; NULL: not printed. */
    const char *serial; /* hex */
    const char *device; /* serial number of its USB key */
};

/* "SIGNET1:NUMBER:REVISION:KIND:FIELDS-HASH:MAC": which form this is, and that
 * we made it. */
enum { FORM_CODE_MAX = 160 };
bool form_code_make(const struct vault *vault, const struct form_input *input,
                    char out[FORM_CODE_MAX + 1], struct error *err) MUST_CHECK;

struct form_code {
    char number[32];
    int revision;
    char kind[16];
    char fields_hash[17]; /* first 8 octets of SHA-256 over the canonical
                             printed fields, in hex */
    bool is_ours;         /* the MAC is right */
};
/* False for what has not this form at all. */
bool form_code_read(const struct vault *vault, const char *text,
                    struct form_code *out) MUST_CHECK;

/* ERROR_INPUT when a text has a character that the font cannot show. About
 * 0.2 s; *pdf has to take FORM_PDF_MAX octets (ra/form_page.h). */
bool form_make(const struct vault *vault, const struct form_input *input,
               struct buf *pdf, struct error *err) MUST_CHECK;

#endif
