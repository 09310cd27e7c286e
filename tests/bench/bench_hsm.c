/*
 * What hsm.sh measures: a P-256 signature through the seam (hsm_sign() in this
 * process, C_SignInit and C_Sign in signer processes) beside the bare loop of
 * C_SignInit and C_Sign that any program must do, on the same kind of key
 * handle, and beside OpenSSL with a software key. All take turns in each
 * round; ratios are within a round, medians over the rounds. CPU is that of
 * this process and its signers.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ec.h>

#include "hsm/cryptoki.h"
#include "tests/unit/soft_token.h"

enum { ROUNDS = 9, COUNT = 4000, DIGEST_LEN = 32, THREADS_MAX = 2 };

static const uint8_t key_id[] = {0xbe};
static const uint8_t message[500] = {0x30}; /* a small TBSCertificate */
static struct soft_token token;

struct measure {
    double cpu_us; /* each */
    double per_s;
};

static _Noreturn void
stop(const char *what)
{
    (void)fprintf(stderr, "bench_hsm: %s\n", what);
    exit(1);
}

static void
must(bool ok, const struct error *err)
{
    if (!ok)
        stop(err->what);
}

static double
clock_us(clockid_t id)
{
    struct timespec at;

    (void)clock_gettime(id, &at);
    return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

/* CPU of all children that are signers, from the scheduler's own books. */
static double
signers_us(void)
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    double all = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char path[300];
        long long spent = 0;
        int parent = 0;
        FILE *file;

        (void)snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        if ((file = fopen(path, "re")) == NULL)
            continue;
        if (fscanf(file, "%*d (signet-signer) %*c %d", &parent) != 1)
            parent = 0;
        (void)fclose(file);
        if (parent != getpid())
            continue;
        (void)snprintf(path, sizeof path, "/proc/%s/schedstat", entry->d_name);
        if ((file = fopen(path, "re")) == NULL)
            continue;
        if (fscanf(file, "%lld", &spent) == 1)
            all += (double)spent / 1e3;
        (void)fclose(file);
    }
    if (dir != NULL)
        closedir(dir);
    return all;
}

static struct measure
measure(void (*run)(void *, size_t), void *arg, size_t count)
{
    double cpu = clock_us(CLOCK_PROCESS_CPUTIME_ID) + signers_us();
    double wall = clock_us(CLOCK_MONOTONIC);
    struct measure out;

    run(arg, count);
    out.per_s = (double)count * 1e6 / (clock_us(CLOCK_MONOTONIC) - wall);
    out.cpu_us = (clock_us(CLOCK_PROCESS_CPUTIME_ID) + signers_us() - cpu) /
                 (double)count;
    return out;
}

/* The seam, by one thread or by two. */
struct seam {
    struct hsm *hsm;
    const struct hsm_key *key;
    size_t thread_count;
    size_t share;
};

static void *
seam_thread(void *arg)
{
    const struct seam *seam = arg;
    uint8_t signature[HSM_SIGNATURE_MAX];
    struct error err = {0};
    size_t i, len;

    for (i = 0; i < seam->share; i++)
        must(hsm_sign(seam->hsm, seam->key, HSM_ECDSA_SHA256, message,
                      sizeof message, signature, &len, &err),
             &err);
    return NULL;
}

static void
run_seam(void *arg, size_t count)
{
    struct seam *seam = arg;
    pthread_t threads[THREADS_MAX];
    size_t i;

    seam->share = count / seam->thread_count;
    if (seam->thread_count == 1) {
        (void)seam_thread(seam);
        return;
    }
    for (i = 0; i < seam->thread_count; i++)
        if (pthread_create(&threads[i], NULL, seam_thread, seam) != 0)
            stop("no thread");
    for (i = 0; i < seam->thread_count; i++)
        (void)pthread_join(threads[i], NULL);
}

