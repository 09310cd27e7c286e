/* Scans judged: ra/document_check.h. */
#include "ra/document_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

enum {
    DPI_MIN = 140,     /* below, print of 6 points is hard to read */
    SKEW_MAX = 200,    /* hundredths of a degree */
    BOOKLET_PAGES = 3, /* of a slot's pages_max: every page is stamped */
};

void
document_subject(const char *slot, char out[FINDING_SUBJECT_MAX + 1])
{
    (void)snprintf(out, FINDING_SUBJECT_MAX + 1, "document:%s", slot);
}

typedef bool judge(const struct scan_page *page);

static bool
is_coarse(const struct scan_page *page)
{
    return page->dpi > 0 && page->dpi < DPI_MIN;
}

static bool
is_grey(const struct scan_page *page)
{
    return !page->is_colour && !page->is_blank;
}

static bool
is_askew(const struct scan_page *page)
{
    return abs(page->skew_centidegrees) > SKEW_MAX;
}

static bool
is_blank(const struct scan_page *page)
{
    return page->is_blank;
}

static bool
is_unsealed(const struct scan_page *page)
{
    return !page->has_red_seal && !page->is_blank;
}

/* {"pages": [...]} of those judged so, or NULL. `first` gets the first. */
static json_t *
pages_that(const struct scan *scan, judge *is_so, int *first)
{
    json_t *pages = json_array();
    json_t *detail = NULL;

    for (int i = 0; i < scan->page_count; i++)
        if (is_so(&scan->page[i])) {
            if (json_array_size(pages) == 0 && first != NULL)
                *first = i;
            json_array_append_new(pages, json_integer(i + 1));
        }
    if (json_array_size(pages) > 0) {
        detail = json_object();
        json_object_set(detail, "pages", pages);
    }
    json_decref(pages);
    return detail;
}

static void
check_count(const struct document_check *check, const char *subject,
            struct findings *out)
{
    int count = check->scan->page_count;
    bool is_right =
        count >= check->slot->pages_min &&
        (check->slot->pages_max == 0 || count <= check->slot->pages_max);
    json_t *detail = json_object();

    json_set_int(detail, "count", count);
    if (!is_right) {
        json_set_int(detail, "min", check->slot->pages_min);
        json_set_int(detail, "max", check->slot->pages_max);
    }
    finding_add(out, subject, "page-count",
                is_right ? FINDING_OK : FINDING_WARNING, detail);
}

static void
check_quality(const struct document_check *check, const char *subject,
              struct findings *out)
{
    const struct scan *scan = check->scan;
    json_t *detail;
    char degrees[16];
    int first = 0;

    if ((detail = pages_that(scan, is_coarse, &first)) != NULL) {
        json_set_int(detail, "dpi", scan->page[first].dpi);
        finding_add(out, subject, "low-resolution", FINDING_NOTE, detail);
    }
    if ((detail = pages_that(scan, is_askew, &first)) != NULL) {
        (void)snprintf(degrees, sizeof degrees, "%.1f",
                       scan->page[first].skew_centidegrees / 100.0);
        json_set_text(detail, "degrees", degrees);
        finding_add(out, subject, "skew", FINDING_NOTE, detail);
    }
    if ((detail = pages_that(scan, is_blank, NULL)) != NULL)
        finding_add(out, subject, "blank-page", FINDING_WARNING, detail);
    if (check->slot->wants_colour &&
        (detail = pages_that(scan, is_grey, NULL)) != NULL)
        finding_add(out, subject, "not-colour", FINDING_WARNING, detail);
}

/* Every page of a booklet is stamped (domain.md, 1.3: law firms); elsewhere one
 * seal will do. */
static void
check_seal(const struct document_check *check, const char *subject,
           struct findings *out)
{
    json_t *detail;
    size_t missing;

    if (!check->slot->wants_red_seal)
        return;
    detail = pages_that(check->scan, is_unsealed, NULL);
    missing = json_array_size(json_object_get(detail, "pages"));
    for (int i = 0; i < check->scan->page_count; i++)
        missing += check->scan->page[i].is_blank;
    if (missing == (size_t)check->scan->page_count) {
        finding_add(out, subject, "red-seal", FINDING_WARNING, NULL);
    } else if (detail != NULL && check->slot->pages_max >= BOOKLET_PAGES) {
        finding_add(out, subject, "red-seal", FINDING_NOTE, detail);
        detail = NULL;
    } else {
        finding_add(out, subject, "red-seal", FINDING_OK, NULL);
    }
    json_decref(detail);
}

static json_t *
code_detail(const struct form_code *code)
{
    json_t *detail = json_object();

    json_set_text(detail, "number", code->number);
    json_set_int(detail, "revision", code->revision);
    json_set_text(detail, "kind", code->kind);
    return detail;
}

static bool
is_same(const struct form_code *a, const struct form_code *b)
{
    return a->is_ours && b->is_ours && strcmp(a->number, b->number) == 0 &&
           a->revision == b->revision && strcmp(a->kind, b->kind) == 0 &&
           strcmp(a->fields_hash, b->fields_hash) == 0;
}

/* One right code is enough, wherever it stands: a form has two. One wrong one
 * beside it is another form in the same scan, and so is wrong. */
static void
check_code(const struct document_check *check, const char *subject,
           struct findings *out, const char **form_state)
{
    const struct scan *scan = check->scan;
    struct form_code expected, seen, other;
    bool has_current = false, has_other = false, has_forged = false;

    if (!form_code_read(check->vault, check->expected_code, &expected))
        return;
    for (int i = 0; i < scan->code_count; i++) {
        if (!form_code_read(check->vault, scan->code[i], &seen) ||
            !seen.is_ours) {
            has_forged = true;
        } else if (is_same(&seen, &expected)) {
            has_current = true;
        } else {
            other = seen;
            has_other = true;
        }
    }
    *form_state = has_other || has_forged ? "other"
                  : has_current           ? "current"
                                          : "unread";
    if (has_forged)
        finding_add(out, subject, "form-code-forged", FINDING_WARNING, NULL);
    if (has_other)
        finding_add(out, subject, "form-code", FINDING_WARNING,
                    code_detail(&other));
    else if (has_current)
        finding_add(out, subject, "form-code", FINDING_OK,
                    code_detail(&expected));
    else if (!has_forged)
        finding_add(out, subject, "form-code", FINDING_NOTE, NULL);
}

void
document_check(const struct document_check *check, struct findings *out,
               const char **form_state)
{
    char subject[FINDING_SUBJECT_MAX + 1];

    document_subject(check->slot->name, subject);
    *form_state = "none";
    check_count(check, subject, out);
    check_quality(check, subject, out);
    check_seal(check, subject, out);
    if (check->expected_code != NULL)
        check_code(check, subject, out, form_state);
}
