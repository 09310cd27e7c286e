/*
 * A whole CA core for tests: a private PostgreSQL, a private SoftHSM with the
 * key of an issuing CA, the profiles of config/, officers, the writer. What
 * goes wrong while it is made ends the test program.
 */
#ifndef TESTS_UNIT_CORE_PARTS_H
#define TESTS_UNIT_CORE_PARTS_H

#include "ca-core/handlers.h"
#include "soft_ca.h"
#include "soft_token.h"

struct core_officer {
    char officer_id[TEXT_UUID_LEN + 1];
    const char *person;
    const char *role; /* of those that core_start() enrolls */
    struct soft_key key;
    struct buf certificate; /* DER, signed by itself */
};

enum core_who { /* of core.officer */
                CORE_CLERK,
                CORE_FIRST,
                CORE_SECOND,
                CORE_ADMIN,
                CORE_ADMIN_2,
                CORE_ADMIN_3,
                CORE_MAKER,
                CORE_OFFICER_COUNT,
};

struct core {
    struct soft_token token;
    struct hsm *hsm;
    struct soft_ca root; /* software: it only signs the issuing CA */
    struct ca_service service;
    struct ca_worker *worker;
    struct core_officer officer[CORE_OFFICER_COUNT];
};

/* The issuer is "issuing-1", P-256. `signers` threads sign. */
void core_start(struct core *core, size_t signers);
/* The same with that many signer processes, as the service has. */
void core_start_services(struct core *core, size_t signers);
void core_stop(struct core *core);
/* Ends and starts the writer, as a process would. */
void core_restart_writer(struct core *core, size_t signers);

/* A key with its certificate from `not_before` to `not_after`. */
void core_officer_make(struct core_officer *out, const char *person,
                       int64_t not_before, int64_t not_after);
void core_officer_clear(struct core_officer *officer);
/* Puts an officer with one role (NULL: none) into the register. */
void core_officer_enroll(struct core *core, struct core_officer *officer,
                         const char *role);
/* Another credential of an officer who is there. */
void core_officer_add(struct core *core, const char *officer_id,
                      const struct core_officer *credential);

/* An order of profile organisation-signing: a fresh id, a fresh P-256 key, the
 * organisation named; one year. The caller owns it. */
json_t *core_issue_order(const char *organization);
/* The same for renew, rekey, reissue and change of a certificate; fate is
 * "none", "hold" or "revoke" (superseded). */
json_t *core_successor_order(const char *kind, const char *serial,
                             const char *fate);
/* Hold, release or revoke (keyCompromise if `reason` is NULL). */
json_t *core_change_order(const char *kind, const char *serial,
                          const char *reason);

/* An officer's decision over an order, now plus `offset_s`. */
json_t *core_decide(const json_t *order, enum api_step step,
                    const struct core_officer *officer, int64_t offset_s);

/* {"order", "decisions"} with both reviews. Takes the order. */
json_t *core_reviewed(const struct core *core, json_t *take_order);

/* {"order", "decisions"} of these, as many as are not NULL. Takes all. */
json_t *core_envelope(json_t *take_order, json_t *take_first,
                      json_t *take_second, json_t *take_third);

/* Signs a decision that is filled in otherwise, over this order, with the
 * certificate's key. */
json_t *core_sign(const json_t *order, struct api_decision *decision,
                  const uint8_t *certificate, size_t len, EVP_PKEY *key);

/* Hands an envelope in at a desk of its own (any thread). Takes it. NULL after
 * a failure; otherwise the caller owns the answer. */
json_t *core_hand_in(const struct core *core, json_t *take_envelope,
                     struct error *err);
/* Order with both reviews, which must succeed: the answer. */
json_t *core_must(const struct core *core, json_t *take_order);

/* Takes the envelope, which must be refused with this code for that reason; and
 * in the log it stands as refused. */
void core_refused(const struct core *core, json_t *take_envelope,
                  enum error_code code, const char *why);

/* Judges the whole log as an auditor would who has nothing else, but that the
 * officers of core_start() are taken for those of a ceremony. */
bool core_audit(const struct core *core, struct error *err) MUST_CHECK;

/* core_audit(), then core_stop(): what a cmocka teardown returns. */
int core_audit_and_stop(struct core *core);

/* Serial of the answer's certificate, hex. Borrowed from the answer. */
const char *core_serial(const json_t *answer);

#endif
