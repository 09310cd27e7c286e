/*
 * What `signet-scan` answers on its standard output: frames of a letter, a
 * length (4 octets, network order) and so many octets. The child has read a
 * hostile file and may be anybody's by now, so its answer is judged like any
 * other octets from outside.
 *
 *   'T' media type: one octet, enum scan_type              once, first
 *   'P' page: width, height, dpi (2 each), skew (2, signed),
 *       flags (1), a JPEG                                  one a page
 *   'C' text of a code                                     up to SCAN_CODES_MAX
 *   'E' end: number of pages (2)                           once, last; or
 *   'X' problem: one octet, enum scan_problem              once, last
 */
#ifndef RA_SCAN_WIRE_H
#define RA_SCAN_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SCAN_FILE_MAX = 20 * 1024 * 1024, /* octets of an upload */
    SCAN_PAGES_MAX = 40,
    SCAN_CODES_MAX = 4,
    SCAN_CODE_MAX = 160,
    SCAN_SIDE_MAX = 1800, /* pixels of the long side of a page's picture */
    SCAN_SIDE_MIN = 8,
    SCAN_JPEG_MAX = 2 * 1024 * 1024, /* octets of one picture */
    SCAN_JPEGS_MAX = 32 * 1024 * 1024,
    SCAN_DPI_MAX = 9999,
    SCAN_SKEW_MAX = 4500,
    SCAN_FRAME_HEAD = 5,
    SCAN_PAGE_HEAD = 9,
    SCAN_ANSWER_MAX = SCAN_JPEGS_MAX +
                      SCAN_PAGES_MAX * (SCAN_FRAME_HEAD + SCAN_PAGE_HEAD) +
                      SCAN_CODES_MAX * (SCAN_FRAME_HEAD + SCAN_CODE_MAX) + 64,
};

enum scan_flag {
    SCAN_IS_COLOUR = 1 << 0,
    SCAN_IS_BLANK = 1 << 1,
    SCAN_HAS_RED_SEAL = 1 << 2,
    SCAN_FLAGS = (1 << 3) - 1,
};

enum scan_type { SCAN_PDF, SCAN_JPEG, SCAN_PNG, SCAN_TYPE_COUNT };

/* Exit status of a child that could not put up its walls. */
enum { SCAN_NO_JAIL = 3 };

/* Codes that the child reports: those of our forms (ra/form.h). */
#define SCAN_CODE_PREFIX "SIGNET"

enum scan_problem {
    SCAN_NO_TYPE,    /* neither PDF, JPEG nor PNG */
    SCAN_BROKEN,     /* says that it is one, and is not */
    SCAN_ENCRYPTED,  /* PDF under a password */
    SCAN_ACTIVE,     /* PDF with scripts or with files inside */
    SCAN_MANY_PAGES, /* more than SCAN_PAGES_MAX */
    SCAN_HUGE,       /* more pixels than any scan has */
    SCAN_TINY,       /* fewer than a page has */
    SCAN_PROBLEM_COUNT,
};

struct scan;
struct error;

/* Judges a whole answer into `out`, which is empty: a problem of the file is
 * ERROR_INPUT in words for the applicant, anything that no sound child would
 * say is ERROR_INPUT too: the file broke it. */
bool scan_wire_parse(const uint8_t *data, size_t len, struct scan *out,
                     struct error *err) __attribute__((warn_unused_result));

#endif
