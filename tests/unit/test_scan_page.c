/* What can be seen on a page, and what can be done by a PDF: the parts of
 * signet-scan that judge pixels and octets, under the sanitizers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "ra/scan/active.h"
#include "ra/scan/page.h"
#include "tests/unit/scan/pictures.h"

#define FORM_CODE                                                              \
    "SIGNET1:N20261124-000001:12:certificate:0123456789abcdef:"                \
    "0123456789abcdef01234567"

/* ---- Pages -----------------------------------------------------------------
 */

static struct page
look(const struct picture *picture)
{
    PIX *pix = picture_draw(picture);
    struct page page;

    assert_true(page_examine(pix, &page));
    assert_true(page.width <= SCAN_SIDE_MAX && page.height <= SCAN_SIDE_MAX);
    assert_true(page.jpeg_len > 100 && page.jpeg_len <= SCAN_JPEG_MAX);
    pixDestroy(&pix);
    return page;
}

static unsigned
flags_of(const struct picture *picture)
{
    struct page page = look(picture);
    unsigned flags = page.flags;

    page_clear(&page);
    return flags;
}

static void
a_stamped_page_is_coloured_and_has_a_seal(void **state)
{
    static const int dpi[] = {75, 100, 150, 200, 300};

    (void)state;
    for (size_t i = 0; i < sizeof dpi / sizeof dpi[0]; i++)
        assert_int_equal(
            flags_of(&(struct picture){
                .dpi = dpi[i], .has_text = true, .seal = SEAL, .noise = 12}),
            SCAN_IS_COLOUR | SCAN_HAS_RED_SEAL);
}

static void
a_grey_copy_of_a_stamped_page_is_neither(void **state)
{
    (void)state;
    assert_int_equal(flags_of(&(struct picture){.dpi = 150,
                                                .has_text = true,
                                                .seal = SEAL,
                                                .is_grey = true,
                                                .noise = 12}),
                     0);
}

static void
red_lines_are_no_seal(void **state)
{
    (void)state;
    assert_int_equal(flags_of(&(struct picture){
                         .dpi = 150, .has_text = true, .seal = RED_LINES}),
                     SCAN_IS_COLOUR);
}

static void
an_empty_page_is_blank_and_one_line_is_not(void **state)
{
    (void)state;
    assert_int_equal(flags_of(&(struct picture){.dpi = 150, .noise = 12}),
                     SCAN_IS_BLANK);
    assert_int_equal(flags_of(&(struct picture){.dpi = 150, .code = FORM_CODE}),
                     0);
    /* A seal alone is something. */
    assert_int_equal(flags_of(&(struct picture){.dpi = 150, .seal = SEAL}),
                     SCAN_IS_COLOUR | SCAN_HAS_RED_SEAL);
}

static void
skew_is_measured_to_a_quarter_of_a_degree(void **state)
{
    static const double degrees[] = {-5, -2, -0.5, 0, 1, 3, 6};

    (void)state;
    for (size_t i = 0; i < sizeof degrees / sizeof degrees[0]; i++) {
        struct page page = look(&(struct picture){
            .dpi = 150, .has_text = true, .degrees = degrees[i]});
        double seen = abs(page.skew_centidegrees) / 100.0;
        double is = degrees[i] < 0 ? -degrees[i] : degrees[i];

        if (seen < is - 0.25 || seen > is + 0.25)
            fail_msg("%.2f degrees seen as %.2f", degrees[i],
                     page.skew_centidegrees / 100.0);
        page_clear(&page);
    }
}

static void
any_depth_of_pixels_becomes_a_picture(void **state)
{
    static const int depth[] = {1, 2, 4, 8, 16, 32};

    (void)state;
    for (size_t i = 0; i < sizeof depth / sizeof depth[0]; i++) {
        PIX *pix = pixCreate(700, 900, depth[i]);
        struct page page;

        (void)pixSetAllArbitrary(pix, 1);
        assert_true(page_examine(pix, &page));
        page_clear(&page);
        pixDestroy(&pix);
    }
}

