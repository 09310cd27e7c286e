/* What a root that stays offline signs from time to time: its CRL and the
 * certificates of its OCSP signers. */
#include "ca-core/ceremony_internal.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "ca-core/crl.h"
#include "ca-core/ocsp_signer.h"

enum { OCSP_SIGNER_VALIDITY_S = 90 * 86400 }; /* the profile's longest */

struct root_work {
    const struct config *config;
    struct db_options db_options;
    struct db *db;
    struct hsm *hsm;
    const char *name; /* NULL: all */
    struct buf *report;
};

static bool
publish(struct root_work *work, const struct db_issuer *row, struct error *err)
{
    char until[CLOCK_TEXT_LEN + 1];
    struct crl_published crl;

    if (!crl_publish(work->db, work->hsm, row, clock_now(),
                     config_int(work->config, "ca.root_crl_validity_s"),
                     config_int(work->config, "ca.root_crl_validity_s"), &crl,
                     err))
        return false;
    clock_format(crl.next_update, until);
    (void)buf_addf(work->report,
                   "%s: CRL %" PRId64 " of %" PRId64 " entries until %s\n",
                   row->name, crl.number, crl.entries, until);
    return true;
}

static bool
publish_all(struct root_work *work, struct error *err)
{
    const char *token = config_text(work->config, "hsm.root.token");
    struct db_issuer *rows = NULL;
    size_t count = 0, published = 0, i;
    bool ok;

    ok = db_issuer_list(work->db, &rows, &count, err);
    for (i = 0; ok && i < count; i++) {
        if (strcmp(rows[i].token, token) != 0 ||
            rows[i].state == DB_ISSUER_PLANNED ||
            (work->name != NULL && strcmp(rows[i].name, work->name) != 0))
            continue;
        ok = publish(work, &rows[i], err);
        published++;
    }
    db_issuers_free(rows, count);
    if (ok && published == 0)
        return error_set(err, ERROR_NOT_FOUND,
                         "there is no such root in the database");
    return ok;
}

static bool
renew_signers(struct root_work *work, const struct profile_set *profiles,
              struct error *err)
{
    struct ocsp_signer_job job;

    if (!ocsp_signer_job_init(&job, work->hsm, work->config, profiles, err))
        return false;
    job.token = config_text(work->config, "hsm.root.token");
    /* The root is seldom here: now, and for as long as may be. */
    job.validity_s = OCSP_SIGNER_VALIDITY_S;
    job.renew_s = 0;
    if (!ocsp_signer_job_run(&job, work->db, clock_now(), err))
        return false;
    (void)buf_add_text(work->report, "OCSP signers renewed\n");
    return true;
}

bool
ceremony_root_crl(const struct config *config,
                  const struct profile_set *profiles, const char *name,
                  struct buf *report, struct error *err)
{
    struct root_work work = {.config = config, .name = name, .report = report};
    bool ok;

    ok = ceremony_open_database(config, &work.db_options, &work.db, err) &&
         ceremony_open_token(config, "root", &work.hsm, err) &&
         publish_all(&work, err) && renew_signers(&work, profiles, err);
    hsm_close(work.hsm);
    db_close(work.db);
    return ok;
}
