/*
 * Cases for tests on a real database: definitions and vault, an account with
 * its record, officers who sign, and short cuts for what other areas do (scans,
 * papers, payments, devices), by SQL. What goes wrong here ends the test
 * program.
 */
#ifndef TESTS_UNIT_CASE_PARTS_H
#define TESTS_UNIT_CASE_PARTS_H

#include <openssl/evp.h>

#include "ra/case_apply.h"
#include "ra/officer.h"

struct case_officer {
    struct review_officer facts;
    EVP_PKEY *key;
    struct buf certificate;
};

struct case_parts {
    struct business business;
    struct definitions *definitions;
    struct vault *vault;
    struct db *db; /* as signet_ra; opened by case_parts_open() */
    struct case_officer clerk, first, second, maker, third;
    int64_t now;                          /* fixed */
    const char *account;                  /* that files and acts: "example" */
    EVP_PKEY *device_key, *transport_key; /* of the devices */
    const struct buf *csr; /* that a device sends; given by who needs one */
};

/* For the group; PostgreSQL runs. */
void case_parts_init(struct case_parts *parts);
void case_parts_clear(struct case_parts *parts);
/* For one test: an empty database, an account "example" with its record. */
void case_parts_open(struct case_parts *parts);
void case_parts_close(struct case_parts *parts);
/* Another account, with a record of its own. */
void case_parts_account(const char *account);

/* Fields that are right for this business. The caller releases them. */
json_t *case_parts_fields(enum case_business business);
/* The same without those that the definition does not know. */
json_t *case_parts_own_fields(const struct case_parts *parts,
                              enum case_business business);

/* Files a case as account "example". False with `err` as case_create(). */
bool case_parts_create(struct case_parts *parts, enum case_business business,
                       char number[DB_CASE_NUMBER_MAX + 1], struct error *err);
bool case_parts_act(struct case_parts *parts, const char *number,
                    enum case_event event, enum case_actor who,
                    struct error *err);
bool case_parts_decide(struct case_parts *parts, const char *number,
                       const struct case_officer *officer, enum api_step step,
                       enum api_verdict verdict, struct error *err);

/* A scan in every slot that the definition wants, forms of this revision. */
void case_parts_documents(struct case_parts *parts, const char *number);
void case_parts_papers(const char *number);
void case_parts_pay(const char *number);
/* A device for the case, personalised and signed for by the maker; then on its
 * way. */
void case_parts_device(struct case_parts *parts, const char *number,
                       const char *serial);
/* The same; false when the maker's signature is not taken. */
bool case_parts_try_device(struct case_parts *parts, const char *number,
                           const char *serial);
/* What the device adds, for `change` of struct case_act; `arg` is the parts:
 * its request at activation, the two orders of a renewal. */
bool case_parts_activate(struct db *db, struct db_case *row, void *arg,
                         struct error *err);
bool case_parts_sign(struct db *db, struct db_case *row, void *arg,
                     struct error *err);
/* A live certificate of the account, issued by an earlier case (that it
 * makes), bound, which ends at `not_after`. */
void case_parts_live(struct case_parts *parts, const char *account,
                     int64_t not_after);

/* The other half of that certificate: for encryption. */
void case_parts_live_pair(const char *account);

/* A certificate for the key, signed with itself. */
void case_parts_certificate(EVP_PKEY *key, int64_t not_before,
                            int64_t not_after, struct buf *out);

/* An installed seal of that certificate. */
void case_parts_seal(const char *account);
const char *case_parts_state(const char *number);

#endif
