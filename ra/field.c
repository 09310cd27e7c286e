/* Fields as applicants type them: ra/field.h. */
#include "ra/field.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/character.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

enum {
    MOBILE_LEN = 11,
    ABROAD_MIN = 8,
    ABROAD_MAX = 15,
    ID_PAPER_MIN = 5,
    ID_PAPER_MAX = 20,
};

static bool
wrong(struct error *err, const char *zh, const char *en)
{
    return error_set(err, ERROR_INPUT, "%s / %s", zh, en);
}

/* ---- Texts ----------------------------------------------------------------
 */

bool
field_text(const char *text, int max, struct buf *out, struct error *err)
{
    const uint8_t *p = (const uint8_t *)text;
    const uint8_t *end = p + strlen(text);
    bool is_gap = false;
    size_t count;
    int kept = 0;

    if (!text_utf8(text, strlen(text), &count))
        return wrong(err, "不是有效的文字编码", "not well-formed text");
    while (p < end) {
        const uint8_t *from = p;
        uint32_t c = character_next(&p);

        if (character_is_white(c) || c == '\t') {
            is_gap = kept > 0;
            continue;
        }
        if (character_is_hidden(c))
            return error_set(
                err, ERROR_INPUT,
                "含有不可见字符U+%04X，请删除 / has the invisible character "
                "U+%04X: take it out",
                c, c);
        kept += is_gap ? 2 : 1;
        if (kept > max)
            return error_set(
                err, ERROR_INPUT,
                "最多%d个字，请缩短 / at most %d characters: make it shorter",
                max, max);
        if (is_gap)
            buf_add_byte(out, ' ');
        is_gap = false;
        buf_add(out, from, (size_t)(p - from));
    }
    if (kept == 0)
        return wrong(err, "必须填写", "must be filled in");
    return !buf_is_full(out) ||
           wrong(err, "内容过长，请缩短", "too long: make it shorter");
}

/* The ASCII that was meant: full-width forms (U+FF01 to U+FF5E) to their half,
 * white space and the characters of `drop` out. False for anything else. */
static bool
ascii_text(const char *text, const char *drop, struct buf *out)
{
    const uint8_t *p = (const uint8_t *)text;
    const uint8_t *end = p + strlen(text);
    size_t count;

    if (!text_utf8(text, strlen(text), &count))
        return false;
    while (p < end) {
        uint32_t c = character_next(&p);

        if (c >= 0xff01 && c <= 0xff5e)
            c -= 0xff01 - 0x21;
        if (character_is_white(c) || c == '\t')
            continue;
        if (c <= 0x20 || c >= 0x7f)
            return false;
        if (strchr(drop, (int)c) == NULL)
            buf_add_byte(out, (uint8_t)c);
    }
    return !buf_is_full(out);
}

static void
to_capitals(struct buf *out)
{
    for (size_t i = 0; i < out->len; i++)
        out->data[i] = (uint8_t)toupper(out->data[i]);
}

/* ---- Codes with a check character ---------------------------------------- */

bool
field_uscc(const char *text, struct buf *out, struct error *err)
{
    /* GB 32100-2015, 4.2: no I, O, S, V, Z. The weights are 3^i mod 31. */
    static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    const char *code, *at;
    int weight = 1;
    int sum = 0;

    if (!ascii_text(text, "-", out) || out->len != FIELD_USCC_LEN)
        return wrong(err, "应为18位，请对照证件核对",
                     "18 characters are needed: compare with the licence");
    to_capitals(out);
    code = buf_text(out);
    for (int i = 0; i < FIELD_USCC_LEN; i++) {
        if ((at = strchr(alphabet, code[i])) == NULL)
            return wrong(err, "只能由数字和大写字母组成，且不含I、O、S、V、Z",
                         "digits and capitals without I, O, S, V, Z");
        if (i < FIELD_USCC_LEN - 1) {
            sum += (int)(at - alphabet) * weight;
            weight = weight * 3 % 31;
        }
    }
    if (alphabet[(31 - sum % 31) % 31] != code[FIELD_USCC_LEN - 1])
        return wrong(err, "校验位不正确，请对照证件核对",
                     "the last character does not check the others: compare "
                     "with the licence");
    return true;
}

static int
number_of(const char *digits, int count)
{
    int number = 0;

    for (int i = 0; i < count; i++)
        number = number * 10 + (digits[i] - '0');
    return number;
}

