/* Sheets of forms, drawn by cairo; see ra/form_page.h. */
#include "ra/form_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cairo-pdf.h>
#include <qrencode.h>

#include "ra/form_text.h"

#define SHEET_WIDTH (210 * FORM_MM)
#define SHEET_HEIGHT (297 * FORM_MM)
#define MARGIN (18 * FORM_MM)
#define TOP (12 * FORM_MM)
#define WIDTH (SHEET_WIDTH - 2 * MARGIN)
#define CODE_SIZE (22 * FORM_MM)
/* Codes stand in the left corners: seals go to the right, also those across
 * the edges of several sheets (骑缝章), and a red seal over a code makes it
 * unreadable (feasibility.md, D5). */
#define BODY_TOP (TOP + CODE_SIZE + 5 * FORM_MM)
#define FOOT_TOP (SHEET_HEIGHT - TOP - CODE_SIZE)
#define BODY_END (FOOT_TOP - 4 * FORM_MM)

#define LABEL_WIDTH (32 * FORM_MM)
#define PADDING (1.8 * FORM_MM)
#define ROW_MIN (8.6 * FORM_MM)
#define SECTION_HEIGHT (6.6 * FORM_MM)
/* Seals of companies are at most 45 mm wide (国发〔1999〕25号). Two pairs of
 * boxes fit on one sheet. */
#define SEAL_BOX (50 * FORM_MM)
#define SIGNATURE_HEIGHT (46 * FORM_MM)

#define TITLE_SIZE 19
#define NOTE_SIZE 7.8

#define LINE 0.55
#define SHADE 0.955

struct form_page {
    const struct form_heading *heading;
    int total, number;
    double y;
    cairo_surface_t *surface;
    cairo_t *cairo;
    struct form_text *text;
    QRcode *code;
    struct buf *pdf;
};

/* ---- Lines and codes ----------------------------------------------------- */

static void
frame(struct form_page *page, double x, double y, double width, double height)
{
    cairo_set_source_rgb(page->cairo, LINE, LINE, LINE);
    cairo_set_line_width(page->cairo, 0.6);
    cairo_rectangle(page->cairo, x, y, width, height);
    cairo_stroke(page->cairo);
}

static void
shade(struct form_page *page, double x, double y, double width, double height)
{
    cairo_set_source_rgb(page->cairo, SHADE, SHADE, SHADE);
    cairo_rectangle(page->cairo, x, y, width, height);
    cairo_fill(page->cairo);
}

static void
dashed(struct form_page *page, double x, double y, double width, double height)
{
    static const double dash[] = {2.5, 2.5};

    cairo_set_dash(page->cairo, dash, 2, 0);
    frame(page, x, y, width, height);
    cairo_set_dash(page->cairo, NULL, 0, 0);
}

static void
code_draw(struct form_page *page, double x, double y)
{
    int width = page->code->width;
    double module = CODE_SIZE / width;

    cairo_set_source_rgb(page->cairo, 0, 0, 0);
    for (int row = 0; row < width; row++) {
        for (int column = 0; column < width; column++) {
            if ((page->code->data[row * width + column] & 1) != 0)
                cairo_rectangle(page->cairo, x + column * module,
                                y + row * module, module, module);
        }
    }
    cairo_fill(page->cairo); /* one path: no hair lines between modules */
}

/* ---- Sheets -------------------------------------------------------------- */

/* The day in China, which has no daylight saving. */
static void
day_format(int64_t at, char out[32])
{
    time_t local = (time_t)(at + 8 * 3600);
    struct tm tm;

    (void)gmtime_r(&local, &tm);
    (void)snprintf(out, 32, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1,
                   tm.tm_mday);
}

static void
fact_draw(struct form_page *page, double y, const char *zh, const char *en,
          const char *value)
{
    const double width = 44 * FORM_MM;
    const double x = SHEET_WIDTH - MARGIN - width;
    const struct form_style bold = {9, true, FORM_INK, FORM_RIGHT};
    struct form_style small = form_small;
    char label[64];

    small.align = FORM_RIGHT;
    (void)snprintf(label, sizeof label, "%s %s", zh, en);
    (void)form_text_draw(page->text, &small, label, x, y, width);
    (void)form_text_draw(page->text, &bold, value, x, y + 8.5, width);
}

