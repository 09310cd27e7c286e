/* The table of settings for people: signet.conf(5) and its example. */
#include <string.h>

#include "base/config.h"

enum { COMMENT_COLUMNS = 78 };

/* "number from 1 to 64", for people. */
static void
add_kind(struct buf *out, const struct config_setting *setting)
{
    const char *p;

    switch (setting->type) {
    case CONFIG_TEXT:
        (void)buf_addf(out, "text of at most %lld octets",
                       (long long)setting->max);
        break;
    case CONFIG_PATH:
        (void)buf_add_text(out, "path, from the folder of this file");
        break;
    case CONFIG_INT:
        (void)buf_addf(out, "number from %lld to %lld", (long long)setting->min,
                       (long long)setting->max);
        break;
    case CONFIG_BOOL:
        (void)buf_add_text(out, "yes or no");
        break;
    case CONFIG_CHOICE:
        for (p = setting->otherwise; *p != '\0'; p++) {
            if (*p == '|')
                (void)buf_add_text(out, strchr(p + 1, '|') ? ", " : " or ");
            else
                (void)buf_add_byte(out, (uint8_t)*p);
        }
        break;
    }
}

static void
add_default(struct buf *out, const struct config_setting *setting)
{
    if (setting->type == CONFIG_CHOICE)
        (void)buf_add(out, setting->otherwise,
                      strcspn(setting->otherwise, "|"));
    else if (setting->otherwise != NULL)
        (void)buf_add_text(out, setting->otherwise);
}

/* Comment lines, broken between words. */
static void
add_comment(struct buf *out, const char *text)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t len = strcspn(text, " ");

        if (column == 0 || column + 1 + len > COMMENT_COLUMNS) {
            (void)buf_add_text(out, column == 0 ? "#" : "\n#");
            column = 1;
        }
        (void)buf_add_byte(out, ' ');
        (void)buf_add(out, text, len);
        column += 1 + len;
        text += len;
        text += *text == ' ';
    }
    (void)buf_add_byte(out, '\n');
}

static void
add_example(struct buf *out, const struct config_setting *setting)
{
    struct buf comment = BUF_INIT(4096);

    (void)buf_addf(&comment, "%s (", setting->help);
    add_kind(&comment, setting);
    (void)buf_add_text(&comment, ")");
    add_comment(out, buf_text(&comment));
    buf_clear(&comment);
    (void)buf_addf(out, "#%s =", setting->key);
    if (setting->otherwise != NULL)
        (void)buf_add_byte(out, ' ');
    add_default(out, setting);
    (void)buf_add_text(out, "\n\n");
}

static void
add_mdoc(struct buf *out, const struct config_setting *setting)
{
    const char *p;

    (void)buf_addf(out, ".It Cm %s\n", setting->key);
    for (p = setting->help; *p != '\0'; p++)
        if (*p == '\\')
            (void)buf_add_text(out, "\\e");
        else
            (void)buf_add_byte(out, (uint8_t)*p);
    (void)buf_add_text(out, "\nValue: ");
    add_kind(out, setting);
    if (setting->otherwise == NULL) {
        (void)buf_add_text(out, "; no default.\n");
    } else {
        (void)buf_add_text(out, "; the default is\n.Ql ");
        add_default(out, setting);
        (void)buf_add_text(out, " .\n");
    }
}

void
config_document(struct buf *out, bool is_mdoc)
{
    size_t i;

    if (is_mdoc)
        (void)buf_add_text(out, ".Bl -tag -width Ds\n");
    else
        (void)buf_add_text(
            out, "# Every setting with its default. A line is empty, a "
                 "comment that begins with #,\n# or key = value; what is "
                 "commented out here is in force. Made by: signet config "
                 "doc\n\n");
    for (i = 0; i < config_setting_count; i++)
        if (is_mdoc)
            add_mdoc(out, &config_settings[i]);
        else
            add_example(out, &config_settings[i]);
    if (is_mdoc)
        (void)buf_add_text(out, ".El\n");
}
