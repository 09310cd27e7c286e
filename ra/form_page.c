/* Drawing of forms by pango and cairo; see ra/form_page.h. */
#include "ra/form_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cairo-pdf.h>
#include <pango/pangocairo.h>
#include <qrencode.h>

#define FONT "Noto Sans CJK SC"
/* The same letters in another face of the same file. In one face with Chinese
 * characters cairo 1.16 at times gives up on a subset of the font's
 * subroutines, and the PDF has 1 MB instead of 0.15; apart it never did. */
#define FONT_ASCII "Noto Sans CJK JP"

#define MM (72 / 25.4)
#define SHEET_WIDTH (210 * MM)
#define SHEET_HEIGHT (297 * MM)
#define MARGIN (18 * MM)
#define TOP (12 * MM)
#define WIDTH (SHEET_WIDTH - 2 * MARGIN)
#define CODE_SIZE (22 * MM)
/* Codes stand in the left corners: seals go to the right, also those across
 * the edges of several sheets (骑缝章), and a red seal over a code makes it
 * unreadable (feasibility.md, D5). */
#define BODY_TOP (TOP + CODE_SIZE + 5 * MM)
#define FOOT_TOP (SHEET_HEIGHT - TOP - CODE_SIZE)
#define BODY_END (FOOT_TOP - 4 * MM)

#define LABEL_WIDTH (32 * MM)
#define PADDING (1.8 * MM)
#define ROW_MIN (8.6 * MM)
#define SECTION_HEIGHT (6.6 * MM)
/* Seals of companies are 38 to 45 mm wide (国发〔1999〕25号). Two pairs of
 * boxes fit on one sheet. */
#define SEAL_BOX (50 * MM)
#define SIGNATURE_HEIGHT (46 * MM)

#define TITLE_SIZE 19
#define VALUE_SIZE 10
#define LABEL_SIZE 9
#define SMALL_SIZE 6.6
#define NOTE_SIZE 7.8

#define INK 0.10
#define GREY 0.42
#define LINE 0.55
#define SHADE 0.955

struct form_page {
    const struct form_heading *heading;
    int total, number;
    double y;
    bool is_open; /* the frame of a table is open on this sheet */
    cairo_surface_t *surface;
    cairo_t *cairo;
    PangoFontMap
        *fonts; /* its own: the default one lives as long as a thread */
    PangoContext *context;
    QRcode *code;
    struct buf *pdf;
    char missing[64]; /* first text with a character that the font lacks */
};

/* ---- Text ---------------------------------------------------------------- */

struct style {
    double size;
    bool is_bold;
    double grey;
    PangoAlignment align;
};

static const struct style value_style = {VALUE_SIZE, false, INK,
                                         PANGO_ALIGN_LEFT};
static const struct style label_style = {LABEL_SIZE, false, INK,
                                         PANGO_ALIGN_LEFT};
static const struct style small_style = {SMALL_SIZE, false, GREY,
                                         PANGO_ALIGN_LEFT};

static void
ascii_set(PangoAttrList *list, const char *text)
{
    guint at = 0, end;

    while (text[at] != '\0') {
        bool is_ascii = (unsigned char)text[at] < 0x80;
        PangoAttribute *family;

        end = at;
        while (text[end] != '\0' &&
               ((unsigned char)text[end] < 0x80) == is_ascii)
            end++;
        if (is_ascii) {
            family = pango_attr_family_new(FONT_ASCII);
            family->start_index = at;
            family->end_index = end;
            pango_attr_list_insert(list, family);
        }
        at = end;
    }
}

