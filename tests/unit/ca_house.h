/*
 * A small authority for tests: private PostgreSQL (the caller starts and stops
 * it), private tokens signet-root, signet-ca and signet-ocsp, a configuration,
 * the profiles of the house, and a folder for what ceremonies leave. Ceremonies
 * run in it as in earnest.
 */
#ifndef TESTS_UNIT_CA_HOUSE_H
#define TESTS_UNIT_CA_HOUSE_H

#include "base/config.h"
#include "ca-core/ceremony.h"
#include "ca-core/certify.h"
#include "db/issuer.h"
#include "hsm/hsm.h"
#include "tests/unit/soft_token.h"

struct ca_house {
    struct soft_token token;
    struct config *config;
    struct profile_set profiles;
    char out[128];
    struct db_options db_options;
    struct db *db;   /* opened by ca_house_open() */
    struct hsm *hsm; /* of signet-ca, likewise */
};

/* Root, issuing authority, OCSP and log keys, one service, one officer; not yet
 * run. */
extern const char ca_house_small[];

/* Calls through the module of tests/fault/p11fault.c if `is_spoilt`. */
void ca_house_make(struct ca_house *house, bool is_spoilt);
void ca_house_remove(struct ca_house *house);

/* Empties the database and the folder; the tokens' keys stay. */
void ca_house_reset(struct ca_house *house);

/* Parses and runs; false with the error. */
bool ca_house_run(struct ca_house *house, const char *xml, bool *was_done,
                  struct error *err) MUST_CHECK;
struct ceremony *ca_house_parse(struct ca_house *house, const char *xml);

/* The same in a process of its own, which `rules` may kill: whether it came to
 * a good end. */
bool ca_house_run_apart(struct ca_house *house, const char *xml,
                        const char *rules);

void ca_house_open(struct ca_house *house);
void ca_house_close(struct ca_house *house);

/* A copy of the issuer's row; free with db_issuers_free(row, 1). */
struct db_issuer *ca_house_issuer(struct ca_house *house, const char *name);

/* A certificate of an organisation under the issuer, valid until `not_after`;
 * its serial. */
void ca_house_certify(struct ca_house *house, const struct db_issuer *issuer,
                      int64_t not_after, uint8_t serial[DB_SERIAL_LEN]);
/* A status change with its log entry. */
void ca_house_change(struct ca_house *house, const struct db_issuer *issuer,
                     const uint8_t serial[DB_SERIAL_LEN],
                     enum db_certificate_state from,
                     enum db_certificate_state to, int reason, int64_t at,
                     int64_t invalid_from);

#endif
