/*
 * The issuers whose keys this process can use: rows of ca.issuer with the key's
 * handle, scheme and key identifier at hand. Read once and again when the table
 * has changed; whoever works with an issuer holds the set that it stands in.
 */
#ifndef CA_CORE_ISSUER_H
#define CA_CORE_ISSUER_H

#include "base/der.h"
#include "db/issuer.h"
#include "hsm/hsm.h"

enum { ISSUER_KEY_ID_MAX = 64 };

struct issuer {
    struct db_issuer row;
    enum hsm_scheme scheme;
    uint8_t key_id[ISSUER_KEY_ID_MAX]; /* its subjectKeyIdentifier */
    size_t key_id_len;
    struct hsm *hsm;           /* borrowed; NULL: its token is not ours */
    const struct hsm_key *key; /* borrowed; NULL: not there (now) */
};

struct issuer_set {
    struct issuer *at; /* by issuer_id */
    size_t count;
    int references; /* of issuers.c */
};

struct issuers;

/* `hsm` is the open token with label `token`; both are borrowed for life. Empty
 * until issuers_refresh(). `hsm` may be NULL where nothing is signed. */
void issuers_new(struct hsm *hsm, const char *token, struct issuers **out);
void issuers_free(struct issuers *issuers); /* NULL is nothing */

/* Reads the table and replaces the set if it has changed, or if a key that was
 * not to be had is there now. Any thread. A key that may not be used (it can be
 * extracted) is logged and left out. */
bool issuers_refresh(struct issuers *issuers, struct db *db,
                     struct error *err) MUST_CHECK;

/* Refreshes unless issuers were read once already: before that every order
 * would seem to name an issuer that does not exist. */
bool issuers_ready(struct issuers *issuers, struct db *db,
                   struct error *err) MUST_CHECK;

/* The newest set; give it back with issuers_release(). */
struct issuer_set *issuers_get(struct issuers *issuers);
/* One more reference to a set that is held. */
struct issuer_set *issuers_hold(struct issuers *issuers,
                                struct issuer_set *set);
void issuers_release(struct issuers *issuers, struct issuer_set *set);

/* NULL when there is none. Borrowed from the set. */
const struct issuer *issuer_find(const struct issuer_set *set,
                                 const char *name);
const struct issuer *issuer_by_id(const struct issuer_set *set,
                                  int32_t issuer_id);

#endif
