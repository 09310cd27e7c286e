/*
 * A signet-kmc that keeps its keys in this process: the API of
 * docs/architecture.md over real HTTPS with client certificates. Its keys are
 * RSA-2048; what it delivers is text that says what it is of.
 */
#ifndef TESTS_UNIT_FAKE_KMC_H
#define TESTS_UNIT_FAKE_KMC_H

#include "ca-core/escrow.h"
#include "http_parts.h"

enum { FAKE_KMC_KEYS = 48, FAKE_KMC_CASES = 32 };

struct fake_kmc_key {
    char id[TEXT_UUID_LEN + 1], request[TEXT_UUID_LEN + 1];
    char holder[ESCROW_HOLDER_MAX + 1];
    char *transport; /* base64 */
    struct buf spki;
    bool is_history, is_received;
};

struct fake_kmc_case {
    char id[TEXT_UUID_LEN + 1];
    const char *state;
    json_t *body; /* as it was opened */
    bool is_received;
};

struct fake_kmc {
    struct http_parts http;
    char folder[64];
    char url[64], trust[128], certificate[128], key_file[128];
    struct escrow_options options; /* to reach it */
    pthread_mutex_t lock;
    struct fake_kmc_key key[FAKE_KMC_KEYS];
    size_t key_count;
    struct fake_kmc_case opened[FAKE_KMC_CASES];
    size_t case_count;
    int calls;
    bool is_busy;       /* says 503 */
    bool is_forbidding; /* says 403 */
    const char *says;   /* this instead of any answer; NULL: the truth */
};

/* One at a time in a program. */
void fake_kmc_start(struct fake_kmc *kmc);
void fake_kmc_stop(struct fake_kmc *kmc);

/* A key that was there before. */
const struct fake_kmc_key *fake_kmc_add(struct fake_kmc *kmc,
                                        const char *holder);

#endif
