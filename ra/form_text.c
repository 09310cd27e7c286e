/* Text on forms, set by pango; see ra/form_text.h. */
#include "ra/form_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pango/pangocairo.h>

#include "base/buf.h"

#define FONT "Noto Sans CJK SC"
/* The same letters in another face of the same file. In one face with Chinese
 * characters cairo 1.16 at times gives up on a subset of the font's
 * subroutines, and the PDF has 1 MB instead of 0.2; apart it never did. */
#define FONT_ASCII "Noto Sans CJK JP"

enum { MISSING_MAX = 63 };

const struct form_style form_value = {10, false, FORM_INK, FORM_LEFT};
const struct form_style form_label = {FORM_LABEL_SIZE, false, FORM_INK,
                                      FORM_LEFT};
const struct form_style form_small = {FORM_SMALL_SIZE, false, FORM_GREY,
                                      FORM_LEFT};

struct form_text {
    cairo_t *cairo;      /* borrowed */
    PangoFontMap *fonts; /* its own: the default lives as long as a thread */
    PangoContext *context;
    char missing[MISSING_MAX + 1];
};

/* ---- Start and end ------------------------------------------------------- */

static bool
font_is_there(PangoContext *context)
{
    PangoFontDescription *wanted = pango_font_description_from_string(FONT);
    PangoFont *font = pango_context_load_font(context, wanted);
    PangoFontDescription *found =
        font == NULL ? NULL : pango_font_describe(font);
    bool is_there = found != NULL &&
                    strcmp(pango_font_description_get_family(found), FONT) == 0;

    if (found != NULL)
        pango_font_description_free(found);
    if (font != NULL)
        g_object_unref(font);
    pango_font_description_free(wanted);
    return is_there;
}

bool
form_text_new(cairo_t *cairo, struct form_text **out, struct error *err)
{
    struct form_text *text = base_alloc(sizeof *text);
    cairo_font_options_t *options = cairo_font_options_create();

    text->cairo = cairo;
    text->fonts = pango_cairo_font_map_new();
    text->context = pango_font_map_create_context(text->fonts);
    pango_cairo_update_context(cairo, text->context);
    /* Nothing is rounded to a screen that is not there. */
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(text->context, options);
    pango_cairo_context_set_resolution(text->context, 72);
    pango_context_set_round_glyph_positions(text->context, FALSE);
    pango_context_set_language(text->context,
                               pango_language_from_string("zh-cn"));
    pango_context_set_base_dir(text->context, PANGO_DIRECTION_LTR);
    cairo_font_options_destroy(options);
    if (!font_is_there(text->context)) {
        form_text_free(text);
        return error_set(err, ERROR_INTERNAL,
                         "the font " FONT
                         " is not there: install fonts-noto-cjk");
    }
    *out = text;
    return true;
}

void
form_text_free(struct form_text *text)
{
    if (text == NULL)
        return;
    g_object_unref(text->context);
    g_object_unref(text->fonts);
    free(text);
}

const char *
form_text_missing(const struct form_text *text)
{
    return text->missing[0] == '\0' ? NULL : text->missing;
}

/* ---- Setting ------------------------------------------------------------- */

static void
ascii_set(PangoAttrList *list, const char *words)
{
    guint at = 0, end;

    while (words[at] != '\0') {
        bool is_ascii = (unsigned char)words[at] < 0x80;
        PangoAttribute *family;

        end = at;
        while (words[end] != '\0' &&
               ((unsigned char)words[end] < 0x80) == is_ascii)
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

/* Cut between characters. */
static void
missing_keep(struct form_text *text, const char *words)
{
    size_t len = strnlen(words, MISSING_MAX + 1);

    if (len > MISSING_MAX) {
        len = MISSING_MAX;
        while (len > 0 && ((unsigned char)words[len] & 0xC0) == 0x80)
            len--;
    }
    memcpy(text->missing, words, len);
    text->missing[len] = '\0';
}

static PangoAlignment
alignment(enum form_align align)
{
    switch (align) {
    case FORM_CENTRE:
        return PANGO_ALIGN_CENTER;
    case FORM_RIGHT:
        return PANGO_ALIGN_RIGHT;
    case FORM_LEFT:
        break;
    }
    return PANGO_ALIGN_LEFT;
}

static PangoLayout *
layout_new(struct form_text *text, const struct form_style *style,
           const char *words, double width)
{
    PangoLayout *layout = pango_layout_new(text->context);
    PangoFontDescription *font = pango_font_description_new();
    PangoAttrList *list = pango_attr_list_new();

    pango_font_description_set_family_static(font, FONT);
    pango_font_description_set_absolute_size(font, style->size * PANGO_SCALE);
    pango_font_description_set_weight(
        font, style->is_bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_layout_set_font_description(layout, font);
    pango_attr_list_insert(list, pango_attr_fallback_new(FALSE));
    pango_attr_list_insert(
        list, pango_attr_language_new(pango_language_from_string("zh-cn")));
    ascii_set(list, words);
    pango_layout_set_attributes(layout, list);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_alignment(layout, alignment(style->align));
    if (width > 0)
        pango_layout_set_width(layout, (int)(width * PANGO_SCALE));
    pango_layout_set_text(layout, words, -1);
    if (text->missing[0] == '\0' &&
        pango_layout_get_unknown_glyphs_count(layout) > 0)
        missing_keep(text, words);
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

double
form_text_height(struct form_text *text, const struct form_style *style,
                 const char *words, double width)
{
    PangoLayout *layout = layout_new(text, style, words, width);
    double height = layout_height(layout);

    g_object_unref(layout);
    return height;
}

double
form_text_width(struct form_text *text, const struct form_style *style,
                const char *words)
{
    PangoLayout *layout = layout_new(text, style, words, 0);
    int width;

    pango_layout_get_size(layout, &width, NULL);
    g_object_unref(layout);
    return (double)width / PANGO_SCALE;
}

double
form_text_draw(struct form_text *text, const struct form_style *style,
               const char *words, double x, double y, double width)
{
    PangoLayout *layout = layout_new(text, style, words, width);
    double height = layout_height(layout);

    cairo_set_source_rgb(text->cairo, style->grey, style->grey, style->grey);
    cairo_move_to(text->cairo, x, y);
    pango_cairo_show_layout(text->cairo, layout);
    g_object_unref(layout);
    return height;
}

double
form_pair_height(struct form_text *text, const struct form_style *style,
                 const struct definition_text *words, double width)
{
    return form_text_height(text, style, words->in[0], width) +
           form_text_height(text, &form_small, words->in[1], width);
}

double
form_pair_draw(struct form_text *text, const struct form_style *style,
               const struct definition_text *words, double x, double y,
               double width)
{
    struct form_style small = form_small;
    double height = form_text_draw(text, style, words->in[0], x, y, width);

    small.align = style->align;
    return height +
           form_text_draw(text, &small, words->in[1], x, y + height, width);
}
