/*
 * The whole form of a case (docs/openapi.yaml, CaseWhole), its time line and
 * its history. Opens personal fields: who asks is checked, and an officer's
 * look written down, by the caller.
 */
#ifndef RA_CASE_WHOLE_H
#define RA_CASE_WHOLE_H

#include <jansson.h>

#include "ra/case_apply.h"

/* The list form and "fields", "slots", "forms", "payment"?, "papers",
 * "shipments", "remark"?, "certificate"?, "is_proved"? (of businesses that want
 * the device). The caller frees *out with json_decref(). */
bool case_whole_json(const struct business *business, struct db *db,
                     const struct db_case *row, unsigned actors, json_t **out,
                     struct error *err) MUST_CHECK;

/* {"steps": [{"at", "event", "state", "role", "remark"?, "detail"?,
 * "actor"?}]}; officers are named to officers alone. */
bool case_timeline_json(struct db *db, const struct db_case *row,
                        bool is_officer, json_t **out,
                        struct error *err) MUST_CHECK;

/* {"number", "history": [{"seq", "link": base64, "hash": hex}]}: for whoever
 * checks the chain. */
bool case_history_json(struct db *db, const struct db_case *row, json_t **out,
                       struct error *err) MUST_CHECK;

/* For reviewers: the whole form and "order", "digest", "order_id", "steps",
 * "decisions", "findings", "changes", "checklist", "making_device"?: {"serial",
 * "spki_sha256", "state", "is_signed"}. ERROR_CONFLICT before the first
 * submission. */
bool case_review_json(const struct business *business, struct db *db,
                      const struct db_case *row, unsigned actors, json_t **out,
                      struct error *err) MUST_CHECK;

#endif
