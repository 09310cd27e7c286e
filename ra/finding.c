/* The table of findings, and their way to the database: ra/finding.h. */
#include "ra/finding.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"

enum { DETAIL_MAX = 2000, TEXT_MAX = 1000, NAME_MAX_LEN = 32 };

#define OK FINDING_OK
#define NOTE FINDING_NOTE
#define WARNING FINDING_WARNING
#define SAY(zh, en)                                                            \
    {                                                                          \
        {                                                                      \
            zh, en                                                             \
        }                                                                      \
    }

/* clang-format off */
const struct finding_kind finding_kinds[] = {
    /* ---- Of documents: ra/document.c ---- */
    {"page-count", OK, SAY("共${count}页", "${count} pages")},
    {"page-count", WARNING, SAY("共${count}页，应为${min}至${max}页",
        "${count} pages, where ${min} to ${max} are wanted")},
    {"low-resolution", NOTE, SAY("第${pages}页分辨率低（${dpi} dpi）",
        "page ${pages}: low resolution (${dpi} dpi)")},
    {"not-colour", WARNING, SAY("第${pages}页不是彩色扫描",
        "page ${pages}: not scanned in colour")},
    {"skew", NOTE, SAY("第${pages}页歪斜（${degrees}度）",
        "page ${pages}: askew by ${degrees} degrees")},
    {"blank-page", WARNING, SAY("第${pages}页看似空白", "page ${pages}: seems blank")},
    {"red-seal", OK, SAY("有红色印章", "a red seal is there")},
    {"red-seal", NOTE, SAY("第${pages}页未见红色印章", "page ${pages}: no red seal seen")},
    {"red-seal", WARNING, SAY("未见红色印章", "no red seal seen")},
    {"form-code", OK, SAY("申请表为本次提交的版次（${number}，第${revision}版）",
        "the form is that of this submission (${number}, revision ${revision})")},
    {"form-code", NOTE, SAY("申请表二维码无法识别，请核对编号与版次",
        "the form's code cannot be read: compare number and revision by eye")},
    {"form-code", WARNING, SAY("申请表不是本次提交的版次（${number}，第${revision}版）",
        "the form is another one (${number}, revision ${revision})")},
    {"form-code-forged", WARNING, SAY("申请表二维码不是本系统生成的",
        "the code on the form was not made by this system")},
    {"same-file", WARNING, SAY("与“${slot}”是同一文件", "the same file as in \"${slot}\"")},

    /* ---- Of fields ---- */
    {"uscc-check-digit", OK, SAY("统一社会信用代码校验位正确", "the check character is right")},
    {"uscc-check-digit", WARNING, SAY("统一社会信用代码校验位不符（GB 32100）",
        "the check character is wrong (GB 32100)")},
    {"id-check-digit", OK, SAY("身份证号校验位正确", "the check digit is right")},
    {"id-check-digit", WARNING, SAY("身份证号校验位不符（GB 11643）",
        "the check digit is wrong (GB 11643)")},
    {"mobile-form", OK, SAY("手机号码格式正确", "the number has the form of a mobile")},
    {"mobile-form", WARNING, SAY("手机号码格式不符", "not the form of a mobile number")},
    {"equals-record", OK, SAY("与平台资料一致", "as in the platform's record")},
    {"equals-record", WARNING, SAY("与平台资料不一致", "other than in the platform's record")},

    /* ---- Of the case ---- */
    {"live-certificate", OK, SAY("单位账号的有效证书符合本业务", "the account's certificate fits this business")},
    {"live-certificate", WARNING, SAY("单位账号的有效证书不符合本业务",
        "the account's certificate does not fit this business")},
    {"open-business", NOTE, SAY("同一单位账号另有${count}笔在办业务",
        "${count} other open cases of this account")},
    {"same-unit", WARNING, SAY("另有${count}个账号使用相同的名称或统一社会信用代码",
        "${count} other accounts have this name or code")},
    {"ca-check", OK, SAY("认证系统预检通过（名称、密钥、有效期）", "the CA would carry the order out")},
    {"ca-check", WARNING, SAY("认证系统预检未通过：${why}", "the CA would refuse the order: ${why}")},
    {"handler-of-record", OK, SAY("经办人与登记一致", "the handler is the one of record")},
    {"handler-of-record", NOTE, SAY("经办人与登记不一致", "another handler than the one of record")},
};
/* clang-format on */

const size_t finding_kind_count =
    sizeof finding_kinds / sizeof finding_kinds[0];

const struct finding_kind *
finding_find(const char *code, enum finding_level level)
{
    for (size_t i = 0; i < finding_kind_count; i++)
        if (finding_kinds[i].level == level &&
            strcmp(finding_kinds[i].code, code) == 0)
            return &finding_kinds[i];
    return NULL;
}

const char *
finding_level_name(enum finding_level level)
{
    static const char *const names[] = {
        [FINDING_OK] = "ok",
        [FINDING_NOTE] = "note",
        [FINDING_WARNING] = "warning",
    };

    return names[level];
}

static bool
level_find(const char *name, enum finding_level *out)
{
    for (int i = FINDING_OK; i <= FINDING_WARNING; i++)
        if (strcmp(finding_level_name((enum finding_level)i), name) == 0) {
            *out = (enum finding_level)i;
            return true;
        }
    return false;
}

/* ---- Lists ----------------------------------------------------------------
 */

