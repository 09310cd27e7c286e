/*
 * Uploads through the real signet-scan: what is right is told rightly, what is
 * hostile ends in a refusal and never in this process; and children that do not
 * keep to anything.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/config.h"
#include "ra/scan.h"
#include "ra/scan/jail.h"
#include "tests/unit/scan/pictures.h"

#define FORM_CODE                                                              \
    "SIGNET1:N20261124-000001:12:certificate:0123456789abcdef:"                \
    "0123456789abcdef01234567"

enum { FILE_MAX = 32 * 1024 * 1024, HOSTILE_COUNT = 1000 };

static struct config *config;
static char folder[] = "/tmp/signet-scan-XXXXXX";

static struct config *
config_with(const char *path, int timeout_s, int at_once)
{
    char text[512];
    struct config *out = NULL;
    struct error err = {0};
    int len = snprintf(text, sizeof text,
                       "ra.scan_path = %s\nra.scan_timeout_s = %d\n"
                       "ra.scan_max = %d\n",
                       path, timeout_s, at_once);

    if (!config_parse(text, (size_t)len, "test", "/", &out, &err))
        fail_msg("%s", err.what);
    return out;
}

static int
set_up(void **state)
{
    (void)state;
    config = config_with(BINARY_DIR "/bin/signet-scan", 60, 4);
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
    char command[64];

    (void)state;
    config_free(config);
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

/* True when it was taken; else why not. */
static bool
examine(const struct buf *file, struct scan *out, struct error *err)
{
    *err = (struct error){0};
    return scan_examine(config, file->data, file->len, out, err);
}

static void
assert_taken(const struct buf *file, struct scan *out)
{
    struct error err;

    if (!examine(file, out, &err))
        fail_msg("%s: %s", err.what, err.cause);
}

