/* pdfinfo, pdfimages and pdftoppm; see ra/scan/pdf.h. */
#include "ra/scan/pdf.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ra/scan/active.h"
#include "ra/scan/answer.h"
#include "ra/scan/jail.h"

enum {
    TEXT_MAX = 256 * 1024, /* of what pdfinfo and pdfimages print */
    DRAWN_SIDE_MAX = 2400,
};
#define DRAWN_SIDE "2339" /* pixels of the long side: A4 at 200 dpi */
#define PAGES "40"
_Static_assert(SCAN_PAGES_MAX == 40, "PAGES is SCAN_PAGES_MAX");

/* In the child: standard input is the file, output the pipe, errors go nowhere.
 */
static void
become(const char *const *argv, int in, int out)
{
    static char *const environment[] = {(char *)(uintptr_t) "LC_ALL=C", NULL};

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || !jail_close(false) ||
        lseek(in, 0, SEEK_SET) != 0 || dup2(in, STDIN_FILENO) < 0 ||
        dup2(out, STDOUT_FILENO) < 0)
        _exit(127);
    (void)close(STDERR_FILENO);
    (void)close_range(STDERR_FILENO + 1, ~0U, 0);
    (void)execve(argv[0], (char *const *)(uintptr_t)argv, environment);
    _exit(127);
}

static pid_t
start(const char *const *argv, int in, int *out)
{
    int ends[2];
    pid_t pid;

    if (pipe(ends) != 0)
        return -1;
    pid = fork();
    if (pid == 0)
        become(argv, in, ends[1]);
    (void)close(ends[1]);
    *out = ends[0];
    return pid;
}

/* What a program prints, and whether it ended well. */
static bool
run(const char *const *argv, int in, char *text)
{
    size_t len = 0;
    int status = -1;
    int out = -1;
    pid_t pid = start(argv, in, &out);
    ssize_t got = 1;

    while (pid > 0 && len < TEXT_MAX && got != 0) {
        got = read(out, text + len, TEXT_MAX - len);
        if (got > 0)
            len += (size_t)got;
        else if (got < 0 && errno != EINTR)
            break;
    }
    text[len] = '\0';
    (void)close(out);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* Judges one line of pdfinfo. Titles are printed too, and may hold line ends:
 * such a line can add to what is refused, never take away. */
static void
judge_line(const char *line, struct pdf *out)
{
    static const struct {
        const char *label;
        const char *harmless;
        enum scan_problem problem;
    } rule[] = {
        {"JavaScript:", "no", SCAN_ACTIVE},
        {"Encrypted:", "no", SCAN_ENCRYPTED},
    };
    long count;

    for (size_t i = 0; i < sizeof rule / sizeof rule[0]; i++) {
        size_t len = strlen(rule[i].label);

        if (strncmp(line, rule[i].label, len) != 0)
            continue;
        line += len + strspn(line + len, " ");
        if (strncmp(line, rule[i].harmless, 2) != 0)
            answer_problem(rule[i].problem);
    }
    if (strncmp(line, "Pages:", 6) != 0)
        return;
    count = strtol(line + 6, NULL, 10);
    if (count > SCAN_PAGES_MAX)
        answer_problem(SCAN_MANY_PAGES);
    if (count > out->page_count)
        out->page_count = (int)count;
}

static void
read_info(const char *text, struct pdf *out)
{
    while (text != NULL) {
        judge_line(text, out);
        text = strchr(text, '\n');
        text = text == NULL ? NULL : text + 1;
    }
}

/* "page num type width height color comp bpc enc interp object ID x-ppi y-ppi
 * size ratio": the largest picture of a page says how finely it was scanned. */
static void
read_images(char *text, struct pdf *out)
{
    long most[SCAN_PAGES_MAX] = {0};
    char *rest = NULL;
    char *line;

    for (line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        int page, width, height, x, y;

        if (sscanf(line,
                   "%9d %*d %*s %9d %9d %*s %*d %*d %*s %*s %*d %*d %9d %9d",
                   &page, &width, &height, &x, &y) != 5 ||
            page < 1 || page > SCAN_PAGES_MAX || width < 1 || height < 1 ||
            x < 1 || y < 1 || (long)width * height <= most[page - 1])
            continue;
        most[page - 1] = (long)width * height;
        x = x < y ? x : y;
        out->dpi[page - 1] = x < SCAN_DPI_MAX ? x : SCAN_DPI_MAX;
    }
}

void
pdf_open(int fd, const uint8_t *data, size_t len, struct pdf *out)
{
    static const char *const info[] = {"/usr/bin/pdfinfo", "-", NULL};
    static const char *const images[] = {
        "/usr/bin/pdfimages", "-list", "-l", PAGES, "-", NULL};
    static char text[TEXT_MAX + 1];

    *out = (struct pdf){.fd = fd};
    if (!run(info, fd, text))
        answer_problem(memmem(data, len, "/Encrypt", 8) != NULL ? SCAN_ENCRYPTED
                                                                : SCAN_BROKEN);
    read_info(text, out);
    if (out->page_count < 1)
        answer_problem(SCAN_BROKEN);
    if (active_is_there(data, len))
        answer_problem(SCAN_ACTIVE);
    if (run(images, fd, text))
        read_images(text, out);
}

void
pdf_draw(struct pdf *pdf)
{
    static const char *const draw[] = {
        "/usr/bin/pdftoppm", "-scale-to", DRAWN_SIDE, "-l", PAGES, "-", NULL};
    int out = -1;

    pdf->drawer = start(draw, pdf->fd, &out);
    if (pdf->drawer < 0 || (pdf->pixels = fdopen(out, "r")) == NULL)
        answer_problem(SCAN_BROKEN);
}

/* Netpbm's P6 as pdftoppm writes it: one octet for each of red, green, blue. */
static bool
read_head(FILE *in, int *width, int *height)
{
    return fscanf(in, "P6 %4d %4d 255", width, height) == 2 &&
           fgetc(in) == '\n' && *width > 0 && *width <= DRAWN_SIDE_MAX &&
           *height > 0 && *height <= DRAWN_SIDE_MAX;
}

PIX *
pdf_next(struct pdf *pdf)
{
    static uint8_t row[3 * DRAWN_SIDE_MAX];
    int width, height;
    PIX *pix;

    if (!read_head(pdf->pixels, &width, &height) ||
        (pix = pixCreate(width, height, 32)) == NULL)
        return NULL;
    for (int y = 0; y < height; y++) {
        l_uint32 *line = pixGetData(pix) + (size_t)y * (size_t)pixGetWpl(pix);

        if (fread(row, 3, (size_t)width, pdf->pixels) != (size_t)width) {
            pixDestroy(&pix);
            return NULL;
        }
        for (int x = 0; x < width; x++)
            composeRGBPixel(row[3 * x], row[3 * x + 1], row[3 * x + 2],
                            &line[x]);
    }
    return pix;
}

bool
pdf_close(struct pdf *pdf)
{
    int status = -1;
    bool is_end = fgetc(pdf->pixels) == EOF;

    (void)fclose(pdf->pixels);
    return is_end && waitpid(pdf->drawer, &status, 0) == pdf->drawer &&
           status == 0;
}