static void
head_draw(struct form_page *page)
{
    const struct form_heading *heading = page->heading;
    const struct form_style title = {TITLE_SIZE, true, FORM_INK, FORM_CENTRE};
    const struct form_style english = {8.5, false, FORM_GREY, FORM_CENTRE};
    const double side = 44 * FORM_MM;
    char revision[32], day[32];
    double y = TOP + 4.5 * FORM_MM;

    (void)snprintf(revision, sizeof revision, "%d", heading->revision);
    day_format(heading->at, day);
    code_draw(page, MARGIN, TOP);
    y += form_text_draw(page->text, &title, heading->title.in[0], side, y,
                        SHEET_WIDTH - 2 * side);
    (void)form_text_draw(page->text, &english, heading->title.in[1], side, y,
                         SHEET_WIDTH - 2 * side);
    fact_draw(page, TOP - 1, "业务单号", "Case", heading->number);
    fact_draw(page, TOP + 7.2 * FORM_MM, "提交日期", "Submitted", day);
    fact_draw(page, TOP + 14.8 * FORM_MM, "版本", "Revision", revision);
}

static void
foot_draw(struct form_page *page)
{
    const struct form_style centre = {8, false, FORM_GREY, FORM_CENTRE};
    const struct form_style small = {FORM_SMALL_SIZE, false, FORM_GREY,
                                     FORM_LEFT};
    const double x = MARGIN + CODE_SIZE + 4 * FORM_MM;
    const double end = FOOT_TOP + CODE_SIZE;
    char text[160];

    code_draw(page, MARGIN, FOOT_TOP);
    (void)form_text_draw(
        page->text, &small,
        "请勿遮挡二维码，请勿在其上盖章。本表由系统生成，涂改无效。", x,
        end - 31, SHEET_WIDTH - MARGIN - x);
    (void)form_text_draw(
        page->text, &small,
        "Keep both codes free of seals and writing. Made by the "
        "system; void if altered.",
        x, end - 21.5, SHEET_WIDTH - MARGIN - x);
    (void)form_text_draw(page->text, &small, page->heading->code, x, end - 10,
                         SHEET_WIDTH - MARGIN - x);
    if (page->total > 0)
        (void)snprintf(text, sizeof text, "第 %d 页，共 %d 页 · Page %d of %d",
                       page->number, page->total, page->number, page->total);
    else
        (void)snprintf(text, sizeof text, "%d", page->number);
    (void)form_text_draw(page->text, &centre, text, MARGIN,
                         SHEET_HEIGHT - TOP + 2, WIDTH);
}

static void
sheet_begin(struct form_page *page)
{
    page->number++;
    page->y = BODY_TOP;
    head_draw(page);
    foot_draw(page);
}

/* Room for `height` on this sheet, or a new one. */
static void
need(struct form_page *page, double height)
{
    if (page->y + height <= BODY_END || page->y <= BODY_TOP)
        return;
    cairo_show_page(page->cairo);
    sheet_begin(page);
}

/* ---- Document ------------------------------------------------------------ */

static cairo_status_t
pdf_write(void *arg, const unsigned char *data, unsigned len)
{
    return buf_add(arg, data, len) ? CAIRO_STATUS_SUCCESS
                                   : CAIRO_STATUS_WRITE_ERROR;
}

/* Pages are counted without a PDF: that costs a tenth, and cairo 1.16 loses
 * 768 octets with each subset of a font. */
static cairo_surface_t *
surface_make(int total, struct buf *pdf)
{
    const cairo_rectangle_t sheet = {0, 0, SHEET_WIDTH, SHEET_HEIGHT};

    return total == 0
               ? cairo_recording_surface_create(CAIRO_CONTENT_COLOR, &sheet)
               : cairo_pdf_surface_create_for_stream(pdf_write, pdf,
                                                     SHEET_WIDTH, SHEET_HEIGHT);
}

static void
metadata_set(struct form_page *page)
{
    time_t at = (time_t)page->heading->at;
    struct tm tm;
    char text[160];

    cairo_pdf_surface_restrict_to_version(page->surface, CAIRO_PDF_VERSION_1_5);
    (void)gmtime_r(&at, &tm);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    cairo_pdf_surface_set_metadata(page->surface,
                                   CAIRO_PDF_METADATA_CREATE_DATE, text);
    cairo_pdf_surface_set_metadata(page->surface, CAIRO_PDF_METADATA_MOD_DATE,
                                   text);
    (void)snprintf(text, sizeof text, "%s %s", page->heading->title.in[0],
                   page->heading->number);
    cairo_pdf_surface_set_metadata(page->surface, CAIRO_PDF_METADATA_TITLE,
                                   text);
    cairo_pdf_surface_set_metadata(page->surface, CAIRO_PDF_METADATA_CREATOR,
                                   "Signet");
}

static void
page_free(struct form_page *page)
{
    form_text_free(page->text);
    cairo_destroy(page->cairo);
    cairo_surface_destroy(page->surface);
    QRcode_free(page->code);
    free(page);
}

bool
form_page_begin(const struct form_heading *heading, int total, struct buf *pdf,
                struct form_page **out, struct error *err)
{
    struct form_page *page = base_alloc(sizeof *page);

