/*
 * What issue.sh measures: whole orders (decisions verified, judged, linted,
 * recorded, signed, stored) at the desk of a real core with 16 workers and two
 * signer processes, in one run with
 *  - the limit: what nobody can leave out (check of the request, a bare
 *    signature through the same signers, one writer that commits 64 rows at a
 *    time), with as many threads as signers;
 *  - a naive peer: the same work with OpenSSL's decoder and a commit for each
 *    certificate on 8 connections, as cfssl with PostgreSQL does it.
 * CPU is that of this process, its signers and PostgreSQL's processes.
 */
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/x509.h>

#include "base/log.h"
#include "ca-core/csr.h"
#include "ca-core/desk.h"
#include "ca-core/record.h"
#include "db/order.h"
#include "tests/unit/core_parts.h"

enum {
    ROUNDS = 5,
    ORDERS = 600, /* in each round and way */
    WORKERS = 16,
    SIGNERS = 2,
    NAIVE_CONNECTIONS = 8,
    BATCH = 64,
};

static struct core core;

static _Noreturn void
stop(const char *what)
{
    (void)fprintf(stderr, "bench_issue: %s\n", what);
    exit(1);
}

static void
must(bool ok, const struct error *err)
{
    if (!ok)
        stop(err->what);
}

static double
now_us(void)
{
    struct timespec at;

    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

enum { FAMILY_MAX = 4096 };

/* CPU of this process and its descendants: signers, the PostgreSQL server and
 * its backends. One that ended counts with who waited for it. */
static double
cpu_us(void)
{
    static struct {
        int pid, parent;
        double ticks;
    } all[FAMILY_MAX];
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    double ticks = 0;
    size_t count = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char path[300];
        long spent[4];
        FILE *file;

        (void)snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
            count == FAMILY_MAX || (file = fopen(path, "re")) == NULL)
            continue;
        if (fscanf(file,
                   "%d (%*[^)]) %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u"
                   " %ld %ld %ld %ld",
                   &all[count].pid, &all[count].parent, &spent[0], &spent[1],
                   &spent[2], &spent[3]) == 6)
            all[count++].ticks =
                (double)(spent[0] + spent[1] + spent[2] + spent[3]);
        (void)fclose(file);
    }
    if (dir != NULL)
        closedir(dir);
    for (size_t i = 0; i < count; i++) {
        int pid = all[i].pid;

        for (size_t up = 0; pid > 1 && pid != getpid() && up < 4; up++) {
            size_t j = 0;

            while (j < count && all[j].pid != pid)
                j++;
            pid = j < count ? all[j].parent : 0;
        }
        if (pid == getpid())
            ticks += all[i].ticks;
    }
    return ticks * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

struct measure {
    double per_s, cpu_us;
};

/* ---- Ours -------------------------------------------------------------- */

static struct api_envelope envelopes[ORDERS];
static atomic_int next_order;

/* Made before the clock runs: keys, requests and decisions are the officers'
 * and the holders' work. */
static void
make_orders(int round)
{
    struct error err = {0};

    for (int i = 0; i < ORDERS; i++) {
        char name[64];
        json_t *json;

        (void)snprintf(name, sizeof name, "公司 %d %d", round, i);
        json = core_reviewed(&core, core_issue_order(name));
        must(api_envelope_parse(json, &envelopes[i], &err), &err);
        json_decref(json);
    }
}

/* Kept for all rounds, as a service keeps them: a new connection costs more
 * than an order. */
static struct ca_worker *workers[WORKERS];

static void
clear_orders(void)
{
    for (int i = 0; i < ORDERS; i++)
        api_envelope_clear(&envelopes[i]);
}

static void *
run_worker(void *arg)
{
    struct ca_worker *worker = arg;
    struct error err = {0};

    for (int i; (i = atomic_fetch_add(&next_order, 1)) < ORDERS;) {
        json_t *answer;

        must(desk_order(worker, &envelopes[i], "bench", &answer, &err), &err);
        json_decref(answer);
    }
    return NULL;
}

/* ---- Limit and naive peer ---------------------------------------------- */

/* What a row needs, taken once from a certificate of ours. */
static struct db_certificate *sample;
static const struct issuer *issuer;

struct signed_row {
    char order_id[TEXT_UUID_LEN + 1];
    struct serial serial;
    uint8_t signature[HSM_SIGNATURE_MAX];
    size_t signature_len;
};

static void
draw(struct signed_row *row)
{
    struct error err = {0};

    must(text_uuid_draw(row->order_id, &err) && serial_draw(&row->serial, &err),
         &err);
}

