/*
 * PDF pages by Debian's poppler programs, each a process of its own inside the
 * same walls: poppler is not linked (GPL, and a parser of hostile input). Of
 * what they print only numbers and raw pixels are taken.
 */
#ifndef RA_SCAN_PDF_H
#define RA_SCAN_PDF_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include <leptonica/allheaders.h>

#include "ra/scan_wire.h"

struct pdf {
    int page_count;
    int dpi[SCAN_PAGES_MAX]; /* of the largest picture on the page; 0: none */
    int fd;                  /* the file, in memory */
    FILE *pixels;            /* what the drawing program writes */
    pid_t drawer;
};

/* Looks at the file as a whole; ends with a problem if it is not to be taken.
 * `data` is what `fd` holds. */
void pdf_open(int fd, const uint8_t *data, size_t len, struct pdf *out);

/* Starts drawing; afterwards pages come one by one, 32 bits a pixel. NULL when
 * a page did not come. The caller destroys each. */
void pdf_draw(struct pdf *pdf);
PIX *pdf_next(struct pdf *pdf);

/* Whether there were just so many pages, and the program ended well. */
bool pdf_close(struct pdf *pdf);

#endif
