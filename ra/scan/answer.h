/* Writing the answer of ra/scan_wire.h to standard output. What cannot be
 * written ends the program: nobody listens. */
#ifndef RA_SCAN_ANSWER_H
#define RA_SCAN_ANSWER_H

#include "ra/scan_wire.h"

struct answer_page {
    int width, height, dpi, skew_centidegrees;
    unsigned flags; /* enum scan_flag */
    const uint8_t *jpeg;
    size_t jpeg_len;
};

void answer_type(enum scan_type type);
void answer_page(const struct answer_page *page);
void answer_code(const char *text);
void answer_end(int page_count);
/* The last word. */
void answer_problem(enum scan_problem problem) __attribute__((noreturn));

#endif
