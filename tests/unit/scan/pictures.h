/*
 * Pages as applicants scan them, and files made of them, for the tests of
 * signet-scan: drawn by cairo and leptonica, the same each time. What goes
 * wrong here ends the test program.
 */
#ifndef TESTS_UNIT_SCAN_PICTURES_H
#define TESTS_UNIT_SCAN_PICTURES_H

#include <leptonica/allheaders.h>

#include "base/buf.h"

enum picture_seal { NO_SEAL, SEAL, SEAL_OVER_CODE, RED_LINES };

struct picture {
    int dpi; /* of an A4 page */
    bool has_text;
    enum picture_seal seal;
    const char *code; /* in two corners, 22 mm; NULL: none */
    double degrees;   /* clockwise */
    bool is_grey;
    int noise; /* up to so much, each pixel */
};

/* The caller destroys it. */
PIX *picture_draw(const struct picture *picture);

/* As bytes; `out` is given empty, with its limit. */
void picture_png(PIX *pix, struct buf *out);
void picture_jpeg(PIX *pix, int quality, struct buf *out);
/* A PDF as scanners make them: one JPEG a page, `count` times the same. */
void picture_pdf(PIX *pix, int dpi, int count, struct buf *out);

/* A PDF of these objects, numbered from 1; the first is the catalogue. */
void pdf_make(const char *const *object, size_t count, const char *trailer,
              struct buf *out);

/* Octets as through a JPEG of this quality, decoded again. */
PIX *picture_worn(PIX *pix, int quality);

#endif
