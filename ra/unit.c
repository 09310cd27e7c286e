/* Records of units: ra/unit.h. */
#include "ra/unit.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "ra/account.h"
#include "ra/entry.h"
#include "ra/field.h"

const char *const unit_field_names[UNIT_FIELD_COUNT + 1] = {
    "account",  "unit_name", "uscc",   "kind",     "country",
    "province", "locality",  "street", "language", NULL,
};

const char **
unit_source_field(struct unit_source *source, const char *name)
{
    const char **field[UNIT_FIELD_COUNT] = {
        &source->account,  &source->unit_name, &source->uscc,
        &source->kind,     &source->country,   &source->province,
        &source->locality, &source->street,    &source->language,
    };

    for (size_t i = 0; i < UNIT_FIELD_COUNT; i++) {
        if (strcmp(unit_field_names[i], name) == 0)
            return field[i];
    }
    return NULL;
}

/* ---- Judgement ----------------------------------------------------------- */

static bool
one_of(const char *name, const char *value, const char *const *words,
       const char *list, char *out, size_t max, struct error *err)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (value != NULL && strcmp(words[i], value) == 0) {
            (void)snprintf(out, max, "%s", value);
            return true;
        }
    }
    return error_set(err, ERROR_INPUT, "%s: %s", name, list);
}

static bool
text_judge(const char *name, const char *value, int characters, char *out,
           size_t max, struct error *err)
{
    struct buf clean = BUF_INIT(FIELD_VALUE_MAX);
    size_t count;
    bool ok = false;

    if (value == NULL)
        error_set(err, ERROR_INPUT, "%s: 缺少 / is missing", name);
    else if (!text_utf8(value, strlen(value), &count))
        error_set(err, ERROR_INPUT, "%s: no UTF-8", name);
    else if (!field_text(value, characters, &clean, err))
        error_wrap(err, "%s", name);
    else if (clean.len >= max)
        error_set(err, ERROR_INPUT, "%s: too long", name);
    else
        ok = true;
    if (ok)
        memcpy(out, buf_text(&clean), clean.len + 1);
    buf_clear(&clean);
    return ok;
}

static bool
uscc_judge(const char *value, char out[FIELD_USCC_LEN + 1], struct error *err)
{
    struct buf clean = BUF_INIT(FIELD_VALUE_MAX);
    bool ok = value == NULL ? error_set(err, ERROR_INPUT, "缺少 / is missing")
                            : field_uscc(value, &clean, err);

    if (ok)
        memcpy(out, buf_text(&clean), FIELD_USCC_LEN + 1);
    buf_clear(&clean);
    return ok || error_wrap(err, "uscc");
}

static bool
country_judge(const char *value, char out[3], struct error *err)
{
    if (value == NULL)
        value = "CN";
    if (strlen(value) != 2 || value[0] < 'A' || value[0] > 'Z' ||
        value[1] < 'A' || value[1] > 'Z')
        return error_set(err, ERROR_INPUT,
                         "country: two capital letters (ISO 3166-1)");
    memcpy(out, value, 3);
    return true;
}

bool
unit_judge(const struct unit_source *source, struct unit *out,
           struct error *err)
{
    static const char *const kinds[] = {"company", "law-firm", "other", NULL};
    static const char *const languages[] = {"zh", "en", NULL};

    memset(out, 0, sizeof *out);
    if (source->account == NULL)
        return error_set(err, ERROR_INPUT, "account: 缺少 / is missing");
    if (!account_name_check(source->account, err))
        return false;
    (void)snprintf(out->account, sizeof out->account, "%s", source->account);
    return text_judge("unit_name", source->unit_name, UNIT_NAME_MAX,
                      out->unit_name, sizeof out->unit_name, err) &&
           uscc_judge(source->uscc, out->uscc, err) &&
           one_of("kind", source->kind, kinds, "company, law-firm or other",
                  out->kind, sizeof out->kind, err) &&
           country_judge(source->country, out->country, err) &&
           text_judge("province", source->province, UNIT_PLACE_MAX,
                      out->province, sizeof out->province, err) &&
           text_judge("locality", source->locality, UNIT_PLACE_MAX,
                      out->locality, sizeof out->locality, err) &&
           text_judge("street", source->street, UNIT_PLACE_MAX, out->street,
                      sizeof out->street, err) &&
           one_of("language",
                  source->language == NULL ? "zh" : source->language, languages,
                  "zh or en", out->language, sizeof out->language, err);
}

/* ---- Storing ------------------------------------------------------------- */