static void
assert_refused(const struct buf *file, const char *why)
{
    struct scan scan;
    struct error err;

    assert_false(examine(file, &scan, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    if (strstr(err.what, why) == NULL)
        fail_msg("wanted \"%s\", got \"%s\"", why, err.what);
    assert_null(scan.jpegs.data);
}

static PIX *
draw_form(void)
{
    return picture_draw(&(struct picture){.dpi = 150,
                                          .has_text = true,
                                          .seal = SEAL,
                                          .code = FORM_CODE,
                                          .noise = 8});
}

/* ---- What is right ---------------------------------------------------------
 */

static void
assert_form(const struct scan *scan, const char *type, int pages)
{
    assert_string_equal(scan->media_type, type);
    assert_int_equal(scan->page_count, pages);
    assert_int_equal(scan->code_count, 1);
    assert_string_equal(scan->code[0], FORM_CODE);
    for (int i = 0; i < pages; i++) {
        const struct scan_page *page = &scan->page[i];

        assert_true(page->is_colour && page->has_red_seal && !page->is_blank);
        assert_in_range(page->dpi, 148, 151);
        assert_in_range(page->height, 1700, SCAN_SIDE_MAX);
        assert_true(page->skew_centidegrees < 30 &&
                    page->skew_centidegrees > -30);
        assert_true(page->jpeg_at + page->jpeg_len <= scan->jpegs.len);
    }
}

static void
a_stamped_form_is_seen_as_what_it_is_in_every_type(void **state)
{
    PIX *pix = draw_form();
    struct buf file = BUF_INIT(FILE_MAX);
    struct scan scan;

    (void)state;
    picture_png(pix, &file);
    assert_taken(&file, &scan);
    assert_form(&scan, "image/png", 1);
    scan_clear(&scan);
    buf_reset(&file);
    picture_jpeg(pix, 75, &file);
    assert_taken(&file, &scan);
    assert_form(&scan, "image/jpeg", 1);
    scan_clear(&scan);
    buf_reset(&file);
    picture_pdf(pix, 150, 3, &file);
    assert_taken(&file, &scan);
    assert_form(&scan, "application/pdf", 3);
    scan_clear(&scan);
    buf_clear(&file);
    pixDestroy(&pix);
}

static void
forty_pages_are_taken_and_forty_one_are_not(void **state)
{
    PIX *pix = picture_draw(&(struct picture){.dpi = 75, .has_text = true});
    struct buf file = BUF_INIT(FILE_MAX);
    int64_t begun = clock_monotonic_ms();
    struct scan scan;

    (void)state;
    picture_pdf(pix, 75, 40, &file);
    assert_taken(&file, &scan);
    assert_int_equal(scan.page_count, 40);
    scan_clear(&scan);
    print_message("40 pages: %lld ms\n",
                  (long long)(clock_monotonic_ms() - begun));
    buf_reset(&file);
    picture_pdf(pix, 75, 41, &file);
    assert_refused(&file, "40");
    buf_clear(&file);
    pixDestroy(&pix);
}

/* ---- What is wrong ---------------------------------------------------------
 */

static void
refuse_text(const char *text, size_t len, const char *why)
{
    struct buf file = BUF_INIT(FILE_MAX);

    assert_true(buf_add(&file, text, len));
    assert_refused(&file, why);
    buf_clear(&file);
}

#define REFUSE(text, why) refuse_text((text), sizeof(text) - 1, (why))

static void
other_types_are_refused_whatever_they_are_called(void **state)
{
    (void)state;
    REFUSE("<html><script>alert(1)</script></html>", "only PDF, JPEG and PNG");
    REFUSE("GIF89a\1\0\1\0", "only PDF, JPEG and PNG");
    REFUSE("PK\3\4", "only PDF, JPEG and PNG");
    REFUSE("MZ\x90", "only PDF, JPEG and PNG");
    REFUSE("\x7f"
           "ELF",
           "only PDF, JPEG and PNG");
    REFUSE("<svg xmlns='http://www.w3.org/2000/svg'/>", "only PDF");
    REFUSE("%!PS-Adobe-3.0\n", "only PDF, JPEG and PNG");
    REFUSE("RIFF....WEBP", "only PDF, JPEG and PNG");
    REFUSE("x", "only PDF, JPEG and PNG");
    /* For two readers: a PDF that begins as something else. */
    REFUSE("<html>%PDF-1.4\n", "only PDF, JPEG and PNG");
    REFUSE("%PDF-1.4\n", "cannot be read");
    REFUSE("\xff\xd8\xff\xe0", "cannot be read");
    REFUSE("\x89PNG\r\n\x1a\n____", "cannot be read");
}

static void
nothing_and_too_much_are_refused_without_a_child(void **state)
{
    struct buf file = BUF_INIT(FILE_MAX);
    struct scan scan;
    struct error err;

    (void)state;
    assert_refused(&file, "empty");
    file.data = calloc(1, SCAN_FILE_MAX + 1);
    file.len = SCAN_FILE_MAX + 1;
    assert_refused(&file, "larger than 20 MB");
    file.len = SCAN_FILE_MAX;
    assert_false(examine(&file, &scan, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    free(file.data);
}

#define PAGE "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"
#define PAGES "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"

static void
refuse_pdf(const char *const *object, size_t count, const char *trailer,
           const char *why)
{
    struct buf file = BUF_INIT(FILE_MAX);

    pdf_make(object, count, trailer, &file);
    assert_refused(&file, why);
    buf_clear(&file);
}

static void
pdfs_that_do_something_are_refused(void **state)
{
    static const char *const script[] = {
        "<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /JavaScript /JS "
        "(app.alert(1)) >> >>",
        PAGES, PAGE};
    static const char *const hidden[] = {
        "<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /J#61vaScript /JS "
        "(app.alert(1)) >> >>",
        PAGES, PAGE};
    static const char *const launch[] = {
        "<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /Launch /F (cmd.exe) "
        ">> >>",
        PAGES, PAGE};
    static const char *const file[] = {
        "<< /Type /Catalog /Pages 2 0 R /Names << /EmbeddedFiles << /Names "
        "[(a) 4 0 R] >> >> >>",
        PAGES, PAGE, "<< /Type /Filespec /F (a.exe) /EF << /F 5 0 R >> >>",
        "<< /Type /EmbeddedFile /Length 2 >>\nstream\nMZ\nendstream"};

    (void)state;
    refuse_pdf(script, 3, "", "scripts");
    refuse_pdf(hidden, 3, "", "scripts");
    refuse_pdf(launch, 3, "", "scripts");
    refuse_pdf(file, 5, "", "scripts");
}

static void
pdfs_under_a_password_are_refused_as_such(void **state)
{
    static const char *const object[] = {
        "<< /Type /Catalog /Pages 2 0 R >>", PAGES, PAGE,
        "<< /Filter /Standard /V 2 /R 3 /Length 128 /P -44 /O "
        "<0123456789012345678901234567890123456789012345678901234567890123> "
        "/U <0123456789012345678901234567890123456789012345678901234567890123>"
        " >>"};

    (void)state;
    refuse_pdf(object, 4,
               "/Encrypt 4 0 R /ID [<00112233445566778899aabbccddeeff> "
               "<00112233445566778899aabbccddeeff>] ",
               "password");
}

/* A title with line ends could pretend that there are fewer pages. */
static void
a_title_does_not_speak_for_the_file(void **state)
{
    static const char *const object[] = {"<< /Type /Catalog /Pages 2 0 R >>",
                                         PAGES, PAGE,
                                         "<< /Title (x\\nPages: 41\\n) >>"};
    struct buf file = BUF_INIT(FILE_MAX);
    struct scan scan;
    struct error err;

    (void)state;
    pdf_make(object, 4, "/Info 4 0 R ", &file);
    if (examine(&file, &scan, &err)) {
        assert_int_equal(scan.page_count, 1);
        scan_clear(&scan);
    } else {
        assert_int_equal(err.code, ERROR_INPUT);
    }
    buf_clear(&file);
}

static void
put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void
add_chunk(struct buf *out, const char *type, const void *data, size_t len)
{
    uint8_t head[8], tail[4];
    uLong sum;

    put32(head, (uint32_t)len);
    memcpy(head + 4, type, 4);
    sum = crc32(crc32(0, head + 4, 4), data, (uInt)len);
    put32(tail, (uint32_t)sum);
    (void)buf_add(out, head, 8);
    (void)buf_add(out, data, len);
    (void)buf_add(out, tail, 4);
}

/* A PNG of this size whose pixels are all one. */
static void
make_bomb(uint32_t width, uint32_t height, struct buf *out)
{
    uint8_t head[13] = {0};
    uint8_t *plain = calloc(1, 1 << 20);
    uint8_t *packed = malloc(1 << 20);
    z_stream z = {0};
    size_t left = ((size_t)width + 1) * height;

    put32(head, width);
    put32(head + 4, height);
    head[8] = 8;
    (void)buf_add(out, "\x89PNG\r\n\x1a\n", 8);
    add_chunk(out, "IHDR", head, sizeof head);
    assert_int_equal(deflateInit(&z, 9), Z_OK);
    while (left > 0) {
        size_t now = left < 1 << 20 ? left : 1 << 20;

        left -= now;
        z.next_in = plain;
        z.avail_in = (uInt)now;
        do {
            z.next_out = packed;
            z.avail_out = 1 << 20;
            (void)deflate(&z, left == 0 ? Z_FINISH : Z_NO_FLUSH);
            if (z.avail_out < 1 << 20)
                add_chunk(out, "IDAT", packed, (1 << 20) - z.avail_out);
        } while (z.avail_out == 0);
    }
    (void)deflateEnd(&z);
    add_chunk(out, "IEND", "", 0);
    free(plain);
    free(packed);
}

static void
pictures_that_would_unpack_to_gigabytes_are_refused_by_their_heads(void **state)
{
    static const uint32_t side[][2] = {
        {100000, 100000}, {20001, 100},   {8000, 8000},
        {0x7fffffff, 1},  {65535, 65535}, {100, 0x7fffffff},
    };
    struct buf file = BUF_INIT(FILE_MAX);

    (void)state;
    for (size_t i = 0; i < sizeof side / sizeof side[0]; i++) {
        uint8_t head[13] = {0};

        buf_reset(&file);
        put32(head, side[i][0]);
        put32(head + 4, side[i][1]);
        head[8] = 8;
        head[9] = 6;
        (void)buf_add(&file, "\x89PNG\r\n\x1a\n", 8);
        add_chunk(&file, "IHDR", head, sizeof head);
        add_chunk(&file, "IDAT", "x\x9c", 2);
        add_chunk(&file, "IEND", "", 0);
        assert_refused(&file, "");
    }
    buf_clear(&file);
}

static void
a_small_file_of_many_pixels_is_taken_within_the_limits(void **state)
{
    struct buf file = BUF_INIT(FILE_MAX);
    struct scan scan;

    (void)state;
    make_bomb(6300, 6300, &file); /* 40 million pixels in 40 kB */
    assert_taken(&file, &scan);
    assert_true(scan.page[0].is_blank);
    scan_clear(&scan);
    buf_clear(&file);
}

static void
too_few_pixels_are_refused(void **state)
{
    struct buf file = BUF_INIT(FILE_MAX);

    (void)state;
    make_bomb(300, 300, &file);
    assert_refused(&file, "too small");
    buf_clear(&file);
}

/* Files that cannot go on being read: cut anywhere. */
static void
cut_files_are_refused(void **state)
{
    PIX *pix = picture_draw(&(struct picture){.dpi = 75, .has_text = true});
    struct buf file = BUF_INIT(FILE_MAX);

    (void)state;
    picture_jpeg(pix, 75, &file);
    file.len = file.len * 2 / 3;
    assert_refused(&file, "cannot be read");
    buf_reset(&file);
    picture_png(pix, &file);
    file.len = file.len * 2 / 3;
    assert_refused(&file, "cannot be read");
    buf_clear(&file);
    pixDestroy(&pix);
}

/* Pages within pages, boxes without end, counts that lie: an answer comes, and
 * soon. */
static void
pdfs_without_end_come_to_one(void **state)
{
    static const char *const box[] = {
        "<< /Type /Catalog /Pages 2 0 R >>", PAGES,
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99999999 99999999] >>"};
    static const char *const thin[] = {
        "<< /Type /Catalog /Pages 2 0 R >>", PAGES,
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 1 999999] >>"};
    static const char *const count[] = {
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 2000000000 >>", PAGE};
    static const char *const kids[] = {
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>"};
    static const struct {
        const char *const *object;
        size_t count;
    } files[] = {{box, 3}, {thin, 3}, {count, 3}, {kids, 2}};
    struct buf file = BUF_INIT(FILE_MAX);
    struct scan scan;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        buf_reset(&file);
        pdf_make(files[i].object, files[i].count, "", &file);
        if (examine(&file, &scan, &err))
            scan_clear(&scan);
        else
            assert_int_equal(err.code, ERROR_INPUT);
    }
    buf_clear(&file);
}

/* Eight forms that draw the next one eight times, thirty deep. */
static void
work_without_end_is_ended_by_the_clock(void **state)
{
    enum { DEPTH = 30 };
    struct config *hasty = config_with(BINARY_DIR "/bin/signet-scan", 2, 4);
    char text[DEPTH + 1][256];
    const char *object[4 + DEPTH + 1] = {
        "<< /Type /Catalog /Pages 2 0 R >>", PAGES,
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        "/Resources << /XObject << /I 5 0 R >> >> >>",
        "<< /Length 5 >>\nstream\n/I Do\nendstream"};
    struct buf file = BUF_INIT(FILE_MAX);
    int64_t begun;
    struct scan scan;
    struct error err = {0};

    (void)state;
    for (int i = 0; i < DEPTH; i++) {
        (void)snprintf(text[i], sizeof text[i],
                       "<< /Type /XObject /Subtype /Form /BBox [0 0 999 999] "
                       "/Resources << /XObject << /I %d 0 R >> >> /Length 47 "
                       ">>\nstream\n/I Do /I Do /I Do /I Do /I Do /I Do /I "
                       "Do /I Do\nendstream",
                       6 + i);
        object[4 + i] = text[i];
    }
    object[4 + DEPTH] = "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] "
                        "/Length 5 >>\nstream\n0 0 m\nendstream";
    pdf_make(object, 4 + DEPTH + 1, "", &file);
    begun = clock_monotonic_ms();
    assert_false(scan_examine(hasty, file.data, file.len, &scan, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_true(clock_monotonic_ms() - begun < 10000);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    config_free(hasty);
    buf_clear(&file);
}

/* ---- A thousand hostile uploads --------------------------------------------
 */

static uint32_t
draw_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* What PDF writers write, put where it does not belong. */
static const char *const words[] = {
    "/Length 999999999 ",
    "/Count -1 ",
    "/Kids [2 0 R 2 0 R] ",
    "/Width 99999 ",
    "/Height 2147483647 ",
    "/MediaBox [0 0 1e9 1e9] ",
    "/Filter [/FlateDecode /FlateDecode /FlateDecode] ",
    "/Filter /JBIG2Decode ",
    "/Filter /JPXDecode ",
    "/Filter /CCITTFaxDecode /DecodeParms << /K -1 /Columns 60000 >> ",
    "/BitsPerComponent 32 ",
    "/ColorSpace [/Indexed /DeviceRGB 99999 <00>] ",
    "startxref\n99999999\n%%EOF\n",
    "/Prev 0 ",
    "/Rotate 91 ",
    "/UserUnit 1e30 ",
    "stream\n",
    "endobj\n",
    "<<<<<<<<",
    "[[[[[[[[",
    "((((((((",
    "\xff\xc4\xff\xff",
    "\xff\xda",
    "\xff\xc2\x00\x11\x08\xff\xff\xff\xff\x03",
    "\x00\x00\x00\x0dIHDR\xff\xff\xff\xff",
    "IDAT",
    "\x7f\xff\xff\xff",
};

static void
mutate(const struct buf *seed, uint32_t *state, struct buf *out)
{
    uint32_t changes = 1 + draw_random(state) % 12;

    buf_reset(out);
    (void)buf_add(out, seed->data, seed->len);
    while (changes-- > 0 && out->len > 0) {
        size_t at = draw_random(state) % out->len;
        const char *word =
            words[draw_random(state) % (sizeof words / sizeof words[0])];
        size_t len = strlen(word);
        size_t run = 1 + draw_random(state) % 64;

        /* Half of the changes go where headers are. */
        if (draw_random(state) % 2 == 0 && out->len > 600)
            at %= 600;
        if (at + run > out->len)
            run = out->len - at;
        switch (draw_random(state) % 6) {
        case 0:
            out->data[at] ^= (uint8_t)(1u << draw_random(state) % 8);
            break;
        case 1:
            out->data[at] = (uint8_t)draw_random(state);
            break;
        case 2:
            memset(out->data + at, draw_random(state) % 2 == 0 ? 0xff : 0, run);
            break;
        case 3:
            if (at + len < out->len)
                memcpy(out->data + at, word, len);
            break;
        case 4: /* cut out */
            memmove(out->data + at, out->data + at + run, out->len - at - run);
            out->len -= run;
            break;
        default: /* cut off */
            if (draw_random(state) % 4 == 0)
                out->len = at;
            break;
        }
    }
}

static size_t
descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;

    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    (void)closedir(dir);
    return count;
}

static struct {
    int taken, refused, broken, other;
    int64_t longest_ms;
} tally;

static void
try_one(const struct buf *file)
{
    int64_t begun = clock_monotonic_ms();
    struct scan scan;
    struct error err;

    if (file->len == 0)
        return;
    if (examine(file, &scan, &err)) {
        tally.taken++;
        scan_clear(&scan);
    } else if (err.code == ERROR_INPUT) {
        tally.refused++;
        tally.broken += strstr(err.what, "cannot be read") != NULL;
    } else {
        tally.other++;
        print_message("%s: %s\n", err.what, err.cause);
    }
    begun = clock_monotonic_ms() - begun;
    if (begun > tally.longest_ms)
        tally.longest_ms = begun;
}

static void
make_seeds(struct buf seed[4])
{
    static const char *const drawn[] = {
        "<< /Type /Catalog /Pages 2 0 R >>", PAGES,
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        "/Resources << /Font << /F << /Type /Font /Subtype /Type1 /BaseFont "
        "/Helvetica >> >> >> >>",
        "<< /Length 60 >>\nstream\nBT /F 24 Tf 72 720 Td (the paper) Tj ET 1 0 "
        "0 rg 10 10 m 9 9 l f\nendstream"};
    PIX *pix = picture_draw(
        &(struct picture){.dpi = 60, .has_text = true, .seal = SEAL});

    picture_jpeg(pix, 60, &seed[0]);
    picture_png(pix, &seed[1]);
    picture_pdf(pix, 60, 1, &seed[2]);
    pdf_make(drawn, 4, "", &seed[3]);
    pixDestroy(&pix);
}

/* issue 3: no crash outside the sandboxed child, no child over its limits. */
static void
a_thousand_hostile_uploads_harm_nothing(void **state)
{
    struct buf seed[4] = {BUF_INIT(FILE_MAX), BUF_INIT(FILE_MAX),
                          BUF_INIT(FILE_MAX), BUF_INIT(FILE_MAX)};
    struct buf file = BUF_INIT(FILE_MAX);
    size_t before = descriptors();
    struct rusage usage;
    uint32_t random = 20261124;
    int64_t begun = clock_monotonic_ms();

    (void)state;
    make_seeds(seed);
    for (int i = 0; i < HOSTILE_COUNT; i++) {
        mutate(&seed[i % 4], &random, &file);
        try_one(&file);
    }
    assert_int_equal(getrusage(RUSAGE_CHILDREN, &usage), 0);
    print_message("%d hostile uploads in %lld s: %d taken, %d refused (%d "
                  "cannot be read), longest %lld ms, largest child %ld MB\n",
                  HOSTILE_COUNT,
                  (long long)(clock_monotonic_ms() - begun) / 1000, tally.taken,
                  tally.refused, tally.broken, (long long)tally.longest_ms,
                  usage.ru_maxrss / 1024);
    assert_int_equal(tally.other, 0);
    assert_true(usage.ru_maxrss < JAIL_MEMORY_MAX / 1024);
    /* Nothing is left behind: no descriptor, no child. */
    assert_int_equal(descriptors(), before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    for (size_t i = 0; i < 4; i++)
        buf_clear(&seed[i]);
    buf_clear(&file);
}

/* ---- Children that keep to nothing -----------------------------------------
 */

/* A program in place of signet-scan. */
static struct config *
pretend(const char *script, int timeout_s)
{
    char path[128];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/child", folder);
    (void)unlink(path);
    assert_non_null(file = fopen(path, "w"));
    assert_true(fputs("#!/bin/sh\n", file) >= 0 && fputs(script, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0700), 0);
    return config_with(path, timeout_s, 4);
}

static int64_t
refused_by(const char *script, int timeout_s, enum error_code code)
{
    struct config *own = pretend(script, timeout_s);
    int64_t begun = clock_monotonic_ms();
    struct scan scan;
    struct error err = {0};

    assert_false(scan_examine(own, (const uint8_t *)"x", 1, &scan, &err));
    if (err.code != code)
        fail_msg("%s: %s", err.what, err.cause);
    config_free(own);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    return clock_monotonic_ms() - begun;
}

static void
a_child_that_does_not_end_is_ended_with_all_it_started(void **state)
{
    char path[128], script[256];
    struct stat info;
    int64_t took;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/alive", folder);
    (void)snprintf(script, sizeof script,
                   "(sleep 6; : > %s) &\nexec sleep 30\n", path);
    took = refused_by(script, 1, ERROR_INPUT);
    assert_in_range(took, 900, 5500);
    (void)usleep(6500000 - (useconds_t)took * 1000);
    assert_int_equal(stat(path, &info), -1);
}

static void
a_child_that_closes_its_output_and_stays_is_ended(void **state)
{
    int64_t took = refused_by("exec >&- 2>&-\nexec sleep 30\n", 1, ERROR_INPUT);

    (void)state;
    assert_in_range(took, 900, 20000);
}

/* Its own end is awaited, not that of what holds the pipe. */
static void
what_a_child_leaves_behind_is_not_waited_for(void **state)
{
    (void)state;
    assert_true(refused_by("sleep 30 &\nexit 1\n", 20, ERROR_INPUT) < 5000);
}

static void
a_child_that_talks_without_end_is_ended(void **state)
{
    (void)state;
    assert_true(refused_by("exec cat /dev/zero\n", 60, ERROR_INPUT) < 30000);
}

static void
crashes_and_nonsense_are_the_files_fault(void **state)
{
    (void)state;
    (void)refused_by("kill -SEGV $$\n", 10, ERROR_INPUT);
    (void)refused_by("kill -KILL $$\n", 10, ERROR_INPUT);
    (void)refused_by("exit 1\n", 10, ERROR_INPUT);
    (void)refused_by("exit 0\n", 10, ERROR_INPUT);
    (void)refused_by("echo all is well\n", 10, ERROR_INPUT);
    /* A right answer, and then a crash. */
    (void)refused_by("printf 'T\\0\\0\\0\\1\\0'; kill -ABRT $$\n", 10,
                     ERROR_INPUT);
}

static void
missing_walls_and_a_missing_program_are_ours(void **state)
{
    struct config *none = config_with("/nonexistent/signet-scan", 10, 4);
    struct scan scan;
    struct error err = {0};

    (void)state;
    (void)refused_by("exit 3\n", 10, ERROR_INTERNAL);
    assert_false(scan_examine(none, (const uint8_t *)"x", 1, &scan, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    config_free(none);
}

static void *
examine_slowly(void *arg)
{
    struct scan scan;
    struct error err = {0};

    assert_false(scan_examine(arg, (const uint8_t *)"x", 1, &scan, &err));
    return NULL;
}

/* While another is under way for `seconds`; only one may be. */
static enum error_code
second_of_two(const char *seconds)
{
    char script[64];
    struct config *slow;
    struct scan scan;
    struct error err = {0};
    pthread_t thread;

    (void)snprintf(script, sizeof script, "exec sleep %s\n", seconds);
    config_free(pretend(script, 60));
    (void)snprintf(script, sizeof script, "%s/child", folder);
    slow = config_with(script, 60, 1);
    assert_int_equal(pthread_create(&thread, NULL, examine_slowly, slow), 0);
    (void)usleep(300000);
    assert_false(scan_examine(slow, (const uint8_t *)"x", 1, &scan, &err));
    assert_int_equal(pthread_join(thread, NULL), 0);
    config_free(slow);
    return err.code;
}

static void
one_too_many_waits_a_little_and_is_told_to_come_again(void **state)
{
    (void)state;
    assert_int_equal(second_of_two("8"), ERROR_BUSY);
    assert_int_equal(second_of_two("1"), ERROR_INPUT);
}

/* ---- The walls -------------------------------------------------------------
 */

/* jail-probe says by its exit status how far it came: a program of its own,
 * because sanitizers want more memory than there is inside. */
static int
probe(const char *what)
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0) {
        (void)execl(BINARY_DIR "/bin/jail-probe", "jail-probe", what,
                    (char *)NULL);
        _exit(99);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void
inside_there_is_no_network_no_file_and_no_other_process(void **state)
{
    int status = probe("walls");

    (void)state;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void
inside_time_and_memory_end(void **state)
{
    int status = probe("time");

    (void)state;
    assert_true(WIFSIGNALED(status));
    status = probe("memory");
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- Answers ---------------------------------------------------------------
 */

#define JPEG "\xff\xd8\xff\xe0\0\xff\xd9"
#define TYPE "T\0\0\0\1\0"
#define PAGE_OF(width, skew, flags)                                            \
    "P\0\0\0\x10" width "\2\0\0\x96" skew flags JPEG
#define RIGHT_PAGE PAGE_OF("\2\0", "\0\0", "\5")
#define END "E\0\0\0\2\0\1"

static void
answers_that_no_sound_child_gives_are_refused(void **state)
{
    static const struct {
        const char *text;
        size_t len;
    } wrong[] = {
#define WRONG(text) {(text), sizeof(text) - 1}
        WRONG(""),
        WRONG("T"),
        WRONG(TYPE),
        WRONG(TYPE END),
        WRONG(TYPE RIGHT_PAGE),
        WRONG(RIGHT_PAGE END),
        WRONG(TYPE TYPE RIGHT_PAGE END),
        WRONG("T\0\0\0\1\3" RIGHT_PAGE END),
        WRONG(TYPE RIGHT_PAGE END "x"),
        WRONG(TYPE RIGHT_PAGE END END),
        WRONG(TYPE RIGHT_PAGE "E\0\0\0\2\0\2"),
        WRONG(TYPE RIGHT_PAGE RIGHT_PAGE END),
        WRONG(TYPE PAGE_OF("\0\0", "\0\0", "\5") END),
        WRONG(TYPE PAGE_OF("\x7f\0", "\0\0", "\5") END),
        WRONG(TYPE PAGE_OF("\2\0", "\x7f\0", "\5") END),
        WRONG(TYPE PAGE_OF("\2\0", "\x80\0", "\5") END),
        WRONG(TYPE PAGE_OF("\2\0", "\0\0", "\x8") END),
        WRONG(TYPE "P\0\0\0\x10\2\0\2\0\0\x96\0\0\5<html>" END),
        WRONG(TYPE "P\xff\xff\xff\xff" END),
        WRONG(TYPE "P\0\0\0\0" END),
        WRONG(TYPE RIGHT_PAGE "C\0\0\0\0" END),
        WRONG(TYPE RIGHT_PAGE "C\0\0\0\3a b" END),
        WRONG(TYPE RIGHT_PAGE "C\0\0\0\3a\0b" END),
        WRONG(TYPE RIGHT_PAGE "C\0\0\0\3a\nb" END),
        WRONG(TYPE RIGHT_PAGE "Q\0\0\0\0" END),
        WRONG("X\0\0\0\1\x7f"),
        WRONG("X\0\0\0\2\1\1"),
        WRONG("X\0\0\0\1\1X\0\0\0\1\1"),
#undef WRONG
    };
    static const char right[] = TYPE RIGHT_PAGE "C\0\0\0\6SIGNET" END;
    struct scan scan;
    struct error err = {0};

    (void)state;
    assert_true(
        scan_wire_parse((const uint8_t *)right, sizeof right - 1, &scan, &err));
    assert_string_equal(scan.code[0], "SIGNET");
    assert_true(scan.page[0].has_red_seal);
    scan_clear(&scan);
    for (size_t i = 0; i < sizeof right - 1; i++)
        assert_false(scan_wire_parse((const uint8_t *)right, i, &scan, &err));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (scan_wire_parse((const uint8_t *)wrong[i].text, wrong[i].len, &scan,
                            &err))
            fail_msg("answer %zu was taken", i);
        assert_int_equal(err.code, ERROR_INPUT);
        assert_null(scan.jpegs.data);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stamped_form_is_seen_as_what_it_is_in_every_type),
        cmocka_unit_test(forty_pages_are_taken_and_forty_one_are_not),
        cmocka_unit_test(other_types_are_refused_whatever_they_are_called),
        cmocka_unit_test(nothing_and_too_much_are_refused_without_a_child),
        cmocka_unit_test(pdfs_that_do_something_are_refused),
        cmocka_unit_test(pdfs_under_a_password_are_refused_as_such),
        cmocka_unit_test(a_title_does_not_speak_for_the_file),
        cmocka_unit_test(
            pictures_that_would_unpack_to_gigabytes_are_refused_by_their_heads),
        cmocka_unit_test(
            a_small_file_of_many_pixels_is_taken_within_the_limits),
        cmocka_unit_test(too_few_pixels_are_refused),
        cmocka_unit_test(cut_files_are_refused),
        cmocka_unit_test(pdfs_without_end_come_to_one),
        cmocka_unit_test(work_without_end_is_ended_by_the_clock),
        cmocka_unit_test(
            a_child_that_does_not_end_is_ended_with_all_it_started),
        cmocka_unit_test(a_child_that_closes_its_output_and_stays_is_ended),
        cmocka_unit_test(what_a_child_leaves_behind_is_not_waited_for),
        cmocka_unit_test(a_child_that_talks_without_end_is_ended),
        cmocka_unit_test(crashes_and_nonsense_are_the_files_fault),
        cmocka_unit_test(missing_walls_and_a_missing_program_are_ours),
        cmocka_unit_test(one_too_many_waits_a_little_and_is_told_to_come_again),
        cmocka_unit_test(
            inside_there_is_no_network_no_file_and_no_other_process),
        cmocka_unit_test(inside_time_and_memory_end),
        cmocka_unit_test(answers_that_no_sound_child_gives_are_refused),
        cmocka_unit_test(a_thousand_hostile_uploads_harm_nothing),
    };

    setMsgSeverity(L_SEVERITY_NONE);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
