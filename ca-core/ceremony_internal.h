/* What the files of a ceremony share. Internal to ca-core/ceremony*.c. */
#ifndef CA_CORE_CEREMONY_INTERNAL_H
#define CA_CORE_CEREMONY_INTERNAL_H

#include <openssl/evp.h>

#include "base/json.h"
#include "ca-core/ceremony.h"
#include "ca-core/certify.h"
#include "db/log_key.h"
#include "hsm/hsm.h"

/* Ordinals of the order's certificates follow from the place in the file, so
 * that a second run finds what the first made. */
enum {
    ORDINAL_AUTHORITY = 16, /* times the place; + 0: its own certificate */
    ORDINAL_OCSP_KEY = 1,   /* + place: of its OCSP keys */
    ORDINAL_NEW_BY_OLD = 8, /* + : link certificates */
    ORDINAL_OLD_BY_NEW = 9,
    ORDINAL_SERVICE = 1000,
    ORDINAL_OFFICER = 2000,
};

/* An authority of the file while it comes into being. */
struct making {
    const struct ceremony_authority *plan;
    struct db_issuer row; /* `certificate` and `not_after` as soon as signed */
    struct buf certificate;
};

/* One run. */
struct run {
    const struct ceremony *plan;
    const struct config *config;
    const struct profile *ocsp_signer, *link; /* profiles; borrowed */
    const char *out;                          /* folder of the files */
    int64_t now;                              /* when it began */
    struct db_options db_options;
    struct db *db;
    struct hsm *root, *ca, *ocsp; /* NULL: not needed by this file */
    struct making making[CEREMONY_AUTHORITIES_MAX];
    struct db_issuer *issuers; /* those of the database, when it began */
    size_t issuer_count;
    struct db_log_key log_row;
    const struct hsm_key *log_key;
    enum hsm_scheme log_scheme;
    json_t *keys; /* for the protocol */
    json_t *crls;
};

/* ---- ceremony_key.c ---------------------------------------------------- */

/* The key pair of this purpose in a token: found, or made now. A kill while a
 * token makes a pair can leave half of one under an identifier (feasibility.md,
 * B3), so the next is taken then. */
bool ceremony_token_key(struct run *run, struct hsm *hsm, const char *token,
                        const char *purpose, const char *label,
                        enum hsm_key_type type, const struct hsm_key **out,
                        struct error *err) MUST_CHECK;

/* A key made in this process. The caller frees. */
bool ceremony_soft_key(enum hsm_key_type type, EVP_PKEY **out,
                       struct error *err) MUST_CHECK;
/* The key in a PEM file, or a new one, written there first with mode 0600. */
bool ceremony_file_key(const char *path, enum hsm_key_type type, EVP_PKEY **out,
                       struct error *err) MUST_CHECK;
/* Appends the DER SubjectPublicKeyInfo. */
bool ceremony_spki(EVP_PKEY *key, struct buf *out,
                   struct error *err) MUST_CHECK;
/* The SPKI of an officer's PKCS #10 request (PEM or DER), which must be signed
 * by its own key. */
bool ceremony_csr_spki(const struct ceremony *plan,
                       const struct ceremony_officer *officer, struct buf *out,
                       struct error *err) MUST_CHECK;

/* ---- ceremony_files.c -------------------------------------------------- */

/* "OUT/FOLDER/NAME.SUFFIX" (without dot if suffix is "") in `path`; makes the
 * folders. */
bool ceremony_path(const struct run *run, const char *folder, const char *name,
                   const char *suffix, struct buf *path,
                   struct error *err) MUST_CHECK;
void ceremony_add_pem(struct buf *out, const char *label, const uint8_t *der,
                      size_t len);
/* A certificate and those above it but the root, as TLS wants it. */
bool ceremony_write_chain(const struct run *run, const char *folder,
                          const char *name, const char *issuer,
                          const struct buf *certificate,
                          struct error *err) MUST_CHECK;
bool ceremony_write_officer(const struct run *run,
                            const struct ceremony_officer *officer,
                            const struct buf *certificate,
                            struct error *err) MUST_CHECK;
/* public/: what relying parties need, of all issuers of the database. */
bool ceremony_write_public(struct run *run, struct error *err) MUST_CHECK;

/* ---- ceremony_open.c --------------------------------------------------- */

/* As role signet_ca. `options` must live as long as the connection. */
bool ceremony_open_database(const struct config *config,
                            struct db_options *options, struct db **out,
                            struct error *err) MUST_CHECK;
/* The token "root", "ca" or "ocsp" of the configuration, in this process. */
bool ceremony_open_token(const struct config *config, const char *which,
                         struct hsm **out, struct error *err) MUST_CHECK;
/* Database, issuers and the tokens that the file needs. */
bool ceremony_open(struct run *run, struct error *err) MUST_CHECK;
void ceremony_close(struct run *run);
/* The issuer by name: of this run, or of the database. NULL if there is none.
 */
const struct db_issuer *ceremony_issuer(const struct run *run,
                                        const char *name);
/* The open token that holds its key. */
struct hsm *ceremony_token_of(const struct run *run,
                              const struct db_issuer *row);
/* From when to when a certificate of ours is valid. */
bool ceremony_period(struct der certificate, struct validity_period *out,
                     struct error *err) MUST_CHECK;

/* ---- ceremony_authority.c ---------------------------------------------- */

/* The authority at this place of the file: key, certificate, OCSP signers,
 * first CRL; then it takes its state, and the place of the one that it
 * replaces. */
bool ceremony_make_authority(struct run *run, size_t place,
                             struct error *err) MUST_CHECK;

/* ---- ceremony_protocol.c ----------------------------------------------- */

/* [{"name", "role"}]. The caller owns it. */
json_t *ceremony_witnesses_json(const struct ceremony *plan);
/* Writes and signs protocol/ceremony-ID.json, and gives its digest. */
bool ceremony_write_protocol(struct run *run, uint8_t digest[32],
                             struct error *err) MUST_CHECK;

#endif