static void
sign_row(struct signed_row *row)
{
    struct error err = {0};

    must(hsm_sign(core.hsm, issuer->key, issuer->scheme, sample->tbs,
                  sample->tbs_len, row->signature, &row->signature_len, &err),
         &err);
}

static void
check_request(const struct api_order *order)
{
    struct csr csr = {0};
    struct error err = {0};

    must(csr_parse(order->csr, order->csr_len, &csr, &err), &err);
    csr_clear(&csr);
}

static void
check_request_by_openssl(const struct api_order *order)
{
    const unsigned char *p = order->csr;
    X509_REQ *request = d2i_X509_REQ(NULL, &p, (long)order->csr_len);
    X509 *x509 = X509_new();
    EVP_PKEY *key = X509_REQ_get0_pubkey(request);

    if (X509_REQ_verify(request, key) != 1 || X509_set_pubkey(x509, key) != 1)
        stop("request");
    X509_free(x509);
    X509_REQ_free(request);
}

struct commit {
    const struct signed_row *rows;
    size_t count;
};

static bool
insert_rows(struct db *db, void *arg, struct error *err)
{
    const struct commit *commit = arg;
    struct db_order_row orders[BATCH];
    struct db_certificate_intent rows[BATCH];
    struct db_entry entries[BATCH];
    bool is_new[BATCH];
    int64_t first;

    for (size_t i = 0; i < commit->count; i++) {
        const struct signed_row *row = &commit->rows[i];

        orders[i] = (struct db_order_row){
            .order_id = row->order_id,
            .kind = "bench",
            .body = sample->tbs,
            .body_len = sample->tbs_len,
            .requested_by = "bench",
            .received_at = sample->not_before,
            .finished_at = sample->not_before,
        };
        rows[i] = (struct db_certificate_intent){
            .issuer_id = sample->issuer_id,
            .order_id = row->order_id,
            .profile = "bench",
            .subject = sample->subject,
            .subject_len = sample->subject_len,
            .subject_text = row->order_id,
            .tbs = sample->tbs,
            .tbs_len = sample->tbs_len,
            .not_before = sample->not_before,
            .not_after = sample->not_after,
        };
        memcpy(rows[i].serial, row->serial.octet, DB_SERIAL_LEN);
        memcpy(rows[i].spki_sha256, row->signature, 32);
        entries[i] = (struct db_entry){
            .at = sample->not_before,
            .event = "bench",
            .subject = row->order_id,
            .body = sample->tbs,
            .body_len = sample->tbs_len,
        };
    }
    return db_order_insert(db, orders, commit->count, is_new, err) &&
           db_certificate_intend(db, rows, commit->count, err) &&
           db_entry_append(db, entries, commit->count, &first, err);
}

static void
commit_rows(struct db *db, const struct signed_row *rows, size_t count)
{
    struct commit commit = {rows, count};
    struct error err = {0};

    must(db_transaction(db, insert_rows, &commit, &err), &err);
}

/* The limit's threads fill, its writer empties. */
static struct signed_row done[ORDERS];
static atomic_int done_count;
static atomic_bool is_ready[ORDERS];

static void *
run_limit_signer(void *arg)
{
    (void)arg; /* a worker's connection is not needed here */
    for (int i; (i = atomic_fetch_add(&next_order, 1)) < ORDERS;) {
        check_request(envelopes[i].order);
        draw(&done[i]);
        sign_row(&done[i]);
        atomic_store(&is_ready[i], true);
        atomic_fetch_add(&done_count, 1);
    }
    return NULL;
}

static void *
run_limit_writer(void *arg)
{
    struct ca_worker *worker = arg;
    int written = 0;

    while (written < ORDERS) {
        int count = 0;

        while (written + count < ORDERS && count < BATCH &&
               atomic_load(&is_ready[written + count]))
            count++;
        if (count == 0) {
            (void)nanosleep(&(struct timespec){0, 100000}, NULL);
            continue;
        }
        commit_rows(worker->db, done + written, (size_t)count);
        written += count;
    }
    return NULL;
}

static void *
run_naive(void *arg)
{
    struct ca_worker *worker = arg;

    for (int i; (i = atomic_fetch_add(&next_order, 1)) < ORDERS;) {
        struct signed_row row;

        check_request_by_openssl(envelopes[i].order);
        draw(&row);
        sign_row(&row);
        commit_rows(worker->db, &row, 1);
    }
    return NULL;
}

