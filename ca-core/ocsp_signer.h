/*
 * Certificates of delegated OCSP signers (RFC 6960, 4.2.2.2): short-lived,
 * never revoked (id-pkix-ocsp-nocheck), renewed well ahead by signet-ca for the
 * keys that a ceremony made in the OCSP token. signet-ocsp picks up the newest
 * from the database; it never asks for one.
 */
#ifndef CA_CORE_OCSP_SIGNER_H
#define CA_CORE_OCSP_SIGNER_H

#include "base/config.h"
#include "ca-core/certify.h"
#include "ca-core/lease.h"

/* Certifies an OCSP key: subject from the issuer's country and organisation and
 * the issuer's name, `validity_s` from `request->now`, cut at the issuer's end.
 * The request brings order, ordinal, profile, key, URL, time and callbacks. */
bool ocsp_signer_certify(struct db *db, const struct certify_issuer *issuer,
                         const struct certify_request *request,
                         int64_t validity_s, struct buf *der,
                         struct error *err) MUST_CHECK;

/* As certify_build(), the same certificate without database or token. */
bool ocsp_signer_build(const struct certify_issuer *issuer,
                       const struct certify_request *request,
                       int64_t validity_s, struct certify_built *out,
                       struct error *err) MUST_CHECK;

/* The job: every few seconds, in any number of processes, of which the one that
 * holds the lease works. */
struct ocsp_signer_job {
    struct hsm *hsm;   /* of the issuers' keys; borrowed */
    const char *token; /* its label: issuers of other tokens are left out */
    const char *publish_url;
    const struct profile *profile; /* ocsp-signer; borrowed */
    int64_t validity_s;
    int64_t renew_s; /* age at which a certificate gets its successor */
    struct lease lease;
};

/* The settings ca.ocsp_signer_*. ERROR_INPUT when certificates would end before
 * they are renewed, or there is no profile ocsp-signer. */
bool ocsp_signer_job_init(struct ocsp_signer_job *job, struct hsm *hsm,
                          const struct config *config,
                          const struct profile_set *profiles,
                          struct error *err) MUST_CHECK;

/* Gives each key that is due its next certificate, and finishes what was
 * recorded and not signed. One that fails does not keep the others from theirs;
 * the first failure is returned. */
bool ocsp_signer_job_run(struct ocsp_signer_job *job, struct db *db,
                         int64_t now, struct error *err) MUST_CHECK;

#endif
