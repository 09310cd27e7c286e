/*
 * Sheets of A4 that forms are drawn on: heading, rows of a table, boxes for
 * seals and signatures, notes, page breaks, and the code in two corners. Knows
 * nothing of cases. Coordinates are points (1/72 inch) from the top left
 * corner. The same calls give the same octets: font, date and layout are fixed,
 * nothing is taken from the machine but the font "Noto Sans CJK".
 */
#ifndef RA_FORM_PAGE_H
#define RA_FORM_PAGE_H

#include "base/buf.h"
#include "ra/definition.h"

enum {
    FORM_PDF_MAX = 4 * 1024 * 1024,
    FORM_PAGES_MAX = 9,
};

struct form_page;

/* On every sheet. Borrowed until form_page_end(). */
struct form_heading {
    struct definition_text title;
    const char *number; /* of the case */
    int revision;
    int64_t at;       /* printed as a day in China, and the PDF's date */
    const char *code; /* in the QR codes */
};

struct form_cell {
    struct definition_text label;
    const char *value;
    const char *english; /* of a choice, small beneath; or "" */
};

/* `total` is the number of pages that is printed; 0 counts them, and `pdf` gets
 * nothing. ERROR_INTERNAL when the font is not there. */
bool form_page_begin(const struct form_heading *heading, int total,
                     struct buf *pdf, struct form_page **out,
                     struct error *err) MUST_CHECK;
/* Frees `page` in every case; *pages is how many there are. ERROR_INPUT names
 * a value with a character that the font does not have: nothing is printed as
 * an empty box. */
bool form_page_end(struct form_page *page, int *pages,
                   struct error *err) MUST_CHECK;

/* A line that opens a part of the table. Its first row stays with it. */
void form_page_section(struct form_page *page,
                       const struct definition_text *title);

/* One or two cells side by side; a long value takes more lines. */
void form_page_row(struct form_page *page, const struct form_cell *cell,
                   size_t count);
/* Whether the value fits on one line of half a row. */
bool form_page_is_short(struct form_page *page, const struct form_cell *cell);

/* Text over the whole width, inside the table. */
void form_page_statement(struct form_page *page,
                         const struct definition_text *text);

/* Two boxes for impressions 印模 of one seal, as high as the largest seal. */
void form_page_impressions(struct form_page *page,
                           const struct definition_text *caption);

/* Signature and date on the left, room for the seal 盖章处 on the right. */
void form_page_signature(struct form_page *page,
                         const struct definition_text *signer,
                         const struct definition_text *seal);

/* Small print under the table; several notes are numbered. */
void form_page_notes(struct form_page *page,
                     const struct definition_text *title,
                     const struct definition_text *note, size_t count);

#endif
