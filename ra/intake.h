/*
 * Papers that come by mail 纸质资料: found by the code on the form, received or
 * found defective, one by one. What is still wanted is told to the handler. The
 * decision of step `entry`, with which the case goes on, is the intake clerk's
 * and goes the way of all decisions.
 */
#ifndef RA_INTAKE_H
#define RA_INTAKE_H

#include "ra/case_apply.h"

enum { INTAKE_REMARK_MAX = 500, INTAKE_SLOTS_MAX = 16 };

/* The case of a form's QR text (ra/form.h) or of a number as it is typed.
 * ERROR_INPUT for another text, and for a code that we did not make. */
bool intake_find(const struct business *business, const char *code,
                 char number[DB_CASE_NUMBER_MAX + 1],
                 struct error *err) MUST_CHECK;

/* [{"slot", "state", "remark"?, "changed_at"}]; the caller owns the array. */
bool intake_papers_json(struct db *db, const char *number, json_t **out,
                        struct error *err) MUST_CHECK;

/* What one parcel held: {"received": [slots], "defective": {slot: remark},
 * "device": serial of the old device, with slot "device"}. In a case whose
 * originals are awaited, or to be supplemented; there the clerk's word moves it
 * on as soon as all is there. An old device has to be the one of the
 * certificate; it is taken in as returned. *to: the state afterwards; *out: the
 * papers, as intake_papers_json(). */
struct intake {
    const char *number;
    const char *received[INTAKE_SLOTS_MAX];
    size_t received_count;
    struct {
        const char *slot;
        const char *remark;
    } defective[INTAKE_SLOTS_MAX];
    size_t defective_count;
    const char *device; /* NULL */
    const char *officer_id;
    int64_t at;
};
/* Texts are borrowed from `object`. */
bool intake_parse(const json_t *object, struct intake *out,
                  struct error *err) MUST_CHECK;
bool intake_take(const struct business *business, struct db *db,
                 const struct intake *intake, enum case_state *to, json_t **out,
                 struct error *err) MUST_CHECK;

/* A device that came back, for whatever reason: what its case waited for (a
 * refund) goes on. */
bool intake_device_back(struct db *db, const char *serial,
                        const char *officer_id, int64_t at,
                        struct error *err) MUST_CHECK;

#endif