static PangoLayout *
text_new(struct form_page *page, const struct style *style, const char *text,
         double width)
{
    PangoLayout *layout = pango_layout_new(page->context);
    PangoFontDescription *font = pango_font_description_new();
    PangoAttrList *list = pango_attr_list_new();

    pango_font_description_set_family_static(font, FONT);
    pango_font_description_set_absolute_size(font, style->size * PANGO_SCALE);
    pango_font_description_set_weight(
        font, style->is_bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_layout_set_font_description(layout, font);
    /* No other font steps in: it would be another one on another machine. */
    pango_attr_list_insert(list, pango_attr_fallback_new(FALSE));
    pango_attr_list_insert(
        list, pango_attr_language_new(pango_language_from_string("zh-cn")));
    ascii_set(list, text);
    pango_layout_set_attributes(layout, list);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_alignment(layout, style->align);
    if (width > 0)
        pango_layout_set_width(layout, (int)(width * PANGO_SCALE));
    pango_layout_set_text(layout, text, -1);
    if (page->missing[0] == '\0' &&
        pango_layout_get_unknown_glyphs_count(layout) > 0)
        (void)snprintf(page->missing, sizeof page->missing, "%s", text);
    pango_attr_list_unref(list);
    pango_font_description_free(font);
    return layout;
}

static double
layout_height(PangoLayout *layout)
{
    int height;

    pango_layout_get_size(layout, NULL, &height);
    return (double)height / PANGO_SCALE;
}

static double
text_height(struct form_page *page, const struct style *style, const char *text,
            double width)
{
    PangoLayout *layout = text_new(page, style, text, width);
    double height = layout_height(layout);

    g_object_unref(layout);
    return height;
}

/* On one line. */
static double
text_width(struct form_page *page, const struct style *style, const char *text)
{
    PangoLayout *layout = text_new(page, style, text, 0);
    int width;

    pango_layout_get_size(layout, &width, NULL);
    g_object_unref(layout);
    return (double)width / PANGO_SCALE;
}

/* Draws at (x, y); gives the height. */
static double
text_draw(struct form_page *page, const struct style *style, const char *text,
          double x, double y, double width)
{
    PangoLayout *layout = text_new(page, style, text, width);
    double height = layout_height(layout);

    cairo_set_source_rgb(page->cairo, style->grey, style->grey, style->grey);
    cairo_move_to(page->cairo, x, y);
    pango_cairo_show_layout(page->cairo, layout);
    g_object_unref(layout);
    return height;
}

/* 中文 with English small beneath. */
static double
pair_height(struct form_page *page, const struct style *style,
            const struct definition_text *text, double width)
{
    return text_height(page, style, text->in[0], width) +
           text_height(page, &small_style, text->in[1], width);
}

static double
pair_draw(struct form_page *page, const struct style *style,
          const struct definition_text *text, double x, double y, double width)
{
    struct style small = small_style;
    double height = text_draw(page, style, text->in[0], x, y, width);

    small.align = style->align;
    return height + text_draw(page, &small, text->in[1], x, y + height, width);
}

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
    const double width = 44 * MM;
    const double x = SHEET_WIDTH - MARGIN - width;
    const struct style bold = {9, true, INK, PANGO_ALIGN_RIGHT};
    struct style small = small_style;
    char label[64];

    small.align = PANGO_ALIGN_RIGHT;
    (void)snprintf(label, sizeof label, "%s %s", zh, en);
    (void)text_draw(page, &small, label, x, y, width);
    (void)text_draw(page, &bold, value, x, y + 8.5, width);
}

static void
head_draw(struct form_page *page)
{
    const struct form_heading *heading = page->heading;
    const struct style title = {TITLE_SIZE, true, INK, PANGO_ALIGN_CENTER};
    const struct style english = {8.5, false, GREY, PANGO_ALIGN_CENTER};
    const double side = 44 * MM;
    char revision[32], day[32];
    double y = TOP + 4.5 * MM;

    (void)snprintf(revision, sizeof revision, "%d", heading->revision);
    day_format(heading->at, day);
    code_draw(page, MARGIN, TOP);
    y += text_draw(page, &title, heading->title.in[0], side, y,
                   SHEET_WIDTH - 2 * side);
    (void)text_draw(page, &english, heading->title.in[1], side, y,
                    SHEET_WIDTH - 2 * side);
    fact_draw(page, TOP - 1, "业务单号", "Case", heading->number);
    fact_draw(page, TOP + 7.2 * MM, "提交日期", "Submitted", day);
    fact_draw(page, TOP + 14.8 * MM, "版本", "Revision", revision);
}