static void
noise_that_no_jpeg_shortens_still_fits(void **state)
{
    PIX *pix = pixCreate(1800, 1800, 32);
    uint32_t seed = 7;
    struct page page;

    (void)state;
    for (int i = 0; i < 1800 * pixGetWpl(pix); i++)
        pixGetData(pix)[i] = seed = seed * 1664525 + 1013904223;
    assert_true(page_examine(pix, &page));
    assert_true(page.jpeg_len <= SCAN_JPEG_MAX);
    page_clear(&page);
    pixDestroy(&pix);
}

/* ---- Codes -----------------------------------------------------------------
 */

static bool
reads(const struct picture *picture, int quality)
{
    PIX *pix = picture_draw(picture);
    PIX *worn = picture_worn(pix, quality);
    struct codes codes = {0};
    bool ok;

    code_read(worn, &codes);
    ok = codes.count == 1 && strcmp(codes.text[0], FORM_CODE) == 0;
    pixDestroy(&pix);
    pixDestroy(&worn);
    return ok;
}

/* feasibility.md, D5: 6 rotations x 4 resolutions x 2 qualities, with noise. A
 * module of our codes is 0.6 mm wide: below 100 dpi there is nothing to read.
 */
static int
matrix(enum picture_seal seal)
{
    static const double degrees[] = {0, 1.5, -3, 6, -6, 180};
    static const int dpi[] = {100, 120, 150, 200};
    static const int quality[] = {75, 30};
    int read = 0;

    for (size_t d = 0; d < 4; d++) {
        int here = 0;

        for (size_t r = 0; r < 6; r++)
            for (size_t q = 0; q < 2; q++)
                here += reads(&(struct picture){.dpi = dpi[d],
                                                .has_text = true,
                                                .seal = seal,
                                                .code = FORM_CODE,
                                                .degrees = degrees[r],
                                                .noise = 16},
                              quality[q]);
        print_message("%s, %d dpi: %d of 12 codes read\n",
                      seal == SEAL_OVER_CODE ? "seal over both codes" : "clear",
                      dpi[d], here);
        read += here;
    }
    return read;
}

static void
codes_are_read_in_all_48_worn_copies(void **state)
{
    (void)state;
    assert_int_equal(matrix(SEAL), 48);
}

/* Where ink covers both codes, red light reads what it can; the officer is
 * asked for the rest. */
static void
codes_under_seals_are_read_in_red_light_mostly(void **state)
{
    (void)state;
    assert_true(matrix(SEAL_OVER_CODE) >= 36);
}

static void
codes_of_others_are_not_told(void **state)
{
    PIX *pix = picture_draw(&(struct picture){
        .dpi = 150, .code = "https://www.gsxt.gov.cn/some-licence"});
    struct codes codes = {0};

    (void)state;
    code_read(pix, &codes);
    assert_int_equal(codes.count, 0);
    pixDestroy(&pix);
}

/* ---- Active content --------------------------------------------------------
 */

static bool
is_active(const char *text)
{
    return active_is_there((const uint8_t *)text, strlen(text));
}

static void
names_of_active_things_are_found_however_they_are_written(void **state)
{
    (void)state;
    assert_true(is_active("<< /S /JavaScript /JS (x) >>"));
    assert_true(is_active("<</S/JavaScript>>"));
    assert_true(is_active("<</S/J#61vaScript>>"));
    assert_true(is_active("/#4a#61#76#61#53cript"));
    assert_true(is_active("<< /Type /EmbeddedFile >>"));
    assert_true(is_active("<< /S /Launch /F (a) >>"));
    assert_true(is_active("/JavaScript"));
    assert_true(is_active("/RichMedia "));
    assert_false(is_active("/JavaScripting"));
    assert_false(is_active("JavaScript"));
    assert_false(is_active("<< /Type /Page >>"));
    assert_false(is_active("/"));
    assert_false(is_active("/#"));
    assert_false(is_active(""));
}

