/*
 * Text on forms, set by pango in one font. No other font steps in for what it
 * lacks: that would be another one on another machine.
 */
#ifndef RA_FORM_TEXT_H
#define RA_FORM_TEXT_H

#include "ra/definition.h"

#define FORM_MM (72 / 25.4) /* in points */
#define FORM_INK 0.10       /* 0 black to 1 white */
#define FORM_GREY 0.42
#define FORM_LABEL_SIZE 9 /* points */
#define FORM_SMALL_SIZE 6.6

enum form_align { FORM_LEFT, FORM_CENTRE, FORM_RIGHT };

struct form_style {
    double size; /* points */
    bool is_bold;
    double grey;
    enum form_align align;
};
extern const struct form_style form_value, form_label, form_small;

struct _cairo; /* cairo_t: who calls includes cairo.h */
struct form_text;

/* Writes on this drawing, which is borrowed. ERROR_INTERNAL when the font is
 * not there. */
bool form_text_new(struct _cairo *cairo, struct form_text **out,
                   struct error *err) MUST_CHECK;
void form_text_free(struct form_text *text); /* NULL is nothing */

/* Lengths are points; `width` breaks lines, 0 breaks none. Drawing gives the
 * height. */
double form_text_height(struct form_text *text, const struct form_style *style,
                        const char *words, double width);
double form_text_width(struct form_text *text, const struct form_style *style,
                       const char *words);
double form_text_draw(struct form_text *text, const struct form_style *style,
                      const char *words, double x, double y, double width);

/* 中文 with English small beneath. */
double form_pair_height(struct form_text *text, const struct form_style *style,
                        const struct definition_text *words, double width);
double form_pair_draw(struct form_text *text, const struct form_style *style,
                      const struct definition_text *words, double x, double y,
                      double width);

/* The first words, cut short, that had a character which the font lacks; NULL
 * if there were none. Borrowed. */
const char *form_text_missing(const struct form_text *text);

#endif