bool
field_id_card(const char *text, struct buf *out, struct error *err)
{
    /* GB 11643-1999, 4: weights 2^(17-i) mod 11, the sum is 1 mod 11. */
    static const int weight[FIELD_ID_CARD_LEN - 1] = {
        7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    static const char check[] = "10X98765432";
    struct clock_date birth = {0};
    const char *id;
    int64_t unused;
    int sum = 0;

    if (!ascii_text(text, "", out) || out->len != FIELD_ID_CARD_LEN)
        return wrong(err, "身份证号应为18位，请核对",
                     "an identity card number has 18 characters");
    to_capitals(out);
    id = buf_text(out);
    if (strspn(id, "0123456789") < FIELD_ID_CARD_LEN - 1 ||
        strchr("0123456789X", id[FIELD_ID_CARD_LEN - 1]) == NULL)
        return wrong(err, "身份证号应为17位数字加一位数字或X，请核对",
                     "17 digits, and a digit or X");
    birth.year = number_of(id + 6, 4);
    birth.month = number_of(id + 10, 2);
    birth.day = number_of(id + 12, 2);
    if (birth.year < 1900 || !clock_join(&birth, &unused))
        return wrong(err, "身份证号中的出生日期不存在，请核对",
                     "there is no such date of birth");
    for (int i = 0; i < FIELD_ID_CARD_LEN - 1; i++)
        sum += (id[i] - '0') * weight[i];
    if (check[sum % 11] != id[FIELD_ID_CARD_LEN - 1])
        return wrong(err, "身份证号校验位不正确，请核对",
                     "the last character does not check the others");
    return true;
}

bool
field_id_paper(const char *text, struct buf *out, struct error *err)
{
    if (!ascii_text(text, "-", out) || out->len < ID_PAPER_MIN ||
        out->len > ID_PAPER_MAX)
        return wrong(err, "证件号码应为5至20位数字或字母",
                     "5 to 20 letters and digits are needed");
    to_capitals(out);
    for (size_t i = 0; i < out->len; i++)
        if (!isalnum(out->data[i]))
            return wrong(err, "证件号码只能由数字和字母组成",
                         "letters and digits alone");
    return true;
}

/* ---- Ways to reach people --------------------------------------------------
 */

static bool
is_digits(const char *text, size_t min, size_t max)
{
    size_t len = strlen(text);

    return len >= min && len <= max && strspn(text, "0123456789") == len;
}

bool
field_mobile(const char *text, struct buf *out, struct error *err)
{
    struct buf typed = BUF_INIT(FIELD_VALUE_MAX);
    const char *at;
    bool ok = ascii_text(text, "-().", &typed);

    at = buf_text(&typed);
    if (strncmp(at, "+86", 3) == 0)
        at += 3;
    else if (strncmp(at, "0086", 4) == 0)
        at += 4;
    if (at == buf_text(&typed) && at[0] == '+') /* of another country */
        ok = ok && is_digits(at + 1, ABROAD_MIN, ABROAD_MAX) && at[1] != '0';
    else
        ok = ok && is_digits(at, MOBILE_LEN, MOBILE_LEN) && at[0] == '1' &&
             at[1] >= '3';
    if (ok)
        buf_add_text(out, at);
    buf_clear(&typed);
    return ok || wrong(err, "应为11位手机号码；境外号码以+和国家代码开头",
                       "11 digits of a Chinese mobile, or + and the country "
                       "code");
}

/* Labels of letters, digits and hyphens, two or more (RFC 1035, 2.3.1). */
static bool
is_domain(const char *domain)
{
    int labels = 0;
    size_t len;

    for (;;) {
        len = strspn(domain, "abcdefghijklmnopqrstuvwxyz0123456789-");
        if (len == 0 || len > 63 || domain[0] == '-' || domain[len - 1] == '-')
            return false;
        labels++;
        if (domain[len] == '\0')
            return labels >= 2;
        if (domain[len] != '.')
            return false;
        domain += len + 1;
    }
}

bool
field_email(const char *text, struct buf *out, struct error *err)
{
    /* RFC 5321, 4.1.2: dot-string; quoted ones are not worth their trouble. */
    static const char atom[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTU"
                               "VWXYZ0123456789!#$%&'*+-/=?^_`{|}~.";
    bool ok = ascii_text(text, "", out) && out->len <= FIELD_EMAIL_MAX;
    const char *local = buf_text(out);
    size_t len = strspn(local, atom);

    ok = ok && len > 0 && len <= 64 && local[len] == '@' && local[0] != '.' &&
         local[len - 1] != '.' && strstr(local, "..") == NULL;
    if (ok) {
        for (size_t i = len; i < out->len; i++)
            out->data[i] = (uint8_t)tolower(out->data[i]);
        ok = is_domain(local + len + 1);
    }
    return ok || wrong(err, "不是有效的电子邮箱地址", "not an e-mail address");
}

/* ---- Seals ------------------------------------------------------------------
 */

static bool
seal_add(const json_t *seal, json_t *list, struct error *err)
{
    static const char *const names[] = {"name", "type", NULL};
    struct buf clean = BUF_INIT(FIELD_VALUE_MAX);
    const char *type, *name;
    json_t *one;
    bool ok = false;

    if (!json_is_object(seal) || !json_only(seal, names, NULL) ||
        !json_get_text(seal, "type", 16, &type, NULL) ||
        !json_get_text(seal, "name", FIELD_VALUE_MAX / 4, &name, NULL))
        return wrong(err, "印章应有类型和名称", "a seal has a type and a name");
    if (strcmp(type, "official") != 0 && strcmp(type, "contract") != 0)
        return wrong(err, "暂仅支持公章或合同专用章",
                     "the official seal or the contract seal");
    if (!field_text(name, FIELD_SEAL_NAME_MAX, &clean, err))
        goto out;
    one = json_object();
    json_set_text(one, "type", type);
    json_set_text(one, "name", buf_text(&clean));
    json_array_append_new(list, one);
    ok = true;
out:
    buf_clear(&clean);
    return ok;
}

bool
field_seals(const json_t *seals, struct buf *out, struct error *err)
{
    size_t count = json_array_size(seals); /* 0 for what is no array */
    json_t *list = json_array();
    bool ok = true;

    if (count < 1 || count > FIELD_SEALS_MAX)
        ok = wrong(err, "请填写一个或两个印章", "one or two seals are needed");
    for (size_t i = 0; ok && i < count; i++)
        ok = seal_add(json_array_get(seals, i), list, err);
    if (ok && count == 2 &&
        json_equal(json_object_get(json_array_get(list, 0), "type"),
                   json_object_get(json_array_get(list, 1), "type")))
        ok = wrong(err, "每种印章只能有一个", "each type of seal once");
    ok = ok && json_canonical(list, out, err);
    json_decref(list);
    return ok;
}

/* ---- By type
 * ------------------------------------------------------------------ */

static bool
choice_judge(const struct definition_field *field, const char *text,
             struct buf *out, struct error *err)
{
    for (size_t i = 0; i < field->choice_count; i++)
        if (strcmp(field->choice[i].value, text) == 0)
            return buf_add_text(out, text);
    return wrong(err, "请从选项中选择", "choose one of those offered");
}

static bool
seals_judge(const char *text, struct buf *out, struct error *err)
{
    json_t *seals = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    bool ok = field_seals(seals, out, err);

    json_decref(seals);
    return ok;
}

bool
field_judge(const struct definition_field *field, const char *id_type,
            const json_t *value, struct buf *out, struct error *err)
{
    const char *text = json_string_value(value);
    int64_t years;

    if (field->type == FIELD_SEALS && json_is_array(value))
        return field_seals(value, out, err);
    if (text == NULL)
        return wrong(err, "应为文字", "a text is needed");
    if (strlen(text) > FIELD_VALUE_MAX)
        return wrong(err, "内容过长，请缩短", "too long: make it shorter");
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_UNIT_NAME:
        return field_text(text, field->max, out, err);
    case FIELD_USCC:
        return field_uscc(text, out, err);
    case FIELD_ID_NUMBER:
        return id_type == NULL || strcmp(id_type, "id-card") == 0
                   ? field_id_card(text, out, err)
                   : field_id_paper(text, out, err);
    case FIELD_MOBILE:
        return field_mobile(text, out, err);
    case FIELD_EMAIL:
        return field_email(text, out, err);
    case FIELD_CHOICE:
        return choice_judge(field, text, out, err);
    case FIELD_YEARS:
        if (!text_int64(text, 1, FIELD_YEARS_MAX, &years))
            return wrong(err, "可选择1至5年", "1 to 5 years");
        return buf_add_text(out, text);
    case FIELD_FLAG:
        if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
            return wrong(err, "请选择是或否", "yes or no");
        return buf_add_text(out, text);
    case FIELD_SEALS:
        return seals_judge(text, out, err);
    }
    return error_set(err, ERROR_INTERNAL, "a field of no type");
}
