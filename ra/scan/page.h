/*
 * One page: the picture that officers see, and what can be seen on it. Hints,
 * each of which may be wrong (feasibility.md, D6). Pure; for pixels that are
 * decoded already.
 */
#ifndef RA_SCAN_PAGE_H
#define RA_SCAN_PAGE_H

#include <stdbool.h>

#include <leptonica/allheaders.h>

#include "ra/scan_wire.h"

struct page {
    int width, height;
    int skew_centidegrees;
    unsigned flags; /* enum scan_flag */
    uint8_t *jpeg;
    size_t jpeg_len;
};

/* False when there is no making a picture of it. The caller clears `out`. */
bool page_examine(PIX *pix, struct page *out)
    __attribute__((warn_unused_result));
void page_clear(struct page *page);

/* Codes of our forms on pages, each told once. */
struct codes {
    char text[SCAN_CODES_MAX][SCAN_CODE_MAX + 1];
    int count;
};

/* Adds what the page bears: read in grey, in red light, where the ink of a seal
 * over the code vanishes (feasibility.md, D5), both larger where the page is
 * small, and at half size, where noise vanishes. 32 bits a pixel. */
void code_read(PIX *pix, struct codes *codes);

/* Makes of any picture one of 32 bits without transparency, not larger than
 * `side_max` pixels. The caller destroys it. */
PIX *page_normal(PIX *pix, int side_max);

#endif
