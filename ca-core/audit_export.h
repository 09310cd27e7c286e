/*
 * Exports the log as the auditor: the entries from the database by the role
 * signet_audit, the manifest from signet-ca, each compared with the other.
 */
#ifndef CA_CORE_AUDIT_EXPORT_H
#define CA_CORE_AUDIT_EXPORT_H

#include "base/http_client.h"
#include "ca-core/audit_record.h"
#include "ca-core/manifest.h"
#include "db/db.h"

struct audit_export {
    struct db *db;              /* with the statements of signet_audit */
    struct http_client *client; /* to signet-ca, as its auditor */
    int64_t from, to;
    enum audit_format format;
    const char *path; /* and path.manifest.json */
};

/* Where the manifest of an export lies; false when that is too long. */
bool audit_manifest_path(const char *path, char *out, size_t size) MUST_CHECK;

/* Both files are there and whole, or an error and no new file. `out` gets what
 * was signed. Constant memory. */
bool audit_export(const struct audit_export *run, struct manifest *out,
                  struct error *err) MUST_CHECK;

#endif
