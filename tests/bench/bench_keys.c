/*
 * What keys.sh and escrow_many.sh measure: escrowed keys made through
 * signet-kmc's API (HTTPS, PostgreSQL, log), beside what the token alone must
 * do for each: generate the pair and a content key, wrap the one under the
 * other and that for the recovery key, destroy (hsm_escrow_make() and
 * hsm_escrow_drop(): nothing but these calls and the SPKI). EC P-256, for it is
 * the rate of the centre that counts here; making an RSA pair takes a tenth of
 * a second and would hide all else. Both take turns in each round; the ratio is
 * within a round, medians over the rounds.
 *
 *   bench_keys rate URL TRUST CERTIFICATE KEY
 *   bench_keys create URL TRUST CERTIFICATE KEY COUNT HOLDER
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "base/http_client.h"
#include "base/json.h"
#include "base/text.h"
#include "hsm/escrow.h"
#include "tests/unit/soft_token.h"

enum {
    ROUNDS = 5,
    COUNT = 1000,
    WARM = 50,
    CLIENTS = 8,
    RECOVERY_BITS = 3072,
    TRANSPORT_BITS = 2048,
    TIMEOUT_MS = 30000,
    BODY_MAX = 65536,
    TRIES = 200,
    PROGRESS = 10000,
};

static _Noreturn void
stop(const char *what)
{
    (void)fprintf(stderr, "bench_keys: %s\n", what);
    exit(1);
}

static void
must(bool ok, const struct error *err)
{
    if (!ok)
        stop(err->what);
}

static unsigned char *
new_spki(unsigned bits, size_t *len)
{
    EVP_PKEY *key = EVP_RSA_gen(bits);
    unsigned char *spki = NULL;
    int n = key == NULL ? 0 : i2d_PUBKEY(key, &spki);

    if (n <= 0)
        stop("no RSA key");
    EVP_PKEY_free(key);
    *len = (size_t)n;
    return spki;
}

/* ---- The centre ------------------------------------------------------------
 */

struct load {
    struct http_client_options options;
    const char *holder; /* its number follows */
    const unsigned char *transport;
    size_t transport_len;
    atomic_long next;
    long count;
};

static json_t *
body_of(const struct load *load, long number)
{
    char id[TEXT_UUID_LEN + 1], holder[64];
    struct error err = {0};
    json_t *json = json_object();

    must(text_uuid_draw(id, &err), &err);
    (void)snprintf(holder, sizeof holder, "%s-%ld", load->holder, number);
    json_set_text(json, "request_id", id);
    json_set_text(json, "key_type", "ec-p256");
    json_set_text(json, "holder", holder);
    json_set_bytes(json, "transport", load->transport, load->transport_len);
    return json;
}

/* What the CA does: the same again while the other side is busy or away. */
static void
create_one(const struct load *load, struct http_client *client, long number)
{
    json_t *body = body_of(load, number), *answer = NULL;
    struct error err = {0};
    bool ok = false;

    for (int i = 0; i < TRIES && !ok; i++) {
        ok = http_client_json(client, HTTP_POST, "/v1/keys", body, &answer,
                              &err);
        if (!ok && err.code != ERROR_BUSY)
            stop(err.what);
        if (!ok)
            (void)nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    must(ok, &err);
    json_decref(answer);
    json_decref(body);
}

static void *
run_client(void *arg)
{
    struct load *load = arg;
    struct http_client *client = NULL;
    struct error err = {0};
    long number;

    must(http_client_new(&load->options, &client, &err), &err);
    while ((number = atomic_fetch_add(&load->next, 1)) < load->count) {
        create_one(load, client, number);
        if (number % PROGRESS == PROGRESS - 1)
            (void)fprintf(stderr, "bench_keys: %ld\n", number + 1);
    }
    http_client_free(client);
    return NULL;
}

/* Keys per second. */
static double
create(struct load *load, long count)
{
    int64_t began = clock_monotonic_ms();
    pthread_t thread[CLIENTS];

    load->count = count;
    atomic_store(&load->next, 0);
    for (int i = 0; i < CLIENTS; i++)
        if (pthread_create(&thread[i], NULL, run_client, load) != 0)
            stop("no thread");
    for (int i = 0; i < CLIENTS; i++)
        (void)pthread_join(thread[i], NULL);
    return (double)count * 1000 / (double)(clock_monotonic_ms() - began);
}

/* ---- The token alone -------------------------------------------------------
 */

static double
make(struct hsm_escrow *escrow, const unsigned char *recovery, size_t len,
     int count)
{
    int64_t began = clock_monotonic_ms();
    struct hsm_escrow_pair pair;
    struct error err = {0};

    for (int i = 0; i < count; i++) {
        must(hsm_escrow_make(escrow, HSM_KEY_EC_P256, recovery, len, &pair,
                             &err),
             &err);
        hsm_escrow_drop(escrow, &pair);
    }
    return (double)count * 1000 / (double)(clock_monotonic_ms() - began);
}

static int
ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double
median(double values[ROUNDS])
{
    qsort(values, ROUNDS, sizeof *values, ascending);
    return values[ROUNDS / 2];
}

static void
compare(struct load *load)
{
    static struct soft_token token;
    struct hsm_escrow *escrow = NULL;
    double ratio[ROUNDS], per_s[ROUNDS];
    struct error err = {0};
    size_t len = 0;
    unsigned char *recovery = new_spki(RECOVERY_BITS, &len);

    soft_token_make(&token);
    must(hsm_escrow_open(&token.options, &escrow, &err), &err);
    (void)make(escrow, recovery, len, WARM);
    (void)create(load, WARM);
    for (int round = 0; round < ROUNDS; round++) {
        double alone = make(escrow, recovery, len, COUNT);

        per_s[round] = create(load, COUNT);
        ratio[round] = per_s[round] / alone;
        (void)fprintf(stderr, "bench_keys: token %.0f/s, centre %.0f/s\n",
                      alone, per_s[round]);
    }
    printf("escrow_create_vs_token\t%.2f\tratio\n", median(ratio));
    printf("escrow_create_per_s\t%.0f\tkeys/s\n", median(per_s));
    hsm_escrow_close(escrow);
    soft_token_remove(&token);
    OPENSSL_free(recovery);
}

int
main(int argc, char **argv)
{
    struct load load = {.holder = "bench"};
    unsigned char *transport;
    int64_t count = 0;

    if (argc < 6)
        stop("rate|create URL TRUST CERTIFICATE KEY [COUNT HOLDER]");
    load.options = (struct http_client_options){
        .base_url = argv[2],
        .trust_file = argv[3],
        .certificate_file = argv[4],
        .key_file = argv[5],
        .timeout_ms = TIMEOUT_MS,
        .body_max = BODY_MAX,
    };
    transport = new_spki(TRANSPORT_BITS, &load.transport_len);
    load.transport = transport;
    if (strcmp(argv[1], "rate") == 0 && argc == 6) {
        compare(&load);
    } else if (strcmp(argv[1], "create") == 0 && argc == 8 &&
               text_int64(argv[6], 1, 10000000, &count)) {
        load.holder = argv[7];
        printf("%.0f\n", create(&load, (long)count));
    } else {
        stop("wrong use");
    }
    OPENSSL_free(transport);
    return 0;
}
