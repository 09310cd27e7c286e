/*
 * What ocsp.sh measures: the status service with a small CA of its own, in one
 * process with its SoftHSM, so that all the work it does is this process's.
 *
 *   bench_ocsp serve FOLDER   answers; FOLDER gets port, size and scripts for
 *                             wrk: get.lua, post.lua, live.lua; until SIGTERM
 *   bench_ocsp handle COUNT   answers COUNT requests from memory, no network
 *   bench_ocsp sign COUNT     signatures alone: prints their CPU in ns each
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "ocsp/desk.h"
#include "ocsp/server.h"
#include "tests/unit/ocsp_parts.h"

enum { CERTIFICATES = 1000, TEXT_MAX = 4 * 1024 * 1024, PATH_LEN = 512 };

static struct parts parts;
static struct ocsp_responder responder;
static struct ocsp_signer_pool *pool;

static _Noreturn void
fail(const struct error *err)
{
    fprintf(stderr, "bench_ocsp: %s (%s)\n", err->what, err->cause);
    exit(1);
}

static void
make(void)
{
    unsigned n;

    parts_make(&parts, 7 * 86400);
    parts_responder(&parts, &responder);
    for (n = 0; n < CERTIFICATES; n++)
        if (n % 10 == 0)
            parts_status(&responder, n, OCSP_STATE_REVOKED, 1, 1700000000);
        else
            parts_status(&responder, n, OCSP_STATE_VALID, 0, 0);
    pool = ocsp_signer_pool_new(&responder, parts.hsm, 1, 1024, 65536);
}

static void
drop(void)
{
    ocsp_signer_pool_free(pool);
    ocsp_responder_clear(&responder);
    parts_remove(&parts);
}

static void
write_file(const char *folder, const char *name, const struct buf *text)
{
    char path[PATH_LEN];
    struct error err = {0};

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!text_file_write(path, text->data, text->len, 0644, &err))
        fail(&err);
}

/* A script that cycles through a request for each certificate. */
static void
write_script(const char *folder, const char *name, bool is_post, bool has_nonce)
{
    struct buf der = BUF_INIT(PARTS_DER_MAX), text = BUF_INIT(TEXT_MAX);
    struct buf base64 = BUF_INIT(PARTS_DER_MAX);
    size_t i;
    unsigned n;

    buf_add_text(&text, "local r, i = {}, 0\n"
                        "local h = {['Content-Type'] = "
                        "'application/ocsp-request'}\n");
    for (n = 0; n < CERTIFICATES; n++) {
        parts_request_der(&parts, EVP_sha1(), n, 1, has_nonce, &der);
        buf_addf(&text, "r[%u] = '", n);
        if (is_post)
            for (i = 0; i < der.len; i++)
                buf_addf(&text, "\\x%02x", der.data[i]);
        else {
            buf_reset(&base64);
            text_base64(der.data, der.len, &base64);
            buf_add_text(&text, "/ocsp/");
            for (i = 0; i < base64.len; i++)
                if (strchr("+/=", base64.data[i]) != NULL)
                    buf_addf(&text, "%%%02X", base64.data[i]);
                else
                    buf_add_byte(&text, base64.data[i]);
        }
        buf_add_text(&text, "'\n");
    }
    buf_addf(&text,
             "function init() for k = 0, %d do r[k] = "
             "wrk.format('%s', %s, %s, %s) end end\n"
             "function request() i = (i + 1) %% %d return r[i] end\n",
             CERTIFICATES - 1, is_post ? "POST" : "GET",
             is_post ? "'/ocsp'" : "r[k]", is_post ? "h" : "nil",
             is_post ? "r[k]" : "nil", CERTIFICATES);
    write_file(folder, name, &text);
    buf_clear(&text);
    buf_clear(&base64);
    buf_clear(&der);
}

/* Octets of an answer's body, for the peer to send as many. */
static void
write_size(const char *folder)
{
    struct buf der = BUF_INIT(PARTS_DER_MAX), text = BUF_INIT(64);
    struct ocsp_responder_answer answer;
    struct error err = {0};

    parts_request_der(&parts, EVP_sha1(), 1, 1, false, &der);
    ocsp_responder_sign(
        &responder, parts.hsm, ocsp_grace_reader_add(responder.grace),
        (struct der){der.data, der.len}, time(NULL), &answer, &err);
    if (answer.reply == NULL)
        fail(&err);
    buf_addf(&text, "%zu\n", answer.reply->len - answer.reply->head_len);
    write_file(folder, "size", &text);
    ocsp_reply_unref(answer.reply);
    buf_clear(&text);
    buf_clear(&der);
}

