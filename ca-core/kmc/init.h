/*
 * How a key management centre begins: the record key and the recovery key are
 * made, the PIN of `krec` is drawn, split and forgotten, and everybody who may
 * call is enrolled. Done once, while signet-kmc does not run, by the witnesses
 * of the ceremony; the log keeps who was there.
 */
#ifndef CA_CORE_KMC_INIT_H
#define CA_CORE_KMC_INIT_H

#include <openssl/x509.h>

#include "base/config.h"
#include "ca-core/kmc/case.h"
#include "hsm/hsm.h"

enum { INIT_PARTIES_MAX = 64 };

struct init_party {
    char name[DB_KMC_NAME_MAX]; /* of a person: what tells people apart */
    enum kmc_role role;
    X509 *certificate; /* owned */
};

struct init_plan {
    unsigned needed; /* m */
    struct init_party party[INIT_PARTIES_MAX];
    size_t count;
};

/* Reads "NAME=FILE" (PEM) as a party of this role. ERROR_INPUT. */
bool init_plan_add(struct init_plan *plan, enum kmc_role role, const char *text,
                   struct error *err) MUST_CHECK;
void init_plan_clear(struct init_plan *plan);

/* What it works on: kgen, the options of krec, the database of signet_kmc. */
struct init_world {
    struct hsm *kgen;
    struct hsm_options krec;
    struct db_options db;
};

/* ERROR_INPUT: fewer than `needed` operators, `needed` below 2, the same key
 * twice; ERROR_CONFLICT: it has begun before. */
bool init_run(const struct init_world *world, const struct init_plan *plan,
              int64_t now, struct error *err) MUST_CHECK;

/* Enrols one more, who is no operator: shares are dealt out once. */
bool init_enrol(const struct init_world *world, const struct init_plan *plan,
                int64_t now, struct error *err) MUST_CHECK;

struct init_check {
    int64_t keys, recovery_keys, parties, wrong;
};

/* Checks the marks of all rows; each that is wrong is told to `tell`. */
bool init_verify(const struct init_world *world, void (*tell)(const char *what),
                 struct init_check *out, struct error *err) MUST_CHECK;

#endif
