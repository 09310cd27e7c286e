/*
 * A crowd of registration authorities: threads that send orders, each signed
 * by two officers, and hold the CA to its word. An order that got no answer is
 * sent again until it has one; an old order is sent again now and then and
 * must get the same octets. What was answered is written to the promises file,
 * a line each: order id, serial, SHA-256 of the certificate.
 *
 * load --url U --trust F --cert F --key F --officers DIR --clients N
 *      --seconds N [--settle N] --promises F
 *
 * SIGTERM ends it early, with every order answered.
 * Prints name<TAB>value lines; ends with 1 when a word was broken or an order
 * stayed unanswered.
 */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "base/http_client.h"
#include "base/text.h"
#include "ca-core/api.h"

enum {
    CLIENTS_MAX = 64,
    REMEMBERED = 32,   /* orders of a client that may be sent again */
    REPEAT_EVERY = 10, /* one of so many calls repeats an old order */
    RETRY_MS = 100,
    CALL_TIMEOUT_MS = 15000,
};

struct officer {
    char id[TEXT_UUID_LEN + 1];
    uint8_t *certificate;
    size_t certificate_len;
    EVP_PKEY *key;
};

static struct http_client_options http = {.timeout_ms = CALL_TIMEOUT_MS,
                                          .body_max = 1024 * 1024};
static struct officer first_reviewer, second_reviewer;
static const char *profile = "organisation-signing";
static _Atomic int64_t end_ms, settle_ms;
static long settle = 30;
static FILE *promises;
static pthread_mutex_t promises_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic long answered, retried, repeated, refused, unanswered, broken;

/* An order that was made: its envelope, and what was answered if anything. */
struct made {
    json_t *envelope;
    char order_id[TEXT_UUID_LEN + 1];
    uint8_t sha256[32];
    bool is_answered;
};

static void
die(const char *doing, const struct error *err)
{
    fprintf(stderr, "load: %s: %s (%s)\n", doing, err->what, err->cause);
    exit(2);
}

static void
read_officer(const char *folder, const char *name, struct officer *out)
{
    struct error err = {0};
    struct buf id = BUF_INIT(64);
    char path[4096];
    FILE *file;
    X509 *certificate = NULL;

    (void)snprintf(path, sizeof path, "%s/%s/officer_id", folder, name);
    if (!text_file_read(path, 64, &id, &err))
        die(name, &err);
    (void)snprintf(out->id, sizeof out->id, "%.36s", buf_text(&id));
    buf_clear(&id);
    (void)snprintf(path, sizeof path, "%s/%s/cert.pem", folder, name);
    if ((file = fopen(path, "r")) != NULL) {
        certificate = PEM_read_X509(file, NULL, NULL, NULL);
        fclose(file);
    }
    (void)snprintf(path, sizeof path, "%s/%s/key.pem", folder, name);
    if ((file = fopen(path, "r")) != NULL) {
        out->key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
        fclose(file);
    }
    if (certificate == NULL || out->key == NULL) {
        error_set(&err, ERROR_INPUT, "no certificate or key");
        die(path, &err);
    }
    out->certificate_len = (size_t)i2d_X509(certificate, &out->certificate);
    X509_free(certificate);
}

/* A PKCS #10 request over a key of its own, as DER. */
static uint8_t *
make_request(size_t *len)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509_REQ *request = X509_REQ_new();
    uint8_t *der = NULL;
    int n = -1;

    if (key != NULL && request != NULL &&
        X509_REQ_set_pubkey(request, key) == 1 &&
        X509_REQ_sign(request, key, EVP_sha256()) > 0)
        n = i2d_X509_REQ(request, &der);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    if (n < 0)
        abort();
    *len = (size_t)n;
    return der;
}

static json_t *
decision_by(const struct officer *officer, enum api_step step,
            const char *order_id, const uint8_t digest[32])
{
    struct api_decision decision = {.step = step, .decided_at = clock_now()};
    struct error err = {0};

    memcpy(decision.officer_id, officer->id, sizeof decision.officer_id);
    if (!api_decision_sign(&decision, order_id, digest, officer->certificate,
                           officer->certificate_len, officer->key, &err))
        die("sign a decision", &err);
    return api_decision_json(&decision);
}

