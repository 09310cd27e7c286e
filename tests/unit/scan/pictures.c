/* Pages and files for tests: tests/unit/scan/pictures.h. */
#include "tests/unit/scan/pictures.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cairo.h>
#include <qrencode.h>

#define WIDTH 210.0
#define HEIGHT 297.0
#define CODE 22.0
#define PI 3.14159265358979

static void
draw_code(cairo_t *c, const char *text, double x, double y)
{
    QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
    double module;

    assert(code != NULL);
    module = CODE / code->width;
    cairo_set_source_rgb(c, 0, 0, 0);
    for (int row = 0; row < code->width; row++)
        for (int column = 0; column < code->width; column++)
            if ((code->data[row * code->width + column] & 1) != 0)
                cairo_rectangle(c, x + column * module, y + row * module,
                                module, module);
    cairo_fill(c);
    QRcode_free(code);
}

/* A round seal of 40 mm with a star. */
static void
draw_seal(cairo_t *c, double x, double y)
{
    cairo_set_source_rgb(c, 0.86, 0.16, 0.18);
    cairo_set_line_width(c, 1.2);
    cairo_arc(c, x, y, 20, 0, 2 * PI);
    cairo_stroke(c);
    for (int i = 0; i < 5; i++)
        cairo_line_to(c, x + 6 * sin(4 * PI * i / 5),
                      y - 6 * cos(4 * PI * i / 5));
    cairo_fill(c);
    cairo_set_line_width(c, 2.4);
    cairo_set_dash(c, (double[]){1.6, 2.2}, 2, 0);
    cairo_arc(c, x, y, 15.5, PI * 0.8, PI * 2.2);
    cairo_stroke(c);
    cairo_set_dash(c, NULL, 0, 0);
}

static uint32_t
next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 16;
}

/* Strokes in lines and words: what print looks like to who cannot read, and no
 * font is needed. */
static void
draw_text(cairo_t *c)
{
    uint32_t state = 5;

    cairo_set_source_rgb(c, 0.1, 0.1, 0.1);
    for (int line = 0; line < 34; line++)
        for (double x = 20; x < (line % 5 == 4 ? 80 : 185); x += 2.1) {
            uint32_t stroke = next_random(&state);

            if (stroke % 7 == 0)
                continue; /* between words */
            cairo_rectangle(c, x, 48 + line * 6, 0.4, 3);
            cairo_rectangle(c, x, 48 + line * 6 + (int)(stroke % 3), 1.4, 0.4);
            if (stroke % 2 == 0)
                cairo_rectangle(c, x + 1.2, 49 + line * 6, 0.4, 2);
        }
    cairo_fill(c);
}

static void
draw_page(cairo_t *c, const struct picture *p)
{
    cairo_set_source_rgb(c, 1, 1, 1);
    cairo_paint(c);
    cairo_translate(c, WIDTH / 2, HEIGHT / 2);
    cairo_rotate(c, p->degrees * PI / 180);
    cairo_translate(c, -WIDTH / 2, -HEIGHT / 2);
    if (p->has_text)
        draw_text(c);
    if (p->code != NULL) {
        draw_code(c, p->code, 20, 16);
        draw_code(c, p->code, WIDTH - 20 - CODE, HEIGHT - 16 - CODE);
    }
    if (p->seal == SEAL)
        draw_seal(c, 140, 215);
    if (p->seal == SEAL_OVER_CODE) {
        draw_seal(c, 36, 32);
        draw_seal(c, WIDTH - 34, HEIGHT - 30);
    }
    if (p->seal == RED_LINES) {
        cairo_set_source_rgb(c, 0.86, 0.16, 0.18);
        cairo_rectangle(c, 20, 40, 170, 1);
        cairo_rectangle(c, 20, 250, 170, 1);
        cairo_fill(c);
    }
}

static int
worn(int value, int noise, uint32_t *state)
{
    if (noise > 0)
        value += (int)(next_random(state) % (unsigned)(2 * noise + 1)) - noise;
    return value < 0 ? 0 : value > 255 ? 255 : value;
}

PIX *
picture_draw(const struct picture *p)
{
    int width = (int)(WIDTH / 25.4 * p->dpi);
    int height = (int)(HEIGHT / 25.4 * p->dpi);
    cairo_surface_t *surface =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    cairo_t *c = cairo_create(surface);
    PIX *pix = pixCreate(width, height, 32);
    uint32_t state = 1;

    cairo_scale(c, p->dpi / 25.4, p->dpi / 25.4);
    draw_page(c, p);
    cairo_destroy(c);
    cairo_surface_flush(surface);
    for (int y = 0; y < height; y++) {
        const uint8_t *row =
            cairo_image_surface_get_data(surface) +
            (ptrdiff_t)y * cairo_image_surface_get_stride(surface);

        for (int x = 0; x < width; x++) {
            uint32_t pixel;
            int r, g, b;

            memcpy(&pixel, row + 4 * x, 4);
            r = (int)(pixel >> 16 & 255);
            g = (int)(pixel >> 8 & 255);
            b = (int)(pixel & 255);
            if (p->is_grey)
                r = g = b = (77 * r + 150 * g + 29 * b) >> 8;
            r = worn(r, p->noise, &state);
            g = p->is_grey ? r : worn(g, p->noise, &state);
            b = p->is_grey ? r : worn(b, p->noise, &state);
            (void)pixSetRGBPixel(pix, x, y, r, g, b);
        }
    }
    cairo_surface_destroy(surface);
    return pix;
}

