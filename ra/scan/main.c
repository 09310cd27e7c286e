/*
 * signet-scan: looks at one upload and tells what it is (ra/scan_wire.h).
 * Standard input is the file, in memory and sealed; the answer goes to standard
 * output. The parent (ra/scan.c) sets the time and kills what is late.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ra/scan/answer.h"
#include "ra/scan/jail.h"
#include "ra/scan/page.h"
#include "ra/scan/pdf.h"

enum {
    PIXELS_MAX = 40 * 1000 * 1000, /* A4 at 600 dpi has 35 */
    SIDE_MAX = 20000,
    LONG_SIDE_MIN = 400, /* nothing on a page can be read below */
    SHORT_SIDE_MIN = 100,
    WORK_SIDE_MAX = 2400, /* what codes and skew need */
    A4_TENTHS = 117,      /* its long side in tenths of an inch */
    CODE_PAGES = 4,       /* forms have two; booklets have none */
};

/* By what it is, whatever it is called (issue 3). A PDF begins at its first
 * octet: what has something before it is meant for two readers. */
static bool
type_of(const uint8_t *data, size_t len, enum scan_type *out)
{
    static const struct {
        const char *magic;
        size_t len;
        enum scan_type type;
    } known[] = {
        {"%PDF-1.", 7, SCAN_PDF},
        {"%PDF-2.", 7, SCAN_PDF},
        {"\xff\xd8\xff", 3, SCAN_JPEG},
        {"\x89PNG\r\n\x1a\n", 8, SCAN_PNG},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (len > known[i].len &&
            memcmp(data, known[i].magic, known[i].len) == 0) {
            *out = known[i].type;
            return true;
        }
    return false;
}

/* `codes` NULL: none are looked for. */
static void
report(PIX *take_pix, int dpi, struct codes *codes)
{
    PIX *work = page_normal(take_pix, WORK_SIDE_MAX);
    struct page page;

    pixDestroy(&take_pix);
    if (work == NULL || !page_examine(work, &page))
        answer_problem(SCAN_BROKEN);
    if (codes != NULL)
        code_read(work, codes);
    pixDestroy(&work);
    answer_page(&(struct answer_page){page.width, page.height, dpi,
                                      page.skew_centidegrees, page.flags,
                                      page.jpeg, page.jpeg_len});
    page_clear(&page);
}

/* Judged by the header alone, before anything is unpacked. */
static void
judge_size(int width, int height)
{
    int most = width > height ? width : height;
    int least = width < height ? width : height;

    if (least < 1)
        answer_problem(SCAN_BROKEN);
    if (most > SIDE_MAX || (long)width * height > PIXELS_MAX)
        answer_problem(SCAN_HUGE);
    if (most < LONG_SIDE_MIN || least < SHORT_SIDE_MIN)
        answer_problem(SCAN_TINY);
}

static PIX *
decode(const uint8_t *data, size_t len, bool is_jpeg, int *dpi)
{
    int width = 0, height = 0, most, reduction = 1, warnings;

    if ((is_jpeg
             ? readHeaderMemJpeg(data, len, &width, &height, NULL, NULL, NULL)
             : readHeaderMemPng(data, len, &width, &height, NULL, NULL,
                                NULL)) != 0)
        return NULL;
    judge_size(width, height);
    most = width > height ? width : height;
    *dpi = most * 10 / A4_TENTHS;
    if (*dpi > SCAN_DPI_MAX)
        *dpi = SCAN_DPI_MAX;
    if (!is_jpeg)
        return pixReadMemPng(data, len);
    while (reduction < 8 && most / (2 * reduction) >= WORK_SIDE_MAX)
        reduction *= 2;
    return pixReadMemJpeg(data, len, 0, reduction, &warnings, 0);
}

static void
examine_picture(const uint8_t *data, size_t len, bool is_jpeg,
                struct codes *codes)
{
    int dpi = 0;
    PIX *pix;

    if (!jail_close(true))
        _exit(SCAN_NO_JAIL);
    if ((pix = decode(data, len, is_jpeg, &dpi)) == NULL)
        answer_problem(SCAN_BROKEN);
    report(pix, dpi, codes);
    for (int i = 0; i < codes->count; i++)
        answer_code(codes->text[i]);
    answer_end(1);
}

static void
examine_pdf(const uint8_t *data, size_t len, struct codes *codes)
{
    struct pdf pdf;

    pdf_open(STDIN_FILENO, data, len, &pdf);
    pdf_draw(&pdf);
    if (!jail_close(true))
        _exit(SCAN_NO_JAIL);
    for (int i = 0; i < pdf.page_count; i++) {
        PIX *pix = pdf_next(&pdf);

        if (pix == NULL)
            answer_problem(SCAN_BROKEN);
        report(pix, pdf.dpi[i], i < CODE_PAGES ? codes : NULL);
    }
    if (!pdf_close(&pdf))
        answer_problem(SCAN_BROKEN);
    for (int i = 0; i < codes->count; i++)
        answer_code(codes->text[i]);
    answer_end(pdf.page_count);
}

int
main(int argc, char **argv)
{
    struct codes codes = {0};
    struct stat info;
    enum scan_type type;
    const uint8_t *data;
    size_t len;
    long cpu_s = argc == 2 ? strtol(argv[1], NULL, 10) : 0;

    if (cpu_s < 1 || cpu_s > 3600 || fstat(STDIN_FILENO, &info) != 0)
        return 2;
    if (info.st_size < 1 || info.st_size > SCAN_FILE_MAX)
        answer_problem(SCAN_NO_TYPE);
    len = (size_t)info.st_size;
    data = mmap(NULL, len, PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0);
    if (data == MAP_FAILED)
        return 2;
    if (!jail_enter((unsigned)cpu_s))
        return SCAN_NO_JAIL;
    setMsgSeverity(L_SEVERITY_NONE);
    if (!type_of(data, len, &type))
        answer_problem(SCAN_NO_TYPE);
    answer_type(type);
    if (type == SCAN_PDF)
        examine_pdf(data, len, &codes);
    else
        examine_picture(data, len, type == SCAN_JPEG, &codes);
    return 0;
}