void
finding_add(struct findings *list, const char *subject, const char *code,
            enum finding_level level, json_t *take_detail)
{
    const struct finding_kind *kind = finding_find(code, level);
    struct finding *one;

    assert(kind != NULL && strlen(subject) <= FINDING_SUBJECT_MAX);
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->at[i].subject, subject) == 0 &&
            strcmp(list->at[i].kind->code, code) == 0) {
            json_decref(take_detail);
            return;
        }
    assert(list->count < FINDINGS_MAX);
    one = &list->at[list->count++];
    memcpy(one->subject, subject, strlen(subject) + 1);
    one->kind = kind;
    one->detail = take_detail;
}

void
finding_clear(struct findings *list)
{
    for (size_t i = 0; i < list->count; i++)
        json_decref(list->at[i].detail);
    memset(list, 0, sizeof *list);
}

/* Whether an earlier one of the list has the same subject. */
static bool
is_known_subject(const struct findings *list, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(list->at[i].subject, list->at[at].subject) == 0)
            return true;
    return false;
}

static bool
write_one(struct db *db, const char *number, int revision,
          const struct finding *finding, int64_t at, struct error *err)
{
    struct buf detail = BUF_INIT(DETAIL_MAX);
    bool ok = finding->detail == NULL ||
              json_canonical(finding->detail, &detail, err);
    struct db_finding row = {
        .subject = finding->subject,
        .code = finding->kind->code,
        .level = finding_level_name(finding->kind->level),
        .detail = finding->detail == NULL ? NULL : buf_text(&detail),
    };

    if (ok && buf_is_full(&detail))
        ok =
            error_set(err, ERROR_INTERNAL, "finding %s: long detail", row.code);
    ok = ok && db_finding_add(db, number, revision, &row, at, err);
    buf_clear(&detail);
    return ok;
}

bool
finding_store(struct db *db, const char *number, int revision,
              const struct findings *list, int64_t at, struct error *err)
{
    for (size_t i = 0; i < list->count; i++)
        if (!is_known_subject(list, i) &&
            !db_finding_clear(db, number, revision, list->at[i].subject, err))
            return false;
    for (size_t i = 0; i < list->count; i++)
        if (!write_one(db, number, revision, &list->at[i], at, err))
            return false;
    return true;
}

/* ---- Telling --------------------------------------------------------------
 */

static void
add_shown(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++)
        (void)buf_add_byte(
            out, (uint8_t)*text < 0x20 || *text == 0x7f ? '?' : (uint8_t)*text);
}

/* A number, a text, or an array of numbers: "1, 3". */
static void
add_value(struct buf *out, const json_t *value)
{
    if (json_is_integer(value)) {
        (void)buf_addf(out, "%lld", (long long)json_integer_value(value));
    } else if (json_is_string(value)) {
        add_shown(out, json_string_value(value));
    } else {
        for (size_t i = 0; i < json_array_size(value); i++) {
            (void)buf_add_text(out, i > 0 ? ", " : "");
            if (json_is_integer(json_array_get(value, i)))
                add_value(out, json_array_get(value, i));
        }
    }
}

void
finding_format(const struct finding_kind *kind, const json_t *detail,
               int language, struct buf *out)
{
    const char *at = kind->text.in[language];
    const char *open;

    while ((open = strstr(at, "${")) != NULL) {
        size_t len = strcspn(open + 2, "}");
        char name[NAME_MAX_LEN + 1];

        assert(open[2 + len] == '}' && len <= NAME_MAX_LEN);
        memcpy(name, open + 2, len);
        name[len] = '\0';
        (void)buf_add(out, at, (size_t)(open - at));
        add_value(out, json_object_get(detail, name));
        at = open + 2 + len + 1;
    }
    (void)buf_add_text(out, at);
}

static void
set_message(json_t *object, const struct finding_kind *kind,
            const json_t *detail)
{
    static const char *const languages[] = {"zh", "en"};
    json_t *message = json_object();

    for (int i = 0; i < DEFINITION_LANGUAGES; i++) {
        struct buf text = BUF_INIT(TEXT_MAX);

        finding_format(kind, detail, i, &text);
        json_set_text(message, languages[i], buf_text(&text));
        buf_clear(&text);
    }
    json_object_set_new(object, "message", message);
}

static bool
list_each(const struct db_result *row, void *arg, struct error *err)
{
    const struct finding_kind *kind = NULL;
    struct db_finding finding;
    enum finding_level level;
    json_t *detail = NULL;
    json_t *one;

    if (!db_finding_read(row, 0, &finding, err))
        return false;
    if (level_find(finding.level, &level))
        kind = finding_find(finding.code, level);
    /* Of another release of this program: nothing to say about it. */
    if (kind == NULL)
        return true;
    if (finding.detail != NULL &&
        !json_parse_object((const uint8_t *)finding.detail,
                           strlen(finding.detail), &detail, err))
        return error_wrap(err, "finding %s", finding.code);
    one = json_object();
    json_set_text(one, "subject", finding.subject);
    json_set_text(one, "code", finding.code);
    json_set_text(one, "level", finding.level);
    set_message(one, kind, detail);
    if (detail != NULL)
        json_object_set_new(one, "detail", detail);
    json_array_append_new(arg, one);
    return true;
}

bool
finding_list(struct db *db, const char *number, json_t **out, struct error *err)
{
    json_t *list = json_array();

    if (!db_finding_list(db, number, list_each, list, err)) {
        json_decref(list);
        return false;
    }
    *out = list;
    return true;
}