void
picture_png(PIX *pix, struct buf *out)
{
    l_uint8 *data = NULL;
    size_t len = 0;

    assert(pixWriteMemPng(&data, &len, pix, 0) == 0);
    assert(buf_add(out, data, len));
    lept_free(data);
}

void
picture_jpeg(PIX *pix, int quality, struct buf *out)
{
    l_uint8 *data = NULL;
    size_t len = 0;

    assert(pixWriteMemJpeg(&data, &len, pix, quality, 0) == 0);
    assert(buf_add(out, data, len));
    lept_free(data);
}

PIX *
picture_worn(PIX *pix, int quality)
{
    struct buf jpeg = BUF_INIT(64 * 1024 * 1024);
    PIX *out;

    picture_jpeg(pix, quality, &jpeg);
    out = pixReadMemJpeg(jpeg.data, jpeg.len, 0, 1, NULL, 0);
    buf_clear(&jpeg);
    assert(out != NULL);
    return out;
}

/* ---- PDF ------------------------------------------------------------------
 */

enum { OBJECTS_MAX = 400 };

struct writer {
    struct buf *out;
    size_t at[OBJECTS_MAX];
    size_t count;
};

static void
object_begin(struct writer *w)
{
    assert(w->count < OBJECTS_MAX);
    w->at[w->count++] = w->out->len;
    (void)buf_addf(w->out, "%zu 0 obj\n", w->count);
}

static void
pdf_end(struct writer *w, const char *trailer)
{
    size_t xref = w->out->len;

    (void)buf_addf(w->out, "xref\n0 %zu\n0000000000 65535 f \n", w->count + 1);
    for (size_t i = 0; i < w->count; i++)
        (void)buf_addf(w->out, "%010zu 00000 n \n", w->at[i]);
    (void)buf_addf(w->out,
                   "trailer\n<< /Size %zu /Root 1 0 R %s>>\nstartxref\n"
                   "%zu\n%%%%EOF\n",
                   w->count + 1, trailer, xref);
    assert(!buf_is_full(w->out));
}

void
pdf_make(const char *const *object, size_t count, const char *trailer,
         struct buf *out)
{
    struct writer w = {.out = out};

    (void)buf_add_text(out, "%PDF-1.5\n");
    for (size_t i = 0; i < count; i++) {
        object_begin(&w);
        (void)buf_addf(out, "%s\nendobj\n", object[i]);
    }
    pdf_end(&w, trailer);
}

void
picture_pdf(PIX *pix, int dpi, int count, struct buf *out)
{
    struct writer w = {.out = out};
    struct buf jpeg = BUF_INIT(64 * 1024 * 1024);
    int width = pixGetWidth(pix);
    int height = pixGetHeight(pix);
    double wide = width * 72.0 / dpi;
    double high = height * 72.0 / dpi;
    char content[128];
    int len = snprintf(content, sizeof content,
                       "q %.2f 0 0 %.2f 0 0 cm /I Do Q", wide, high);

    picture_jpeg(pix, 80, &jpeg);
    (void)buf_add_text(out, "%PDF-1.4\n");
    object_begin(&w);
    (void)buf_add_text(out, "<< /Type /Catalog /Pages 2 0 R >>\nendobj\n");
    object_begin(&w);
    (void)buf_add_text(out, "<< /Type /Pages /Kids [");
    for (int i = 0; i < count; i++)
        (void)buf_addf(out, "%d 0 R ", 5 + i);
    (void)buf_addf(out, "] /Count %d >>\nendobj\n", count);
    object_begin(&w);
    (void)buf_addf(out,
                   "<< /Type /XObject /Subtype /Image /Width %d /Height %d "
                   "/ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter "
                   "/DCTDecode /Length %zu >>\nstream\n",
                   width, height, jpeg.len);
    (void)buf_add(out, jpeg.data, jpeg.len);
    (void)buf_add_text(out, "\nendstream\nendobj\n");
    object_begin(&w);
    (void)buf_addf(out, "<< /Length %d >>\nstream\n%s\nendstream\nendobj\n",
                   len, content);
    for (int i = 0; i < count; i++) {
        object_begin(&w);
        (void)buf_addf(out,
                       "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %.2f "
                       "%.2f] /Resources << /XObject << /I 3 0 R >> >> "
                       "/Contents 4 0 R >>\nendobj\n",
                       wide, high);
    }
    pdf_end(&w, "");
    buf_clear(&jpeg);
}