static void
seam_open(struct seam *seam, size_t count)
{
    struct hsm_options options = token.options;
    struct error err = {0};

    options.signer_count = count;
    seam->thread_count = count;
    must(hsm_open(&options, &seam->hsm, &err), &err);
    must(hsm_key_get(seam->hsm, key_id, sizeof key_id, &seam->key, &err), &err);
}

/* The bare loop: the message hashed, C_SignInit, C_Sign. */
struct bare {
    CK_FUNCTION_LIST *p11;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
};

static void
run_bare(void *arg, size_t count)
{
    const struct bare *bare = arg;
    CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
    const EVP_MD *md = hsm_scheme_digest(HSM_ECDSA_SHA256);
    uint8_t digest[DIGEST_LEN], signature[64];
    size_t i;

    for (i = 0; i < count; i++) {
        CK_ULONG len = sizeof signature;

        if (EVP_Digest(message, sizeof message, digest, NULL, md, NULL) != 1 ||
            bare->p11->C_SignInit(bare->session, &mechanism, bare->key) !=
                CKR_OK ||
            bare->p11->C_Sign(bare->session, digest, sizeof digest, signature,
                              &len) != CKR_OK)
            stop("the bare loop failed");
    }
}

static CK_SLOT_ID
bare_slot(CK_FUNCTION_LIST *p11)
{
    CK_SLOT_ID slots[8];
    CK_TOKEN_INFO info;
    CK_ULONG n = 8, i;

    if (p11->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
        stop("no slots");
    for (i = 0; i < n; i++)
        if (p11->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            (info.flags & CKF_TOKEN_INITIALIZED) != 0)
            return slots[i];
    stop("no token");
}

/* As run_bare() wants it: [0] the token's key, [1] a copy in the session. */
static void
bare_open(struct bare bare[2])
{
    CK_C_GetFunctionList get;
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class},
                             {CKA_ID, (void *)(uintptr_t)key_id, 1}};
    CK_ATTRIBUTE as_copy = {CKA_TOKEN, &no, sizeof no};
    void *library = dlopen(SOFT_TOKEN_MODULE, RTLD_NOW);
    void *symbol = library == NULL ? NULL : dlsym(library, "C_GetFunctionList");
    CK_FUNCTION_LIST *p11;
    CK_ULONG n = 0;

    if (symbol == NULL)
        stop("no module");
    memcpy(&get, &symbol, sizeof get);
    if (get(&p11) != CKR_OK || p11->C_Initialize(NULL) != CKR_OK)
        stop("C_Initialize");
    bare[0].p11 = bare[1].p11 = p11;
    if (p11->C_OpenSession(bare_slot(p11), CKF_SERIAL_SESSION | CKF_RW_SESSION,
                           NULL, NULL, &bare[0].session) != CKR_OK ||
        p11->C_Login(bare[0].session, CKU_USER,
                     (CK_BYTE *)(uintptr_t)SOFT_TOKEN_PIN,
                     strlen(SOFT_TOKEN_PIN)) != CKR_OK ||
        p11->C_FindObjectsInit(bare[0].session, wanted, 2) != CKR_OK ||
        p11->C_FindObjects(bare[0].session, &bare[0].key, 1, &n) != CKR_OK ||
        n != 1 || p11->C_FindObjectsFinal(bare[0].session) != CKR_OK)
        stop("no key");
    bare[1].session = bare[0].session;
    if (p11->C_CopyObject(bare[1].session, bare[0].key, &as_copy, 1,
                          &bare[1].key) != CKR_OK)
        stop("no copy");
}

/* OpenSSL with a software key, its context kept. */
static void
run_openssl(void *arg, size_t count)
{
    const EVP_MD *md = hsm_scheme_digest(HSM_ECDSA_SHA256);
    uint8_t digest[DIGEST_LEN], signature[128];
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(arg, NULL);
    size_t i;

    if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1)
        stop("OpenSSL");
    for (i = 0; i < count; i++) {
        size_t len = sizeof signature;

        if (EVP_Digest(message, sizeof message, digest, NULL, md, NULL) != 1 ||
            EVP_PKEY_sign(ctx, signature, &len, digest, sizeof digest) != 1)
            stop("OpenSSL");
    }
    EVP_PKEY_CTX_free(ctx);
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void
print_median(const char *name, double values[ROUNDS], const char *unit)
{
    qsort(values, ROUNDS, sizeof values[0], compare);
    (void)printf("%s\t%.4g\t%s\n", name, values[ROUNDS / 2], unit);
}

