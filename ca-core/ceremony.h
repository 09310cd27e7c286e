/*
 * The key ceremony: one reviewed file says what is made and before whom; a run
 * makes it, on the operator's machine with the tokens in this process, and
 * leaves a signed protocol.
 *
 * Everything is recorded before it is signed: the file is the body of an order
 * of kind `ceremony`, every certificate is a row `intended` with its complete
 * TBSCertificate first, every step an entry of the log. A run that was
 * interrupted is run again with the same file: keys are found by identifiers
 * that follow from the ceremony's id, certificates by the order and their
 * ordinal; nothing is made twice.
 *
 * The file: config/schema/ceremony.xsd.
 */
#ifndef CA_CORE_CEREMONY_H
#define CA_CORE_CEREMONY_H

#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/xml.h"
#include "ca-core/api.h"
#include "ca-core/name.h"
#include "ca-core/profile.h"
#include "ca-core/san.h"
#include "db/issuer.h"
#include "hsm/scheme.h"

enum {
    CEREMONY_WITNESSES_MAX = 32,
    CEREMONY_AUTHORITIES_MAX = 16,
    CEREMONY_OCSP_KEYS_MAX = 4,
    CEREMONY_SERVICES_MAX = 64,
    CEREMONY_OFFICERS_MAX = 64,
    CEREMONY_SANS_MAX = 64,
};

/* ---- What is planned --------------------------------------------------- */

/* Texts are borrowed from the document that struct ceremony owns. */
struct ceremony_witness {
    const char *name, *role;
};

struct ceremony_ocsp_key {
    enum hsm_key_type type;
    int days; /* of its first signer certificate */
};

struct ceremony_authority {
    const char *name;
    const struct profile *profile; /* borrowed from the set */
    struct api_subject subject;
    enum hsm_key_type type;
    enum hsm_scheme scheme;
    int years;
    const char *parent;   /* NULL: a root */
    const char *replaces; /* NULL: the first of its kind */
    enum db_issuer_state state;
    struct ceremony_ocsp_key ocsp_key[CEREMONY_OCSP_KEYS_MAX];
    size_t ocsp_key_count;
};

struct ceremony_service {
    const char *name;
    const struct profile *profile;
    const char *issuer;
    enum hsm_key_type type;
    int days;
    struct api_subject subject;
    struct api_san san[CEREMONY_SANS_MAX];
    size_t san_count;
};

struct ceremony_officer {
    const char *name;
    const char *person;
    const struct profile *profile;
    const char *issuer;
    int days;
    const char *csr; /* path; NULL: a key file is made */
    enum hsm_key_type type;
    struct api_subject subject;
    enum api_role role[API_ROLES_MAX];
    size_t role_count;
};

struct ceremony {
    const char *id; /* UUID: the order's */
    const char *title;
    struct ceremony_witness witness[CEREMONY_WITNESSES_MAX];
    size_t witness_count;
    bool has_log_key;
    enum hsm_key_type log_key_type;
    struct ceremony_authority authority[CEREMONY_AUTHORITIES_MAX];
    size_t authority_count;
    struct ceremony_service service[CEREMONY_SERVICES_MAX];
    size_t service_count;
    struct ceremony_officer officer[CEREMONY_OFFICERS_MAX];
    size_t officer_count;

    uint8_t *file; /* as reviewed */
    size_t file_len;
    uint8_t digest[32]; /* SHA-256 of it */
    char *folder;       /* of the file: where relative paths begin */
    struct xml *xml;
};

/* Reads a file and judges it against the schema and the profiles (which must
 * outlive it): profiles there and fit, subjects, keys, SANs and schemes
 * allowed, parents and issuers named before they are used or not of this file.
 * ERROR_INPUT tells the line. The caller frees. */
bool ceremony_load(const char *path, const char *schema_dir,
                   const struct profile_set *profiles, struct ceremony **out,
                   struct error *err) MUST_CHECK;
/* From memory; `name` stands for the file in errors. */
bool ceremony_parse(const uint8_t *data, size_t len, const char *name,
                    const char *schema_dir, const struct profile_set *profiles,
                    struct ceremony **out, struct error *err) MUST_CHECK;
void ceremony_free(struct ceremony *ceremony); /* NULL is nothing */

/* The authority of this file with that name; NULL if there is none. */
const struct ceremony_authority *
ceremony_authority_find(const struct ceremony *ceremony, const char *name);

/* CKA_ID of a key of this ceremony: 16 octets that follow from the ceremony's
 * id, the key's purpose ("authority root-1", "ocsp issuing-1 0", "log") and the
 * attempt. */
enum { CEREMONY_KEY_ID_LEN = 16 };
bool ceremony_key_id(const struct ceremony *ceremony, const char *purpose,
                     unsigned attempt, uint8_t out[CEREMONY_KEY_ID_LEN],
                     struct error *err) MUST_CHECK;

/* The officer's UUID (version 8 of RFC 9562), which follows from the
 * ceremony's id and the person. */
bool ceremony_officer_id(const struct ceremony *ceremony, const char *person,
                         char out[TEXT_UUID_LEN + 1],
                         struct error *err) MUST_CHECK;

/* ---- Doing it ---------------------------------------------------------- */

/* Everything is built with throw-away keys of the same types and linted;
 * `report` gets what would be made, in words. No token, no database.
 * Authorities of the database that the file refers to are stood in for.
 * ERROR_INPUT with the clause for the first finding. */
bool ceremony_check(const struct ceremony *ceremony,
                    const struct profile_set *profiles, const char *publish_url,
                    int64_t now, struct buf *report,
                    struct error *err) MUST_CHECK;

/* Runs it and writes what it made under the folder `out`:
 *   public/{root,issuing,bundle}.pem, public/NAME.{pem,cer,crl}, public/log.pem
 *   tls/NAME.{key,pem}       officers/NAME/{key.pem,cert.pem,officer_id}
 *   protocol/ceremony-ID.json and .sig
 * `was_done` tells that it had been run to its end before; nothing is done
 * then. ERROR_CONFLICT when the id was used with another file. */
bool ceremony_run(const struct ceremony *ceremony, const struct config *config,
                  const struct profile_set *profiles, const char *out,
                  bool *was_done, struct error *err) MUST_CHECK;

/* Checks protocol and signature (two files) with the log's public key (PEM) and
 * says in words what was done. ERROR_DENIED: not signed with that key. */
bool ceremony_verify(const char *protocol, const char *signature,
                     const char *log_key, struct buf *report,
                     struct error *err) MUST_CHECK;

/* What a root signs from time to time: the next CRL, and the next certificates
 * of its OCSP signers. Root `name`, NULL for all that are not planned. Needs
 * the root's token. */
bool ceremony_root_crl(const struct config *config,
                       const struct profile_set *profiles, const char *name,
                       struct buf *report, struct error *err) MUST_CHECK;

#endif
