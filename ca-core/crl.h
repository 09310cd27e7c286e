/*
 * Certificate revocation lists: RFC 5280, section 5. Our own encoder writes
 * the DER in one pass from the rows of the database; through OpenSSL's objects
 * a million entries cost 60 times the time (performance.md, 6).
 *
 * Full CRLs, one for each issuer, of all its certificates: so there is no
 * issuing distribution point. The number is taken and committed before
 * anything is signed, and never less than the seconds of thisUpdate: a
 * database that was restored from a backup does not count backwards.
 */
#ifndef CA_CORE_CRL_H
#define CA_CORE_CRL_H

#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "ca-core/lease.h"
#include "db/issuer.h"
#include "hsm/hsm.h"

enum {
    CRL_MAX_LEN = 512 * 1024 * 1024, /* octets; 10 million entries */
};

/* ---- The encoder: no database, no clock, no token ---------------------- */

/* What stands around the entries. */
struct crl_head {
    enum hsm_scheme scheme;
    const uint8_t *issuer; /* DER Name, as in the issuer's certificate */
    size_t issuer_len;
    const uint8_t *key_identifier; /* the issuer's, without tag */
    size_t key_identifier_len;
    int64_t number;
    int64_t this_update;
    int64_t next_update;
};

struct crl_entry {
    const uint8_t *serial; /* big-endian magnitude */
    size_t serial_len;
    int64_t revoked_at;
    int reason;           /* CRLReason; 0 is left out: RFC 5280, 5.3.1 */
    int64_t invalid_from; /* invalidity date; 0: none */
};

struct crl_encoder {
    struct buf *out;             /* borrowed */
    const struct crl_head *head; /* borrowed */
    size_t tbs;                  /* marks of der_begin() */
    size_t entries;
    int64_t count;
};

/* Writes a TBSCertList to `out`: begin, add in any order, end. A serial added
 * twice stands there twice; the primary key of ca.certificate is what prevents
 * it. ERROR_INTERNAL from end if it did not fit. */
void crl_encode_begin(struct crl_encoder *encoder, struct buf *out,
                      const struct crl_head *head);
void crl_encode_add(struct crl_encoder *encoder, const struct crl_entry *entry);
bool crl_encode_end(struct crl_encoder *encoder, struct error *err) MUST_CHECK;

/* ---- Publishing -------------------------------------------------------- */

struct crl_published {
    int64_t number;
    int64_t this_update;
    int64_t next_update;
    int64_t entries;
};

/* Makes the issuer's next CRL: reads what is held or revoked, commits number
 * and digest, signs with the issuer's key in `hsm`, stores with its log entry
 * `crl.issued`. An entry stays until a CRL past its certificate's expiry was
 * out for `interval_s`. ERROR_CONFLICT when `now` lies before the last CRL's
 * thisUpdate (a clock that runs behind), ERROR_BUSY when another made one at
 * the same moment. A failure between the two commits leaves a number out, which
 * RFC 5280, 5.2.3 allows. */
bool crl_publish(struct db *db, struct hsm *hsm, const struct db_issuer *issuer,
                 int64_t now, int64_t validity_s, int64_t interval_s,
                 struct crl_published *out, struct error *err) MUST_CHECK;

/* When a CRL is made again. */
struct crl_schedule {
    int64_t interval_s; /* age at which there is a new one in any case */
    int64_t change_s;   /* age at which a change of status brings one */
    int64_t validity_s; /* from thisUpdate to nextUpdate */
};

/* The settings ca.crl_*; refuses a validity that is not longer than the
 * interval with ERROR_INPUT. */
bool crl_schedule_load(const struct config *config, struct crl_schedule *out,
                       struct error *err) MUST_CHECK;

/* Whether the issuer's newest CRL is to be replaced at `now`. */
bool crl_is_due(struct db *db, int32_t issuer_id,
                const struct crl_schedule *schedule, int64_t now, bool *is_due,
                struct error *err) MUST_CHECK;

/* The job: every few seconds, in any number of processes, of which the one that
 * holds the lease works. */
struct crl_job {
    struct hsm *hsm;   /* borrowed */
    const char *token; /* its label: issuers of other tokens are left out */
    struct crl_schedule schedule;
    struct lease lease;
};

bool crl_job_init(struct crl_job *job, struct hsm *hsm,
                  const struct config *config, struct error *err) MUST_CHECK;

/* Publishes for every issuer that is due, whatever its state but planned, until
 * its own certificate ends. One that fails does not keep the others from
 * theirs; the first failure is returned. */
bool crl_job_run(struct crl_job *job, struct db *db, int64_t now,
                 struct error *err) MUST_CHECK;

#endif