static void
foot_draw(struct form_page *page)
{
    const struct style centre = {8, false, GREY, PANGO_ALIGN_CENTER};
    const struct style small = {SMALL_SIZE, false, GREY, PANGO_ALIGN_LEFT};
    const double x = MARGIN + CODE_SIZE + 4 * MM;
    const double end = FOOT_TOP + CODE_SIZE;
    char text[160];

    code_draw(page, MARGIN, FOOT_TOP);
    (void)text_draw(
        page, &small,
        "请勿遮挡二维码，请勿在其上盖章。本表由系统生成，涂改无效。", x,
        end - 31, SHEET_WIDTH - MARGIN - x);
    (void)text_draw(page, &small,
                    "Keep both codes free of seals and writing. Made by the "
                    "system; void if altered.",
                    x, end - 21.5, SHEET_WIDTH - MARGIN - x);
    (void)text_draw(page, &small, page->heading->code, x, end - 10,
                    SHEET_WIDTH - MARGIN - x);
    if (page->total > 0)
        (void)snprintf(text, sizeof text, "第 %d 页，共 %d 页 · Page %d of %d",
                       page->number, page->total, page->number, page->total);
    else
        (void)snprintf(text, sizeof text, "%d", page->number);
    (void)text_draw(page, &centre, text, MARGIN, SHEET_HEIGHT - TOP + 2, WIDTH);
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

static bool
context_make(struct form_page *page, struct error *err)
{
    PangoFontDescription *wanted = pango_font_description_from_string(FONT);
    PangoFont *font;
    PangoFontDescription *found = NULL;
    cairo_font_options_t *options = cairo_font_options_create();
    bool ok;

    page->fonts = pango_cairo_font_map_new_for_font_type(CAIRO_FONT_TYPE_FT);
    page->context = pango_font_map_create_context(page->fonts);
    pango_cairo_update_context(page->cairo, page->context);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(page->context, options);
    pango_cairo_context_set_resolution(page->context, 72);
    pango_context_set_round_glyph_positions(page->context, FALSE);
    pango_context_set_language(page->context,
                               pango_language_from_string("zh-cn"));
    pango_context_set_base_dir(page->context, PANGO_DIRECTION_LTR);
    font = pango_context_load_font(page->context, wanted);
    if (font != NULL)
        found = pango_font_describe(font);
    ok = found != NULL &&
         strcmp(pango_font_description_get_family(found), FONT) == 0;
    if (!ok)
        error_set(err, ERROR_INTERNAL,
                  "the font " FONT " is not there: install fonts-noto-cjk");
    if (found != NULL)
        pango_font_description_free(found);
    if (font != NULL)
        g_object_unref(font);
    pango_font_description_free(wanted);
    cairo_font_options_destroy(options);
    return ok;
}

static void
page_free(struct form_page *page)
{
    if (page->context != NULL)
        g_object_unref(page->context);
    if (page->fonts != NULL)
        g_object_unref(page->fonts);
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
    if (!context_make(page, err))
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
    if (page->missing[0] != '\0')
        ok = error_set(err, ERROR_INPUT,
                       "the form cannot show a character of \"%s\": write it "
                       "with another one",
                       page->missing);
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
    const struct style zh = {9.5, true, INK, PANGO_ALIGN_LEFT};
    double x = MARGIN + PADDING;

    need(page, SECTION_HEIGHT + 2 * ROW_MIN);
    cairo_set_source_rgb(page->cairo, 0.885, 0.905, 0.93);
    cairo_rectangle(page->cairo, MARGIN, page->y, WIDTH, SECTION_HEIGHT);
    cairo_fill(page->cairo);
    frame(page, MARGIN, page->y, WIDTH, SECTION_HEIGHT);
    (void)text_draw(page, &zh, title->in[0], x, page->y + 2.2, 0);
    (void)text_draw(page, &small_style, title->in[1],
                    x + text_width(page, &zh, title->in[0]) + 2 * MM,
                    page->y + 5.2, 0);
    page->y += SECTION_HEIGHT;
}

static double
value_height(struct form_page *page, const struct form_cell *cell, double width)
{
    return text_height(page, &value_style, cell->value, width) +
           (cell->english[0] == '\0'
                ? 0
                : text_height(page, &small_style, cell->english, width));
}

static double
cell_height(struct form_page *page, const struct form_cell *cell, double width)
{
    double label = pair_height(page, &label_style, &cell->label,
                               LABEL_WIDTH - 2 * PADDING);
    double value = value_height(page, cell, width - LABEL_WIDTH - 2 * PADDING);

    return (label > value ? label : value) + 1.6 * MM;
}

static void
cell_draw(struct form_page *page, const struct form_cell *cell, double x,
          double width, double height)
{
    const double label_width = LABEL_WIDTH - 2 * PADDING;
    const double value_width = width - LABEL_WIDTH - 2 * PADDING;
    double label = pair_height(page, &label_style, &cell->label, label_width);
    double value = value_height(page, cell, value_width);
    double y = page->y + (height - value) / 2;

    shade(page, x, page->y, LABEL_WIDTH, height);
    frame(page, x, page->y, LABEL_WIDTH, height);
    frame(page, x + LABEL_WIDTH, page->y, width - LABEL_WIDTH, height);
    (void)pair_draw(page, &label_style, &cell->label, x + PADDING,
                    page->y + (height - label) / 2, label_width);
    y += text_draw(page, &value_style, cell->value, x + LABEL_WIDTH + PADDING,
                   y, value_width);
    if (cell->english[0] != '\0')
        (void)text_draw(page, &small_style, cell->english,
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

    return text_width(page, &value_style, cell->value) <= room &&
           text_width(page, &small_style, cell->english) <= room;
}

void
form_page_statement(struct form_page *page, const struct definition_text *text)
{
    const double width = WIDTH - 2 * PADDING;
    double height = pair_height(page, &label_style, text, width) + 3 * MM;

    need(page, height + SIGNATURE_HEIGHT);
    frame(page, MARGIN, page->y, WIDTH, height);
    (void)pair_draw(page, &label_style, text, MARGIN + PADDING,
                    page->y + 1.5 * MM, width);
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
    const struct style centre = {8, false, GREY, PANGO_ALIGN_CENTER};
    const double strip = 9 * MM;
    const double height = SEAL_BOX + 4 * MM + strip;
    const double half = WIDTH / 2;
    double line =
        pair_height(page, &label_style, caption, WIDTH - 2 * PADDING) +
        1.6 * MM;

    need(page, line + height);
    shade(page, MARGIN, page->y, WIDTH, line);
    frame(page, MARGIN, page->y, WIDTH, line);
    (void)pair_draw(page, &label_style, caption, MARGIN + PADDING,
                    page->y + 0.8 * MM, WIDTH - 2 * PADDING);
    page->y += line;
    for (int i = 0; i < 2; i++) {
        double x = MARGIN + i * half;

        frame(page, x, page->y, half, height);
        dashed(page, x + (half - SEAL_BOX) / 2, page->y + 3 * MM, SEAL_BOX,
               SEAL_BOX);
        (void)pair_draw(page, &centre, &box[i], x,
                        page->y + SEAL_BOX + 3.6 * MM, half);
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
    (void)pair_draw(page, &label_style, signer, MARGIN + PADDING, y + 1.4 * MM,
                    half - 2 * PADDING);
    (void)pair_draw(page, &label_style, &date, MARGIN + PADDING,
                    y + upper + 1.4 * MM, half - 2 * PADDING);
    (void)text_draw(page, &value_style, day, MARGIN + 12 * MM,
                    y + SIGNATURE_HEIGHT - 7.5 * MM, half);
    (void)pair_draw(page, &label_style, seal, MARGIN + half + PADDING,
                    y + 1.4 * MM, half - 2 * PADDING);
    page->y += SIGNATURE_HEIGHT;
}

void
form_page_notes(struct form_page *page, const struct definition_text *title,
                const struct definition_text *note, size_t count)
{
    const struct style bold = {8.5, true, INK, PANGO_ALIGN_LEFT};
    const struct style zh = {NOTE_SIZE, false, 0.25, PANGO_ALIGN_LEFT};
    const double indent = count > 1 ? 5 * MM : 0;
    const double width = WIDTH - indent;
    char number[16] = "";

    page->y += 3 * MM;
    need(page, 20 * MM);
    page->y += pair_draw(page, &bold, title, MARGIN, page->y, WIDTH) + 1 * MM;
    for (size_t i = 0; i < count; i++) {
        double height = pair_height(page, &zh, &note[i], width);

        need(page, height);
        if (count > 1)
            (void)snprintf(number, sizeof number, "%zu.", i + 1);
        (void)text_draw(page, &zh, number, MARGIN, page->y, indent);
        page->y +=
            pair_draw(page, &zh, &note[i], MARGIN + indent, page->y, width) +
            0.7 * MM;
    }
}
