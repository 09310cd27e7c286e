/*
 * The auditor's part: judges an export of the log by itself, with neither
 * database nor network: every line as it was written, every hash that of its
 * body, every index once and in order, the root that of the manifest, the
 * manifest signed by the log key, and every decision of an officer signed over
 * the order that the entry holds with the certificate beside it. An export that
 * begins with the log's first entry tells who was an officer when: then
 * accepted orders are judged anew, as the core had to
 * (ca-core/audit_register.h).
 */
#ifndef CA_CORE_AUDIT_VERIFY_H
#define CA_CORE_AUDIT_VERIFY_H

#include <stdio.h>

#include "ca-core/audit_record.h"
#include "ca-core/manifest.h"

struct audit_verdict {
    int64_t entries;   /* lines read */
    int64_t decisions; /* signatures of officers that were checked */
    int64_t officers; /* whose enrolment was read; -1: not from the beginning */
    int64_t findings; /* 0: the export is what the CA signed */
};

/* Told of each finding, in one sentence that names the entry. */
typedef void audit_tell(const char *finding, void *arg);

/* Reads `file` to its end, whose first line tells the format. `manifest` is
 * what manifest_parse() gave; `trusted` the log's public key, or NULL. False
 * only when the file cannot be read. Constant memory. */
bool audit_verify(FILE *file, const struct manifest_signed *manifest,
                  EVP_PKEY *trusted, audit_tell *tell, void *arg,
                  struct audit_verdict *out, struct error *err) MUST_CHECK;

#endif