static void
serve(const char *folder)
{
    const struct ocsp_server_options options = {.listen = "127.0.0.1:0",
                                                .thread_count = 1,
                                                .connection_max = 4096,
                                                .cache_entries = 65536};
    struct buf text = BUF_INIT(64);
    struct ocsp_server *server;
    struct error err = {0};
    sigset_t term;
    int caught;

    write_size(folder);
    write_script(folder, "get.lua", false, false);
    write_script(folder, "post.lua", true, false);
    write_script(folder, "live.lua", true, true);
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &term, NULL); /* threads inherit it */
    if (!ocsp_server_new(&options, &responder, pool, &server, &err) ||
        !ocsp_signer_pool_start(pool, &err) || !ocsp_server_start(server, &err))
        fail(&err);
    buf_addf(&text, "%s\n", ocsp_server_address(server));
    write_file(folder, "address", &text);
    (void)sigwait(&term, &caught);
    ocsp_server_stop(server);
    ocsp_signer_pool_stop(pool);
    ocsp_server_free(server);
    buf_clear(&text);
}

/* One request as it comes from the network: the same path as server.c's, from
 * the head to the reply, without sockets. False when it had to be signed. */
static bool
answer_one(struct ocsp_desk *desk, const struct buf *request)
{
    struct ocsp_loop_wait wait = {0};
    struct http_head head;
    bool is_answered;

    if (http_parse_head(request->data, request->len, &head) != HTTP_PARSE_DONE)
        abort();
    is_answered = ocsp_desk_ask(desk,
                                (struct der){request->data + head.len,
                                             request->len - head.len},
                                &head, &wait) != NULL;
    if (wait.link != NULL)
        *wait.link = NULL; /* as when the peer has gone */
    return is_answered;
}

static void
handle(long count)
{
    static const struct ocsp_loop_service nothing;
    static struct buf request[CERTIFICATES];
    struct buf der = BUF_INIT(PARTS_DER_MAX);
    struct error err = {0};
    struct ocsp_desk desk;
    unsigned n;
    long i;

    ocsp_desk_init(&desk, &responder, pool, 65536);
    if (!ocsp_loop_new("127.0.0.1:0", 1, &nothing, &desk, &desk.loop, &err) ||
        !ocsp_signer_pool_start(pool, &err))
        fail(&err);
    for (n = 0; n < CERTIFICATES; n++) {
        request[n].limit = PARTS_DER_MAX;
        parts_request_der(&parts, EVP_sha1(), n, 1, false, &der);
        buf_addf(&request[n],
                 "POST /ocsp HTTP/1.1\r\nHost: 127.0.0.1:80\r\nContent-Type: "
                 "application/ocsp-request\r\nContent-Length: %zu\r\n\r\n",
                 der.len);
        buf_add(&request[n], der.data, der.len);
        (void)answer_one(&desk, &request[n]);
    }
    /* All are in the cache once all were signed. */
    for (n = 0; n < CERTIFICATES; n++)
        while (!answer_one(&desk, &request[n])) {
            (void)nanosleep(&(struct timespec){0, 1000000}, NULL);
            ocsp_desk_collect(&desk);
        }
    ocsp_signer_pool_stop(pool);
    for (i = 0; i < count; i++)
        if (!answer_one(&desk, &request[i % CERTIFICATES]))
            abort();
    ocsp_desk_clear(&desk);
    ocsp_loop_free(desk.loop);
    for (n = 0; n < CERTIFICATES; n++)
        buf_clear(&request[n]);
    buf_clear(&der);
}

static int64_t
cpu_ns(void)
{
    struct timespec t;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0)
        abort();
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
sign(long count)
{
    uint8_t message[128] = {0}, signature[HSM_SIGNATURE_MAX];
    struct error err = {0};
    int64_t since;
    size_t len;
    long i;

    since = cpu_ns();
    for (i = 0; i < count; i++)
        if (!hsm_sign(parts.hsm, parts.key, HSM_ECDSA_SHA256, message,
                      sizeof message, signature, &len, &err))
            fail(&err);
    printf("%lld\n", (long long)((cpu_ns() - since) / count));
}

int
main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: bench_ocsp serve FOLDER | handle COUNT |"
                        " sign COUNT\n");
        return 2;
    }
    make();
    if (strcmp(argv[1], "serve") == 0)
        serve(argv[2]);
    else if (strcmp(argv[1], "handle") == 0)
        handle(atol(argv[2]));
    else
        sign(atol(argv[2]));
    drop();
    return 0;
}