static void
make_order(struct made *out)
{
    char name[64];
    struct error err = {0};
    struct api_order order = {
        .kind = API_ISSUE,
        .created_at = clock_now(),
        .account = name,
        .person = name,
        .profile = profile,
        .has_subject = true,
        .organization_code = "91350100M000100Y43",
        .validity = {API_VALIDITY_YEARS, 1},
    };
    json_t *json, *decisions = json_array();
    uint8_t digest[32], *csr;

    if (!text_uuid_draw(order.order_id, &err))
        die("draw an order id", &err);
    (void)snprintf(name, sizeof name, "load-%s", order.order_id);
    order.subject.attribute[API_COUNTRY] = "CN";
    order.subject.attribute[API_STATE] = "广东省";
    order.subject.attribute[API_LOCALITY] = "广州市";
    order.subject.attribute[API_ORGANIZATION] = name;
    order.subject.attribute[API_COMMON_NAME] = name;
    csr = make_request(&order.csr_len);
    order.csr = csr;
    json = api_order_json(&order);
    OPENSSL_free(csr);
    if (!api_order_digest(json, digest, &err))
        die("digest", &err);
    json_array_append_new(decisions,
                          decision_by(&first_reviewer, API_STEP_FIRST_REVIEW,
                                      order.order_id, digest));
    json_array_append_new(decisions,
                          decision_by(&second_reviewer, API_STEP_SECOND_REVIEW,
                                      order.order_id, digest));
    memset(out, 0, sizeof *out);
    out->envelope = json_object();
    json_object_set_new(out->envelope, "order", json);
    json_object_set_new(out->envelope, "decisions", decisions);
    memcpy(out->order_id, order.order_id, sizeof out->order_id);
}

static void
note_promise(const struct made *made, const uint8_t *serial)
{
    char serial_hex[2 * API_SERIAL_LEN + 1], sha256_hex[65];

    text_hex(serial, API_SERIAL_LEN, serial_hex);
    text_hex(made->sha256, 32, sha256_hex);
    pthread_mutex_lock(&promises_lock);
    fprintf(promises, "%s %s %s\n", made->order_id, serial_hex, sha256_hex);
    fflush(promises);
    pthread_mutex_unlock(&promises_lock);
}

/* Holds an answer against what was answered before. */
static void
take_answer(struct made *made, json_t *json)
{
    struct api_answer answer = {0};
    struct error err = {0};
    uint8_t sha256[32];

    if (!api_answer_parse(json, &answer, &err) || answer.state != API_DONE ||
        answer.certificate_count != 1) {
        fprintf(stderr, "load: %s: not an answer: %s\n", made->order_id,
                err.what);
        atomic_fetch_add(&broken, 1);
    } else {
        (void)EVP_Digest(answer.certificate[0].der,
                         answer.certificate[0].der_len, sha256, NULL,
                         EVP_sha256(), NULL);
        if (!made->is_answered) {
            memcpy(made->sha256, sha256, 32);
            made->is_answered = true;
            note_promise(made, answer.certificate[0].serial);
            atomic_fetch_add(&answered, 1);
        } else if (memcmp(made->sha256, sha256, 32) != 0) {
            fprintf(stderr, "load: %s was answered twice, differently\n",
                    made->order_id);
            atomic_fetch_add(&broken, 1);
        }
    }
    api_answer_clear(&answer);
}

/* One try. True when there is nothing to try again. */
static bool
send_order(struct http_client *client, struct made *made)
{
    json_t *json = NULL;
    struct error err = {0};

    if (http_client_json(client, HTTP_POST, "/v1/orders", made->envelope, &json,
                         &err)) {
        take_answer(made, json);
        json_decref(json);
        return true;
    }
    if (err.code == ERROR_BUSY || err.code == ERROR_INTERNAL)
        return false;
    fprintf(stderr, "load: %s refused: %s\n", made->order_id, err.what);
    atomic_fetch_add(&refused, 1);
    return true;
}

