/* Papers that come by mail: ra/intake.h. */
#include "ra/intake.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "db/holder.h"
#include "db/shipment.h"
#include "ra/case_tell.h"
#include "ra/device.h"
#include "ra/form.h"
#include "ra/payment.h"

enum { WANTED_TEXT_MAX = 4096 };

/* ---- Finding ---------------------------------------------------------------
 */

bool
intake_find(const struct business *business, const char *code,
            char number[DB_CASE_NUMBER_MAX + 1], struct error *err)
{
    struct form_code read;

    if (case_number_is(code, strlen(code))) {
        memcpy(number, code, strlen(code) + 1);
        return true;
    }
    if (!form_code_read(business->vault, code, &read))
        return error_set(err, ERROR_INPUT,
                         "neither the code of a form nor the number of a case");
    if (!read.is_ours)
        return error_set(err, ERROR_INPUT, "this form was not made here");
    memcpy(number, read.number, strlen(read.number) + 1);
    return true;
}

/* ---- Papers ----------------------------------------------------------------
 */

static bool
paper_each(const struct db_result *row, void *arg, struct error *err)
{
    json_t *list = arg;
    struct db_paper paper;
    json_t *one;

    if (!db_paper_read(row, 0, &paper, err))
        return false;
    one = json_object();
    json_set_text(one, "slot", paper.slot);
    json_set_text(one, "state", paper.state);
    if (paper.remark != NULL)
        json_set_text(one, "remark", paper.remark);
    json_set_time(one, "changed_at", paper.changed_at);
    json_array_append_new(list, one);
    return true;
}

bool
intake_papers_json(struct db *db, const char *number, json_t **out,
                   struct error *err)
{
    *out = json_array();
    if (db_paper_list(db, number, paper_each, *out, err))
        return true;
    json_decref(*out);
    *out = NULL;
    return false;
}

static bool
parse_received(const json_t *list, struct intake *out, struct error *err)
{
    size_t i;
    json_t *one;

    if (json_array_size(list) > INTAKE_SLOTS_MAX)
        return error_set(err, ERROR_INPUT, "received: too many");
    json_array_foreach((json_t *)(uintptr_t)list, i, one)
    {
        if (!json_is_string(one))
            return error_set(err, ERROR_INPUT, "received: names of papers");
        out->received[out->received_count++] = json_string_value(one);
    }
    return true;
}

static bool
parse_defective(json_t *object, struct intake *out, struct error *err)
{
    const char *slot;
    json_t *unused;

    if (json_object_size(object) > INTAKE_SLOTS_MAX)
        return error_set(err, ERROR_INPUT, "defective: too many");
    json_object_foreach(object, slot, unused)
    {
        size_t at = out->defective_count++;

        out->defective[at].slot = slot;
        if (!json_get_text(object, slot, INTAKE_REMARK_MAX,
                           &out->defective[at].remark, err))
            return error_wrap(err, "defective");
        if (out->defective[at].remark[0] == '\0')
            return error_set(err, ERROR_INPUT,
                             "defective: %s: say what is wrong with it", slot);
    }
    return true;
}

bool
intake_parse(const json_t *object, struct intake *out, struct error *err)
{
    static const char *const names[] = {"received", "defective", "device",
                                        NULL};
    json_t *received;
    json_t *defective;

    memset(out, 0, sizeof *out);
    if (!json_only(object, names, err) ||
        !json_find_array(object, "received", &received, err) ||
        !json_find_object(object, "defective", &defective, err) ||
        !json_find_text(object, "device", DB_DEVICE_SERIAL_MAX, &out->device,
                        err) ||
        (received != NULL && !parse_received(received, out, err)) ||
        (defective != NULL && !parse_defective(defective, out, err)))
        return false;
    return out->received_count + out->defective_count > 0 ||
           error_set(err, ERROR_INPUT, "nothing was received");
}

struct take_run {
    const struct business *business;
    const struct intake *intake;
    enum case_state to;
    json_t *papers; /* afterwards */
};

static bool
set_papers(struct db *db, const struct intake *intake, struct error *err)
{
    for (size_t i = 0; i < intake->received_count; i++) {
        struct db_paper paper = {.slot = intake->received[i],
                                 .state = "received",
                                 .changed_at = intake->at};

        if (!db_paper_set(db, intake->number, &paper, intake->officer_id, err))
            return false;
    }
    for (size_t i = 0; i < intake->defective_count; i++) {
        struct db_paper paper = {.slot = intake->defective[i].slot,
                                 .state = "defective",
                                 .remark = intake->defective[i].remark,
                                 .changed_at = intake->at};

        if (!db_paper_set(db, intake->number, &paper, intake->officer_id, err))
            return false;
    }
    return true;
}