/* ---- Rounds ------------------------------------------------------------ */

static struct measure
measure(void *(*run)(void *), int threads, void *(*also)(void *))
{
    pthread_t thread[WORKERS + 1];
    double cpu, wall;
    int count = 0;

    atomic_store(&next_order, 0);
    atomic_store(&done_count, 0);
    for (int i = 0; i < ORDERS; i++)
        atomic_store(&is_ready[i], false);
    cpu = cpu_us();
    wall = now_us();
    if (also != NULL &&
        pthread_create(&thread[count++], NULL, also, workers[0]) != 0)
        stop("no thread");
    for (int i = 0; i < threads; i++)
        if (pthread_create(&thread[count++], NULL, run, workers[i]) != 0)
            stop("no thread");
    for (int i = 0; i < count; i++)
        (void)pthread_join(thread[i], NULL);
    return (struct measure){.per_s = ORDERS * 1e6 / (now_us() - wall),
                            .cpu_us = (cpu_us() - cpu) / ORDERS};
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void
print_median(const char *name, const double *values, const char *unit)
{
    double sorted[ROUNDS];

    memcpy(sorted, values, sizeof sorted);
    qsort(sorted, ROUNDS, sizeof sorted[0], compare);
    (void)printf("%s\t%.4g\t%s\n", name, sorted[ROUNDS / 2], unit);
}

enum { OURS, LIMIT, NAIVE, WAYS };

static void
print_all(const struct measure results[WAYS][ROUNDS])
{
    static const char *const rate[] = {"issue_p256_per_s", "issue_limit_per_s",
                                       "issue_naive_per_s"};
    static const char *const cpu[] = {"issue_p256_cpu", "issue_limit_cpu",
                                      "issue_naive_cpu"};
    double values[ROUNDS];

    for (int way = 0; way < WAYS; way++) {
        for (int i = 0; i < ROUNDS; i++)
            values[i] = results[way][i].per_s;
        print_median(rate[way], values, "1/s");
        for (int i = 0; i < ROUNDS; i++)
            values[i] = results[way][i].cpu_us;
        print_median(cpu[way], values, "us a certificate");
    }
    for (int i = 0; i < ROUNDS; i++)
        values[i] = results[OURS][i].cpu_us / results[LIMIT][i].cpu_us;
    print_median("issue_cpu_vs_limit", values, "x");
    for (int i = 0; i < ROUNDS; i++)
        values[i] = results[OURS][i].per_s / results[NAIVE][i].per_s;
    print_median("issue_per_s_vs_naive", values, "x");
}

static void
take_sample(void)
{
    struct issuer_set *set = issuers_get(core.service.issuers);
    json_t *answer = core_must(&core, core_issue_order("样本公司"));
    struct error err = {0};
    uint8_t serial[DB_SERIAL_LEN];
    size_t len;

    issuer = issuer_find(set, "issuing-1");
    if (!text_unhex(core_serial(answer), serial, sizeof serial, &len))
        stop("serial");
    must(db_certificate_get(core.worker->db, issuer->row.issuer_id, serial,
                            &sample, &err),
         &err);
    json_decref(answer);
    issuers_release(core.service.issuers, set); /* the registry keeps it */
}

/* Every way once, so that plans are made and caches are warm. */
static void
warm_up(void)
{
    struct error err = {0};

    for (int i = 0; i < WORKERS; i++) {
        workers[i] = ca_worker_new(&core.service, &err);
        must(workers[i] != NULL, &err);
    }
    make_orders(-1);
    (void)measure(run_worker, WORKERS, NULL);
    (void)measure(run_limit_signer, SIGNERS, run_limit_writer);
    (void)measure(run_naive, NAIVE_CONNECTIONS, NULL);
    clear_orders();
}

int
main(void)
{
    static struct measure results[WAYS][ROUNDS];

    log_open("bench_issue", LOG_LEVEL_WARN);
    core_start_services(&core, SIGNERS);
    take_sample();
    warm_up();
    for (int round = 0; round < ROUNDS; round++) {
        make_orders(round);
        results[OURS][round] = measure(run_worker, WORKERS, NULL);
        results[LIMIT][round] =
            measure(run_limit_signer, SIGNERS, run_limit_writer);
        results[NAIVE][round] = measure(run_naive, NAIVE_CONNECTIONS, NULL);
        clear_orders();
    }
    print_all(results);
    db_certificate_free(sample);
    for (int i = 0; i < WORKERS; i++)
        ca_worker_free(workers[i]);
    core_stop(&core);
    return 0;
}