static bool
send_until_answered(struct http_client *client, struct made *made)
{
    struct timespec pause = {0, RETRY_MS * 1000000L};

    while (!send_order(client, made)) {
        if (clock_monotonic_ms() > settle_ms) {
            fprintf(stderr, "load: %s stayed unanswered\n", made->order_id);
            atomic_fetch_add(&unanswered, 1);
            return false;
        }
        atomic_fetch_add(&retried, 1);
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

static void *
run_client(void *arg)
{
    struct made memory[REMEMBERED] = {0};
    struct http_client *client = NULL;
    struct error err = {0};
    unsigned n, seed = (unsigned)(uintptr_t)arg;

    if (!http_client_new(&http, &client, &err))
        die("client", &err);
    for (n = 0; clock_monotonic_ms() < end_ms; n++) {
        struct made *made = &memory[n % REMEMBERED];
        struct made *old = &memory[(unsigned)rand_r(&seed) % REMEMBERED];

        json_decref(made->envelope);
        make_order(made);
        if (!send_until_answered(client, made))
            break;
        if (n % REPEAT_EVERY == 0 && old->is_answered) {
            atomic_fetch_add(&repeated, 1);
            if (!send_until_answered(client, old))
                break;
        }
    }
    for (n = 0; n < REMEMBERED; n++)
        json_decref(memory[n].envelope);
    http_client_free(client);
    return NULL;
}

static long clients = 4, seconds = 5;
static const char *officers, *promises_path;

static void
read_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"url", required_argument, NULL, 'u'},
        {"trust", required_argument, NULL, 't'},
        {"cert", required_argument, NULL, 'c'},
        {"key", required_argument, NULL, 'k'},
        {"officers", required_argument, NULL, 'o'},
        {"clients", required_argument, NULL, 'n'},
        {"seconds", required_argument, NULL, 's'},
        {"settle", required_argument, NULL, 'S'},
        {"promises", required_argument, NULL, 'p'},
        {"profile", required_argument, NULL, 'P'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'u':
            http.base_url = optarg;
            break;
        case 't':
            http.trust_file = optarg;
            break;
        case 'c':
            http.certificate_file = optarg;
            break;
        case 'k':
            http.key_file = optarg;
            break;
        case 'o':
            officers = optarg;
            break;
        case 'n':
            clients = strtol(optarg, NULL, 10);
            break;
        case 's':
            seconds = strtol(optarg, NULL, 10);
            break;
        case 'S':
            settle = strtol(optarg, NULL, 10);
            break;
        case 'p':
            promises_path = optarg;
            break;
        case 'P':
            profile = optarg;
            break;
        default:
            exit(2);
        }
    }
    if (http.base_url == NULL || officers == NULL || promises_path == NULL ||
        clients < 1 || clients > CLIENTS_MAX) {
        fprintf(stderr, "load: see the head of tests/fault/load.c\n");
        exit(2);
    }
}

/* SIGTERM: no new orders, but those that were sent get their answers. */
static void
stop_soon(int signal_number)
{
    (void)signal_number;
    end_ms = clock_monotonic_ms();
    settle_ms = end_ms + settle * 1000;
}

int
main(int argc, char **argv)
{
    pthread_t thread[CLIENTS_MAX];
    int64_t start_ms = clock_monotonic_ms();
    double took_s;
    long i;

    read_options(argc, argv);
    read_officer(officers, "first", &first_reviewer);
    read_officer(officers, "second", &second_reviewer);
    promises = fopen(promises_path, "w");
    if (promises == NULL) {
        perror(promises_path);
        return 2;
    }
    end_ms = start_ms + seconds * 1000;
    settle_ms = end_ms + settle * 1000;
    (void)signal(SIGTERM, stop_soon);
    for (i = 0; i < clients; i++)
        if (pthread_create(&thread[i], NULL, run_client,
                           (void *)(uintptr_t)(i + 1)) != 0)
            abort();
    for (i = 0; i < clients; i++)
        pthread_join(thread[i], NULL);
    took_s = (double)(clock_monotonic_ms() - start_ms) / 1000;
    fclose(promises);
    printf("answered\t%ld\nretried\t%ld\nrepeated\t%ld\nrefused\t%ld\n"
           "unanswered\t%ld\nbroken\t%ld\nper_second\t%.1f\n",
           answered, retried, repeated, refused, unanswered, broken,
           (double)answered / took_s);
    return broken == 0 && unanswered == 0 && refused == 0 ? 0 : 1;
}