/* The device that holds the certificate which the business is about. */
static bool
device_awaited(struct db *db, const struct db_case *row,
               char out[DB_DEVICE_SERIAL_MAX + 1], struct error *err)
{
    struct db_holder holder = {0};
    bool found = false;

    out[0] = '\0';
    if (row->predecessor_issuer == NULL)
        return true;
    if (!db_holder_get(db, row->predecessor_issuer, row->predecessor_serial,
                       &found, &holder, err))
        return false;
    if (found && holder.device != NULL &&
        strlen(holder.device) <= DB_DEVICE_SERIAL_MAX)
        memcpy(out, holder.device, strlen(holder.device) + 1);
    db_holder_clear(&holder);
    return true;
}

/* A reviewer's supplement may ask for the papers again: the device is here. */
static bool
take_device(struct db *db, const struct db_case *row,
            const struct intake *intake, struct error *err)
{
    struct device_act act = {.serial = intake->device,
                             .to = DEVICE_RETURNED,
                             .who = DEVICE_BY_CLERK,
                             .actor = intake->officer_id,
                             .number = row->number,
                             .at = intake->at};
    struct db_device device = {0};
    char awaited[DB_DEVICE_SERIAL_MAX + 1];
    bool ok = false;

    if (intake->device == NULL)
        return error_set(err, ERROR_INPUT,
                         "device: read the serial number from the old device");
    if (!device_awaited(db, row, awaited, err) ||
        !db_device_get(db, intake->device, true, &device, err))
        goto out;
    if (strcmp(awaited, intake->device) != 0) {
        error_set(err, ERROR_CONFLICT,
                  "device %s is not the one of the certificate, which is %s",
                  intake->device, awaited[0] == '\0' ? "unknown" : awaited);
        goto out;
    }
    if (strcmp(device.state, "returned") == 0 && device.number != NULL &&
        strcmp(device.number, row->number) == 0)
        ok = true;
    else
        ok = device_move(db, &act, err) &&
             db_case_device(db, row->number, intake->device, err);
out:
    db_device_clear(&device);
    return ok;
}

static bool
is_received(const struct intake *intake, const char *slot)
{
    for (size_t i = 0; i < intake->received_count; i++)
        if (strcmp(intake->received[i], slot) == 0)
            return true;
    return false;
}

/* Names of what is still wanted, in one language; "" when nothing is. */
static void
wanted_format(const json_t *papers, const struct definition *definition,
              int language, struct buf *out)
{
    size_t i;
    json_t *paper;

    json_array_foreach((json_t *)(uintptr_t)papers, i, paper)
    {
        const char *slot = json_string_value(json_object_get(paper, "slot"));
        const char *state = json_string_value(json_object_get(paper, "state"));
        const char *remark =
            json_string_value(json_object_get(paper, "remark"));
        const struct definition_slot *found =
            definition_slot_find(definition, slot);
        const char *label = found != NULL   ? found->label.in[language]
                            : language == 0 ? "原CA"
                                            : "the old device";

        if (strcmp(state, "received") == 0)
            continue;
        if (out->len > 0)
            (void)buf_add_text(out, language == 0 ? "、" : ", ");
        (void)buf_add_text(out, label);
        if (remark != NULL)
            (void)buf_addf(out, language == 0 ? "（%s）" : " (%s)", remark);
    }
}

/* Asks for what is missing or defective: 联系经办人补齐资料. */
static bool
ask_for_rest(struct db *db, const struct take_run *run,
             const struct db_case *row, const struct definition *definition,
             struct error *err)
{
    int language = strcmp(row->language, "en") == 0 ? 1 : 0;
    struct buf wanted = BUF_INIT(WANTED_TEXT_MAX);
    char round[24];
    json_t *values = json_object();
    bool ok;

    wanted_format(run->papers, definition, language, &wanted);
    json_set_text(values, "wanted", buf_text(&wanted));
    (void)snprintf(round, sizeof round, "%lld", (long long)run->intake->at);
    ok = wanted.len == 0 || case_tell(run->business, db, row, "papers-wanted",
                                      round, values, run->intake->at, err);
    json_decref(values);
    buf_clear(&wanted);
    return ok;
}

