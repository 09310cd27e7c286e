/* What applicants and officers type: fields of every type, the search box, a
 * calendar. What is taken is text, and judged again it stays what it is. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ra/calendar.h"
#include "ra/field.h"
#include "ra/search.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
judge(const struct definition_field *field, const char *id_type,
      const char *text)
{
    struct buf once = BUF_INIT(FIELD_VALUE_MAX);
    struct buf twice = BUF_INIT(FIELD_VALUE_MAX);
    json_t *value = json_string(text);
    json_t *again = NULL;
    struct error err = {0};
    size_t count;

    if (value != NULL && field_judge(field, id_type, value, &once, &err)) {
        assert(text_utf8(buf_text(&once), once.len, &count));
        again = json_string(buf_text(&once));
        assert(again != NULL);
        assert(field_judge(field, id_type, again, &twice, &err));
        assert(strcmp(buf_text(&once), buf_text(&twice)) == 0);
    } else if (value != NULL) {
        assert(err.code == ERROR_INPUT && strstr(err.what, " / ") != NULL);
    }
    json_decref(value);
    json_decref(again);
    buf_clear(&once);
    buf_clear(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct definition_choice choice = {"a", {{"a", "a"}}};
    char *text = malloc(len + 1);
    struct search search;
    struct error err = {0};
    size_t count;

    if (text == NULL)
        return 0;
    memcpy(text, data, len);
    text[len] = '\0';
    for (int type = FIELD_TEXT; type <= FIELD_SEALS; type++) {
        const struct definition_field field = {.type =
                                                   (enum definition_type)type,
                                               .max = 40,
                                               .choice = &choice,
                                               .choice_count = 1};

        judge(&field, NULL, text);
        judge(&field, "passport", text);
    }
    if (!search_parse(text, &search, &err))
        assert(err.code == ERROR_INPUT);
    if (!calendar_parse(text, len, NULL, NULL, &count, &err))
        assert(err.code == ERROR_INPUT);
    free(text);
    return 0;
}