const char *
unit_outcome_name(enum unit_outcome outcome)
{
    static const char *const names[] = {
        [UNIT_CREATED] = "created",
        [UNIT_CHANGED] = "changed",
        [UNIT_UNCHANGED] = "unchanged",
    };

    return names[outcome];
}

static struct db_unit
row_of(const struct unit *unit, int32_t revision, int64_t at)
{
    return (struct db_unit){
        .account = unit->account,
        .revision = revision,
        .unit_name = unit->unit_name,
        .uscc = unit->uscc,
        .kind = unit->kind,
        .country = unit->country,
        .province = unit->province,
        .locality = unit->locality,
        .street = unit->street,
        .language = unit->language,
        .changed_at = at,
    };
}

json_t *
unit_json(const struct db_unit *row)
{
    json_t *json = json_object();

    json_set_text(json, "account", row->account);
    json_set_int(json, "revision", row->revision);
    json_set_text(json, "unit_name", row->unit_name);
    json_set_text(json, "uscc", row->uscc);
    json_set_text(json, "kind", row->kind);
    json_set_text(json, "country", row->country);
    json_set_text(json, "province", row->province);
    json_set_text(json, "locality", row->locality);
    json_set_text(json, "street", row->street);
    json_set_text(json, "language", row->language);
    json_set_time(json, "changed_at", row->changed_at);
    return json;
}

static bool
is_same(const struct db_unit *a, const struct db_unit *b)
{
    return strcmp(a->unit_name, b->unit_name) == 0 &&
           strcmp(a->uscc, b->uscc) == 0 && strcmp(a->kind, b->kind) == 0 &&
           strcmp(a->country, b->country) == 0 &&
           strcmp(a->province, b->province) == 0 &&
           strcmp(a->locality, b->locality) == 0 &&
           strcmp(a->street, b->street) == 0 &&
           strcmp(a->language, b->language) == 0;
}

struct put {
    const struct unit *unit;
    int64_t expected;
    bool is_dry;
    int64_t at;
    enum unit_outcome outcome;
    int32_t revision;
};

/* What is to be done, from what is there. */
static bool
decide(struct put *put, bool is_there, const struct db_unit *old,
       struct error *err)
{
    const struct db_unit new = row_of(put->unit, 0, 0);
    int32_t revision = is_there ? old->revision : 0;

    if (put->expected != 0 && put->expected != revision)
        return error_set(err, ERROR_CONFLICT,
                         "revision: the record of %s has revision %d",
                         put->unit->account, (int)revision);
    put->revision = revision;
    if (is_there && is_same(old, &new)) {
        put->outcome = UNIT_UNCHANGED;
        return true;
    }
    put->outcome = is_there ? UNIT_CHANGED : UNIT_CREATED;
    put->revision++;
    return true;
}

/* Names stay in the RA's own table; the hash ties the record to the log. */
static bool
enter(struct db *db, const struct db_unit *row, bool is_new, int64_t at,
      struct error *err)
{
    json_t *json = unit_json(row);
    uint8_t hash[HASH_LEN];
    bool ok =
        json_digest(json, hash, err) &&
        entry_unit(db, row->account, is_new, row->revision, hash, at, err);

    json_decref(json);
    return ok;
}

static bool
put_run(struct db *db, void *arg, struct error *err)
{
    struct put *put = arg;
    struct db_unit old = {0};
    struct db_unit row;
    bool is_new = false, is_there = false, ok = false;

    if (!put->is_dry &&
        !db_unit_account(db, put->unit->account, put->at, &is_new, err))
        return false;
    if (!db_unit_get(db, put->unit->account, &is_there, &old, err) ||
        !decide(put, is_there, &old, err))
        goto out;
    row = row_of(put->unit, put->revision, put->at);
    ok = put->is_dry || put->outcome == UNIT_UNCHANGED ||
         ((put->outcome == UNIT_CREATED ? db_unit_add(db, &row, err)
                                        : db_unit_change(db, &row, err)) &&
          enter(db, &row, is_new, put->at, err));
out:
    db_result_free(old.held);
    return ok;
}

bool
unit_put(struct db *db, const struct unit *unit, int64_t expected, bool is_dry,
         int64_t at, enum unit_outcome *outcome, int32_t *revision,
         struct error *err)
{
    struct put put = {unit, expected, is_dry, at, UNIT_UNCHANGED, 0};

    if (!db_transaction(db, put_run, &put, err))
        return false;
    *outcome = put.outcome;
    if (revision != NULL)
        *revision = put.revision;
    return true;
}