static bool
note_papers(struct db *db, const struct db_case *row,
            const struct intake *intake, struct error *err)
{
    json_t *detail = json_object();
    json_t *received = json_array();
    json_t *defective = json_array();
    bool ok;

    for (size_t i = 0; i < intake->received_count; i++)
        json_array_append_new(received, json_string(intake->received[i]));
    for (size_t i = 0; i < intake->defective_count; i++)
        json_array_append_new(defective,
                              json_string(intake->defective[i].slot));
    json_object_set_new(detail, "received", received);
    json_object_set_new(detail, "defective", defective);
    if (intake->device != NULL)
        json_set_text(detail, "device", intake->device);
    ok = case_note(db, row, "papers-taken-in", intake->officer_id, detail,
                   intake->at, err);
    json_decref(detail);
    return ok;
}

static bool
is_complete(const json_t *papers)
{
    size_t i;
    json_t *paper;

    json_array_foreach((json_t *)(uintptr_t)papers, i, paper)
    {
        if (strcmp(json_string_value(json_object_get(paper, "state")),
                   "received") != 0)
            return false;
    }
    return true;
}

/* Out of SUPPLEMENT the clerk's word is enough: the entry was decided before.
 */
static bool
move_on(struct db *db, struct take_run *run, struct error *err)
{
    struct case_act act = {.number = run->intake->number,
                           .event = CASE_RECEIVE,
                           .who = CASE_BY_INTAKE_CLERK,
                           .actor = run->intake->officer_id,
                           .at = run->intake->at};

    return run->to != CASE_SUPPLEMENT || !is_complete(run->papers) ||
           case_apply_within(run->business, db, &act, &run->to, err);
}

static bool
take_run(struct db *db, void *arg, struct error *err)
{
    struct take_run *run = arg;
    const struct intake *intake = run->intake;
    struct db_case row = {0};
    enum case_business kind;
    bool ok = false;

    json_decref(run->papers);
    run->papers = NULL;
    if (!db_case_get(db, intake->number, true, &row, err))
        return false;
    if (!case_state_find(row.state, &run->to) ||
        !case_business_find(row.business, &kind)) {
        error_set(err, ERROR_INTERNAL, "case %s is %s", row.number, row.state);
        goto out;
    }
    if (run->to != CASE_AWAITING_ORIGINALS && run->to != CASE_SUPPLEMENT) {
        error_set(err, ERROR_CONFLICT, "a case that is %s awaits no papers",
                  row.state);
        goto out;
    }
    if ((is_received(intake, "device") &&
         !take_device(db, &row, intake, err)) ||
        !set_papers(db, intake, err) || !note_papers(db, &row, intake, err) ||
        !intake_papers_json(db, intake->number, &run->papers, err) ||
        !ask_for_rest(db, run, &row,
                      definition_get(run->business->definitions, kind), err) ||
        !move_on(db, run, err))
        goto out;
    ok = true;
out:
    db_case_clear(&row);
    return ok;
}

bool
intake_take(const struct business *business, struct db *db,
            const struct intake *intake, enum case_state *to, json_t **out,
            struct error *err)
{
    struct take_run run = {.business = business, .intake = intake};

    *out = NULL;
    if (!db_transaction(db, take_run, &run, err)) {
        json_decref(run.papers);
        return false;
    }
    *to = run.to;
    *out = run.papers;
    return true;
}

/* ---- Devices ---------------------------------------------------------------
 */

struct back_run {
    const char *serial;
    const char *officer_id;
    int64_t at;
};

static bool
back_run(struct db *db, void *arg, struct error *err)
{
    struct back_run *run = arg;
    struct db_device device = {0};
    struct device_act act = {.serial = run->serial,
                             .to = DEVICE_RETURNED,
                             .who = DEVICE_BY_CLERK,
                             .actor = run->officer_id,
                             .at = run->at};
    struct db_case row = {0};
    bool ok = false;

    if (!db_device_get(db, run->serial, false, &device, err))
        return false;
    /* The case before the device: one order of locks everywhere. */
    if (device.number != NULL &&
        !db_case_get(db, device.number, true, &row, err))
        goto out;
    ok = device_move(db, &act, err);
    if (ok && device.number != NULL) {
        json_t *detail = json_object();

        json_set_text(detail, "device", run->serial);
        ok = case_note(db, &row, "device-returned", run->officer_id, detail,
                       run->at, err) &&
             payment_device_back(db, device.number, run->at, err);
        json_decref(detail);
    }
out:
    db_case_clear(&row);
    db_device_clear(&device);
    return ok;
}

bool
intake_device_back(struct db *db, const char *serial, const char *officer_id,
                   int64_t at, struct error *err)
{
    struct back_run run = {serial, officer_id, at};

    return db_transaction(db, back_run, &run, err);
}
