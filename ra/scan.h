/*
 * Uploads, examined in a child process that has no network, little memory and
 * little time (`signet-scan`, ra/scan/): type by content, page pictures that we
 * make ourselves, and what can be seen on them. Nothing that came from outside
 * is parsed in the service's own process.
 */
#ifndef RA_SCAN_H
#define RA_SCAN_H

#include "base/buf.h"
#include "base/config.h"
#include "ra/scan_wire.h"

struct scan_page {
    int width, height; /* pixels of the picture */
    int dpi; /* of what came, as if on A4 for pictures; 0: drawn, no pixels */
    int skew_centidegrees;
    bool is_colour;
    bool is_blank;
    bool has_red_seal;
    size_t jpeg_at, jpeg_len; /* in scan.jpegs */
};

struct scan {
    const char *media_type; /* static */
    struct scan_page page[SCAN_PAGES_MAX];
    int page_count;
    /* Texts of the QR codes seen on the first four pages that begin as those of
     * our forms do. */
    char code[SCAN_CODES_MAX][SCAN_CODE_MAX + 1];
    int code_count;
    struct buf jpegs;
};

/* ERROR_INPUT says what is wrong with the file, in words for the applicant;
 * ERROR_BUSY when too many are examined just now (setting ra.scan_max; it waits
 * 2 s for its turn), or the child could not be started. `len` may be anything:
 * more than SCAN_FILE_MAX is ERROR_INPUT. The caller clears `out`. From any
 * thread. */
bool scan_examine(const struct config *config, const uint8_t *data, size_t len,
                  struct scan *out, struct error *err) MUST_CHECK;
void scan_clear(struct scan *scan);

#endif