enum { SEAM, SEAM_2, BARE_TOKEN, BARE_COPY, OPENSSL, WAYS };
static struct measure results[WAYS][ROUNDS];

static void
print_cpu(const char *name, int way)
{
    double values[ROUNDS];
    size_t i;

    for (i = 0; i < ROUNDS; i++)
        values[i] = results[way][i].cpu_us;
    print_median(name, values, "us");
}

static void
print_rate(const char *name, int way)
{
    double values[ROUNDS];
    size_t i;

    for (i = 0; i < ROUNDS; i++)
        values[i] = results[way][i].per_s;
    print_median(name, values, "1/s");
}

static void
print_ratio(const char *name, int way, int base, bool is_rate)
{
    double values[ROUNDS];
    size_t i;

    for (i = 0; i < ROUNDS; i++)
        values[i] = is_rate ? results[way][i].per_s / results[base][i].per_s
                            : results[way][i].cpu_us / results[base][i].cpu_us;
    print_median(name, values, "x");
}

static void
print_all(void)
{
    print_ratio("hsm_sign_cpu_vs_bare", SEAM, BARE_COPY, false);
    print_ratio("hsm_sign_cpu_vs_bare_token_key", SEAM, BARE_TOKEN, false);
    print_ratio("hsm_sign_cpu_vs_openssl", SEAM, OPENSSL, false);
    print_ratio("hsm_sign_2_signers_vs_1", SEAM_2, SEAM, true);
    print_rate("hsm_sign_per_s", SEAM);
    print_rate("hsm_sign_per_s_2_signers", SEAM_2);
    print_rate("bare_sign_per_s", BARE_COPY);
    print_rate("bare_token_key_sign_per_s", BARE_TOKEN);
    print_rate("openssl_sign_per_s", OPENSSL);
    print_cpu("hsm_sign_cpu", SEAM);
    print_cpu("bare_sign_cpu", BARE_COPY);
    print_cpu("bare_token_key_sign_cpu", BARE_TOKEN);
    print_cpu("openssl_sign_cpu", OPENSSL);
}

static void
make_key(void)
{
    const struct hsm_key *key;
    struct error err = {0};
    struct hsm *hsm;

    must(hsm_open(&token.options, &hsm, &err), &err);
    must(hsm_key_generate(hsm, HSM_KEY_EC_P256, "bench", key_id, sizeof key_id,
                          &key, &err),
         &err);
    hsm_close(hsm);
}

int
main(void)
{
    struct seam one = {0}, two = {0};
    struct bare bare[2] = {0};
    EVP_PKEY *software = EVP_EC_gen("P-256");
    size_t i;

    soft_token_make(&token);
    make_key();
    seam_open(&one, 1);
    seam_open(&two, 2);
    bare_open(bare);
    run_seam(&one, COUNT / 10);
    run_seam(&two, COUNT / 10);
    for (i = 0; i < ROUNDS; i++) {
        results[BARE_COPY][i] = measure(run_bare, &bare[1], COUNT);
        results[SEAM][i] = measure(run_seam, &one, COUNT);
        results[BARE_TOKEN][i] = measure(run_bare, &bare[0], COUNT);
        results[SEAM_2][i] = measure(run_seam, &two, COUNT);
        results[OPENSSL][i] = measure(run_openssl, software, COUNT);
    }
    print_all();
    (void)bare[0].p11->C_Finalize(NULL);
    hsm_close(one.hsm);
    hsm_close(two.hsm);
    EVP_PKEY_free(software);
    soft_token_remove(&token);
    return 0;
}