static bool
packed_is_active(const char *dictionary, const char *content, size_t pad)
{
    struct buf plain = BUF_INIT(4 * 1024 * 1024);
    struct buf pdf = BUF_INIT(4 * 1024 * 1024);
    uint8_t *packed = malloc(4 * 1024 * 1024);
    uLongf len = 4 * 1024 * 1024;
    bool is;

    for (size_t i = 0; i < pad; i++)
        (void)buf_add_byte(&plain, ' ');
    (void)buf_add_text(&plain, content);
    assert_int_equal(compress(packed, &len, plain.data, plain.len), Z_OK);
    (void)buf_addf(&pdf, "1 0 obj\n%s\nstream\r\n", dictionary);
    (void)buf_add(&pdf, packed, len);
    (void)buf_add_text(&pdf, "\nendstream\nendobj\n");
    is = active_is_there(pdf.data, pdf.len);
    free(packed);
    buf_clear(&plain);
    buf_clear(&pdf);
    return is;
}

static void
object_streams_are_looked_into(void **state)
{
    static const char flate[] = "<< /Type /ObjStm /Filter /FlateDecode >>";
    static const char page[] = "<< /Type /Page >>";
    static const char script[] = "<< /S /JavaScript >>";

    (void)state;
    assert_false(packed_is_active(flate, page, 0));
    assert_true(packed_is_active(flate, script, 0));
    /* Wherever it lies between two pieces. */
    for (size_t pad = 65500; pad < 65580; pad++)
        assert_true(packed_is_active(flate, script, pad));
    assert_true(
        packed_is_active("<< /Type /Obj#53tm /Filter [/Fl] >>", script, 0));
    /* What cannot be looked into. */
    assert_true(packed_is_active(
        "<< /Type /ObjStm /Filter [/ASCII85Decode /FlateDecode] >>", page, 0));
    assert_true(packed_is_active("<< /Type /ObjStm /Filter 9 0 R >>", page, 0));
    assert_true(packed_is_active("<< /Type /ObjStm /Filter /FlateDecode"
                                 " /DecodeParms << /Predictor 12 >> >>",
                                 page, 0));
    /* Pixels and print are no objects. */
    assert_false(packed_is_active("<< /Filter /FlateDecode >>", script, 0));
    assert_false(packed_is_active("<< /Filter /FlateDecode >>",
                                  "0 0 1 rg 0 0 9 9 re f /F1 9 Tf", 0));
}

static void
object_streams_do_not_hide_from_us(void **state)
{
    static const char script[] = "4 0 << /S /JavaScript >>";
    char far[2048];

    (void)state;
    /* The type long before the stream, or behind what looks like a begin. */
    (void)snprintf(far, sizeof far, "<< /Type /ObjStm %1500s >>",
                   "/N 1 /First 4 /Filter /FlateDecode");
    assert_true(packed_is_active(far, script, 0));
    (void)snprintf(far, sizeof far, "<< /Type /ObjStm %1500s >>",
                   "/DecodeParms 7 0 R /Filter /FlateDecode");
    assert_true(packed_is_active(far, "x", 0));
    assert_true(packed_is_active("<< /Type /ObjStm /A (obj) /N 1 /First 4"
                                 " /Filter /FlateDecode >>",
                                 script, 0));
    /* No type at all: a reader goes by the table of places. */
    assert_true(packed_is_active("<< /N 1 /First 4 /Filter /FlateDecode >>",
                                 script, 0));
    /* A false begin of the stream. */
    assert_true(packed_is_active("<< /Type /ObjStm /Filter /FlateDecode"
                                 " /A (stream\n) >>",
                                 "x", 0));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stamped_page_is_coloured_and_has_a_seal),
        cmocka_unit_test(a_grey_copy_of_a_stamped_page_is_neither),
        cmocka_unit_test(red_lines_are_no_seal),
        cmocka_unit_test(an_empty_page_is_blank_and_one_line_is_not),
        cmocka_unit_test(skew_is_measured_to_a_quarter_of_a_degree),
        cmocka_unit_test(any_depth_of_pixels_becomes_a_picture),
        cmocka_unit_test(noise_that_no_jpeg_shortens_still_fits),
        cmocka_unit_test(codes_are_read_in_all_48_worn_copies),
        cmocka_unit_test(codes_under_seals_are_read_in_red_light_mostly),
        cmocka_unit_test(codes_of_others_are_not_told),
        cmocka_unit_test(
            names_of_active_things_are_found_however_they_are_written),
        cmocka_unit_test(object_streams_are_looked_into),
        cmocka_unit_test(object_streams_do_not_hide_from_us),
    };

    setMsgSeverity(L_SEVERITY_NONE);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
