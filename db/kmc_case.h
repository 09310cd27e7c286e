/* Cases that open the recovery token, and who approved them: tables
 * kmc.recovery_case and kmc.approval. */
#ifndef DB_KMC_CASE_H
#define DB_KMC_CASE_H

#include "db/kmc_key.h"

struct db_kmc_case {
    char id[TEXT_UUID_LEN + 1];
    char kind[16];
    char state[16];
    char requester[DB_KMC_NAME_MAX];
    char opened_by[DB_KMC_NAME_MAX];
    uint8_t *body; /* owned */
    size_t body_len;
    uint8_t digest[32];
    int64_t opened_at;
    int64_t expires_at;
    int64_t closed_at; /* 0: not yet */
    char *outcome;     /* owned; NULL: none */
    uint8_t *answer;   /* owned; NULL: none */
    size_t answer_len;
};

void db_kmc_case_clear(struct db_kmc_case *c);

/* As open. ERROR_CONFLICT: this id is taken. */
bool db_kmc_case_insert(struct db *db, const struct db_kmc_case *c,
                        struct error *err) MUST_CHECK;
/* ERROR_NOT_FOUND. _lock keeps others from it until the transaction ends. The
 * caller clears `out`. */
bool db_kmc_case_get(struct db *db, const char *id, struct db_kmc_case *out,
                     struct error *err) MUST_CHECK;
bool db_kmc_case_lock(struct db *db, const char *id, struct db_kmc_case *out,
                      struct error *err) MUST_CHECK;
/* `max`, open ones first, the newest of each; those that are beyond their time
 * (still open, or with an answer that nobody took). The caller clears each and
 * frees *out. */
bool db_kmc_case_list(struct db *db, int64_t max, struct db_kmc_case **out,
                      size_t *count, struct error *err) MUST_CHECK;
bool db_kmc_case_overdue(struct db *db, int64_t now, struct db_kmc_case **out,
                         size_t *count, struct error *err) MUST_CHECK;
void db_kmc_cases_free(struct db_kmc_case *cases, size_t count);

/* ERROR_CONFLICT if it is not in state `from`. `closed_at` 0: not closed;
 * `outcome` and `answer` may be NULL. */
bool db_kmc_case_move(struct db *db, const char *id, const char *from,
                      const char *to, int64_t closed_at, const char *outcome,
                      const uint8_t *answer, size_t answer_len,
                      struct error *err) MUST_CHECK;
/* The answer is not needed any more. */
bool db_kmc_case_received(struct db *db, const char *id, bool *changed,
                          struct error *err) MUST_CHECK;

typedef void db_kmc_case_count(const char *kind, const char *state,
                               int64_t count, void *arg);
bool db_kmc_case_counts(struct db *db, db_kmc_case_count *each, void *arg,
                        struct error *err) MUST_CHECK;

/* Texts and octets are borrowed for an insert, owned in a list. */
struct db_kmc_approval {
    char party[DB_KMC_NAME_MAX];
    char step[32];
    char verdict[16];
    uint8_t *statement;
    size_t statement_len;
    uint8_t *signature;
    size_t signature_len;
    int64_t decided_at;
};

/* *is_new is false when this party has decided before: nothing changes. */
bool db_kmc_approval_insert(struct db *db, const char *id,
                            const struct db_kmc_approval *approval,
                            bool *is_new, struct error *err) MUST_CHECK;
bool db_kmc_approval_list(struct db *db, const char *id,
                          struct db_kmc_approval **out, size_t *count,
                          struct error *err) MUST_CHECK;
void db_kmc_approvals_free(struct db_kmc_approval *approvals, size_t count);

#endif