    page->heading = heading;
    page->total = total;
    page->pdf = pdf;
    page->surface = surface_make(total, pdf);
    page->cairo = cairo_create(page->surface);
    page->code =
        QRcode_encodeString(heading->code, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
    if (page->code == NULL) {
        error_errno(err, ERROR_INTERNAL, "QR code");
        goto fail;
    }
    if (total > 0)
        metadata_set(page);
    if (!form_text_new(page->cairo, &page->text, err))
        goto fail;
    sheet_begin(page);
    *out = page;
    return true;
fail:
    cairo_surface_finish(page->surface);
    page_free(page);
    return false;
}

bool
form_page_end(struct form_page *page, int *pages, struct error *err)
{
    cairo_status_t status;
    bool ok = true;

    *pages = page->number;
    cairo_show_page(page->cairo);
    cairo_surface_finish(page->surface);
    status = cairo_surface_status(page->surface);
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_status(page->cairo);
    if (form_text_missing(page->text) != NULL)
        ok = error_set(err, ERROR_INPUT,
                       "the form cannot show a character of \"%s\": write it "
                       "with another one",
                       form_text_missing(page->text));
    else if (status != CAIRO_STATUS_SUCCESS || buf_is_full(page->pdf))
        ok = error_cause(err, ERROR_INTERNAL, cairo_status_to_string(status),
                         "the form was not drawn");
    else if (page->number > FORM_PAGES_MAX)
        ok = error_set(err, ERROR_INTERNAL, "the form has %d pages",
                       page->number);
    page_free(page);
    return ok;
}

/* ---- Parts of a form ----------------------------------------------------- */

void
form_page_section(struct form_page *page, const struct definition_text *title)
{
    const struct form_style zh = {9.5, true, FORM_INK, FORM_LEFT};
    double x = MARGIN + PADDING;

    need(page, SECTION_HEIGHT + 2 * ROW_MIN);
    cairo_set_source_rgb(page->cairo, 0.885, 0.905, 0.93);
    cairo_rectangle(page->cairo, MARGIN, page->y, WIDTH, SECTION_HEIGHT);
    cairo_fill(page->cairo);
    frame(page, MARGIN, page->y, WIDTH, SECTION_HEIGHT);
    (void)form_text_draw(page->text, &zh, title->in[0], x, page->y + 2.2, 0);
    (void)form_text_draw(page->text, &form_small, title->in[1],
                         x + form_text_width(page->text, &zh, title->in[0]) +
                             2 * FORM_MM,
                         page->y + 5.2, 0);
    page->y += SECTION_HEIGHT;
}

static double
value_height(struct form_page *page, const struct form_cell *cell, double width)
{
    return form_text_height(page->text, &form_value, cell->value, width) +
           (cell->english[0] == '\0' ? 0
                                     : form_text_height(page->text, &form_small,
                                                        cell->english, width));
}

static double
cell_height(struct form_page *page, const struct form_cell *cell, double width)
{
    double label = form_pair_height(page->text, &form_label, &cell->label,
                                    LABEL_WIDTH - 2 * PADDING);
    double value = value_height(page, cell, width - LABEL_WIDTH - 2 * PADDING);

    return (label > value ? label : value) + 1.6 * FORM_MM;
}

static void
cell_draw(struct form_page *page, const struct form_cell *cell, double x,
          double width, double height)
{
    const double label_width = LABEL_WIDTH - 2 * PADDING;
    const double value_width = width - LABEL_WIDTH - 2 * PADDING;
    double label =
        form_pair_height(page->text, &form_label, &cell->label, label_width);
    double value = value_height(page, cell, value_width);
    double y = page->y + (height - value) / 2;

    shade(page, x, page->y, LABEL_WIDTH, height);
    frame(page, x, page->y, LABEL_WIDTH, height);
    frame(page, x + LABEL_WIDTH, page->y, width - LABEL_WIDTH, height);
    (void)form_pair_draw(page->text, &form_label, &cell->label, x + PADDING,
                         page->y + (height - label) / 2, label_width);
    y += form_text_draw(page->text, &form_value, cell->value,
                        x + LABEL_WIDTH + PADDING, y, value_width);
    if (cell->english[0] != '\0')
        (void)form_text_draw(page->text, &form_small, cell->english,
                             x + LABEL_WIDTH + PADDING, y, value_width);
}

void
form_page_row(struct form_page *page, const struct form_cell *cell,
              size_t count)
{
    double width = WIDTH / (double)count;
    double height = ROW_MIN;

    for (size_t i = 0; i < count; i++) {
        double wanted = cell_height(page, &cell[i], width);

        height = wanted > height ? wanted : height;
    }
    need(page, height);
    for (size_t i = 0; i < count; i++)
        cell_draw(page, &cell[i], MARGIN + (double)i * width, width, height);
    page->y += height;
}

bool
form_page_is_short(struct form_page *page, const struct form_cell *cell)
{
    const double room = WIDTH / 2 - LABEL_WIDTH - 2 * PADDING;

    return form_text_width(page->text, &form_value, cell->value) <= room &&
           form_text_width(page->text, &form_small, cell->english) <= room;
}

void
form_page_statement(struct form_page *page, const struct definition_text *text)
{
    const double width = WIDTH - 2 * PADDING;
    double height =
        form_pair_height(page->text, &form_label, text, width) + 3 * FORM_MM;

    need(page, height + SIGNATURE_HEIGHT);
    frame(page, MARGIN, page->y, WIDTH, height);
    (void)form_pair_draw(page->text, &form_label, text, MARGIN + PADDING,
                         page->y + 1.5 * FORM_MM, width);
    page->y += height;
}

void
form_page_impressions(struct form_page *page,
                      const struct definition_text *caption)
{
    static const struct definition_text box[] = {
        {{"印章采集处（第一次）", "First impression"}},
        {{"印章采集处（第二次）", "Second impression"}},
    };
    const struct form_style centre = {8, false, FORM_GREY, FORM_CENTRE};
    const double strip = 9 * FORM_MM;
    const double height = SEAL_BOX + 4 * FORM_MM + strip;
    const double half = WIDTH / 2;
    double line = form_pair_height(page->text, &form_label, caption,
                                   WIDTH - 2 * PADDING) +
                  1.6 * FORM_MM;

    need(page, line + height);
    shade(page, MARGIN, page->y, WIDTH, line);
    frame(page, MARGIN, page->y, WIDTH, line);
    (void)form_pair_draw(page->text, &form_label, caption, MARGIN + PADDING,
                         page->y + 0.8 * FORM_MM, WIDTH - 2 * PADDING);
    page->y += line;
    for (int i = 0; i < 2; i++) {
        double x = MARGIN + i * half;

        frame(page, x, page->y, half, height);
        dashed(page, x + (half - SEAL_BOX) / 2, page->y + 3 * FORM_MM, SEAL_BOX,
               SEAL_BOX);
        (void)form_pair_draw(page->text, &centre, &box[i], x,
                             page->y + SEAL_BOX + 3.6 * FORM_MM, half);
    }
    page->y += height;
}

void
form_page_signature(struct form_page *page,
                    const struct definition_text *signer,
                    const struct definition_text *seal)
{
    static const struct definition_text date = {{"申请日期", "Date, by hand"}};
    static const char day[] = "　　　　年　　　月　　　日";
    const double half = WIDTH / 2;
    const double upper = SIGNATURE_HEIGHT * 0.58;
    double y;

    need(page, SIGNATURE_HEIGHT);
    y = page->y;
    frame(page, MARGIN, y, half, upper);
    frame(page, MARGIN, y + upper, half, SIGNATURE_HEIGHT - upper);
    frame(page, MARGIN + half, y, half, SIGNATURE_HEIGHT);
    (void)form_pair_draw(page->text, &form_label, signer, MARGIN + PADDING,
                         y + 1.4 * FORM_MM, half - 2 * PADDING);
    (void)form_pair_draw(page->text, &form_label, &date, MARGIN + PADDING,
                         y + upper + 1.4 * FORM_MM, half - 2 * PADDING);
    (void)form_text_draw(page->text, &form_value, day, MARGIN + 12 * FORM_MM,
                         y + SIGNATURE_HEIGHT - 7.5 * FORM_MM, half);
    (void)form_pair_draw(page->text, &form_label, seal, MARGIN + half + PADDING,
                         y + 1.4 * FORM_MM, half - 2 * PADDING);
    page->y += SIGNATURE_HEIGHT;
}

void
form_page_notes(struct form_page *page, const struct definition_text *title,
                const struct definition_text *note, size_t count)
{
    const struct form_style bold = {8.5, true, FORM_INK, FORM_LEFT};
    const struct form_style zh = {NOTE_SIZE, false, 0.25, FORM_LEFT};
    const double indent = count > 1 ? 5 * FORM_MM : 0;
    const double width = WIDTH - indent;
    char number[16] = "";

    page->y += 3 * FORM_MM;
    need(page, 20 * FORM_MM);
    page->y +=
        form_pair_draw(page->text, &bold, title, MARGIN, page->y, WIDTH) +
        1 * FORM_MM;
    for (size_t i = 0; i < count; i++) {
        double height = form_pair_height(page->text, &zh, &note[i], width);

        need(page, height);
        if (count > 1)
            (void)snprintf(number, sizeof number, "%zu.", i + 1);
        (void)form_text_draw(page->text, &zh, number, MARGIN, page->y, indent);
        page->y += form_pair_draw(page->text, &zh, &note[i], MARGIN + indent,
                                  page->y, width) +
                   0.7 * FORM_MM;
    }
}
