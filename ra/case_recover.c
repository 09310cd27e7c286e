/* Cases of business recover: ra/case_recover.h. */
#include "ra/case_recover.h"

#include <string.h>

#include "db/holder.h"
#include "ra/case_facts.h"
#include "ra/device.h"

bool
case_recover_condition(const struct business *business, struct db *db,
                       const char *account, const char *device, int64_t at,
                       struct error *why, bool *holds, struct error *err)
{
    const struct definition *definition =
        definition_get(business->definitions, BUSINESS_RECOVER);
    struct db_holder live = {0};
    struct db_device carrier = {0};
    bool found = false;
    bool ok = false;

    *holds = false;
    if (!db_holder_live(db, account, at, &found, &live, err) ||
        (device != NULL && !db_device_get(db, device, false, &carrier, err)))
        goto out;
    *holds = (device == NULL || device_carries(&carrier, account, why)) &&
             case_condition(definition, found ? &live : NULL, at, why) &&
             ((device != NULL && live.device != NULL &&
               strcmp(live.device, device) == 0) ||
              error_set(why, ERROR_CONFLICT,
                        "有效证书不在此介质中 / the live certificate is not in "
                        "this device"));
    ok = true;
out:
    db_device_clear(&carrier);
    db_holder_clear(&live);
    return ok;
}

/* Why no keys come, for good; NULL for what is no such end. */
static const char *
failure(const char *recovery)
{
    static const struct {
        const char *recovery;
        const char *why;
    } failures[] = {
        {"none", "密钥管理中心没有本单位的密钥 / the key management centre has "
                 "no keys of this unit"},
        {"refused", "密钥管理中心未批准 / the key management centre refused"},
        {"aborted",
         "密钥管理中心已中止办理 / the key management centre gave it "
         "up"},
    };

    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
        if (strcmp(failures[i].recovery, recovery) == 0)
            return failures[i].why;
    return NULL;
}

bool
case_recover_step(const struct business *business, struct db *db,
                  const struct db_case *row, const char *recovery,
                  const char *problem, int64_t at, struct error *err)
{
    struct case_act act = {.number = row->number,
                           .event = CASE_REFUSE,
                           .who = CASE_BY_SYSTEM,
                           .actor = "signet-ra",
                           .remark = problem,
                           .at = at};
    struct error why = {0};
    bool holds = false;

    if (strcmp(row->state, case_state_name(CASE_RECOVERING)) != 0)
        return true;
    if (recovery != NULL &&
        (strcmp(recovery, "open") == 0 || strcmp(recovery, "approved") == 0))
        return true;
    if (recovery != NULL && strcmp(recovery, "done") == 0) {
        act.event = CASE_ISSUE;
    } else if (recovery != NULL && failure(recovery) != NULL) {
        act.event = CASE_FAIL;
        act.remark = failure(recovery);
    } else {
        if (!case_recover_condition(business, db, row->account, row->device, at,
                                    &why, &holds, err))
            return false;
        if (!holds) {
            act.event = CASE_FAIL;
            act.remark = why.what;
        } else if (recovery != NULL) {
            act.remark = "密钥管理中心逾期未审批 / nobody at the key "
                         "management centre decided in time";
        }
    }
    return case_apply_within(business, db, &act, NULL, err);
}
