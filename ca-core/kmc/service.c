/* What the parts of signet-kmc share: ca-core/kmc/service.h. */
#include "ca-core/kmc/service.h"

#include <stdlib.h>
#include <string.h>

bool
kmc_service_aim(struct kmc_service *service, struct db *db, struct error *err)
{
    struct db_kmc_recovery_key *keys = NULL;
    size_t count = 0;
    bool is_found = false, ok;

    if (!db_kmc_recovery_key_list(db, &keys, &count, err))
        return false;
    ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        if (strcmp(keys[i].state, "active") != 0)
            continue;
        is_found = true;
        ok = mark_recovery_key_check(&service->mark, &keys[i], err);
        if (ok)
            kmc_pool_aim(service->pool, &keys[i]);
    }
    free(keys);
    return ok &&
           (is_found || error_set(err, ERROR_NOT_FOUND,
                                  "there is no recovery key: signet kmc init"));
}

bool
kmc_service_needed(const struct kmc_service *service, struct db *db,
                   int32_t *needed, struct error *err)
{
    struct db_kmc_party *parties = NULL;
    size_t count = 0;
    bool ok;

    *needed = 0;
    ok = db_kmc_party_list(db, &parties, &count, err);
    for (size_t i = 0; ok && i < count; i++)
        if (parties[i].place > 0) {
            ok = mark_party_check(&service->mark, &parties[i], err);
            *needed = parties[i].needed;
        }
    free(parties);
    return ok && (*needed >= 2 ||
                  error_set(err, ERROR_NOT_FOUND, "no operators are enrolled"));
}
