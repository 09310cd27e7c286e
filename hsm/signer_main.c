/*
 * signet-signer: one token, one session, for life. Started by a service with a
 * socket as descriptor 3; says whether it is logged in, then answers one
 * request after another (hsm/signer_wire.h) until the service is gone. It ends
 * when its token is lost: a new process heals what this one could not.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/log.h"
#include "hsm/local.h"

enum { SOCKET = 3, EX_USAGE = 2 };

static bool
options_parse(int argc, char **argv, struct hsm_options *out)
{
    static const struct option known[] = {
        {"module", required_argument, NULL, 'm'},
        {"token", required_argument, NULL, 't'},
        {"serial", required_argument, NULL, 's'},
        {"pin-file", required_argument, NULL, 'p'},
        {"lock-dir", required_argument, NULL, 'l'},
        {"session-copy", no_argument, NULL, 'c'},
        {NULL, 0, NULL, 0},
    };
    int option;

    memset(out, 0, sizeof *out);
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'm':
            out->module = optarg;
            break;
        case 't':
            out->token = optarg;
            break;
        case 's':
            out->serial = optarg;
            break;
        case 'p':
            out->pin_file = optarg;
            break;
        case 'l':
            out->lock_dir = optarg;
            break;
        case 'c':
            out->use_session_copy = true;
            break;
        default:
            return false;
        }
    }
    return optind == argc && out->module != NULL && out->token != NULL &&
           out->pin_file != NULL && out->lock_dir != NULL;
}

/* The PIN passes through this process: no core file, no debugger, no life
 * after the parent's. Stopping is the parent's decision: it ends the socket. */
static void
shield(void)
{
    const struct rlimit none = {0, 0};

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
}

static bool
send_reply(const struct signer_reply *reply, struct buf *out)
{
    struct error ignored;

    buf_reset(out);
    signer_reply_encode(reply, out);
    return signer_send(SOCKET, out, -1, &ignored);
}

static bool
is_secret(enum signer_op op)
{
    return op == SIGNER_WRAP || op == SIGNER_UNWRAP || op == SIGNER_RANDOM;
}

/* One request, one reply. False: end. */
static bool
serve(struct local *local, struct buf *in, struct buf *out,
      struct signer_reply *reply)
{
    struct signer_request request;
    struct error ignored;
    bool ok;

    if (!signer_receive(SOCKET, in, -1, &ignored) ||
        !signer_request_parse(in->data + SIGNER_FRAME_HEAD,
                              in->len - SIGNER_FRAME_HEAD, &request))
        return false;
    local_call(local, &request, reply);
    ok = send_reply(reply, out) && !reply->is_lost;
    if (is_secret(request.op)) {
        OPENSSL_cleanse(reply->data, sizeof reply->data);
        buf_cleanse(in);
        buf_cleanse(out);
    }
    return ok;
}

int
main(int argc, char **argv)
{
    struct buf in = BUF_INIT(SIGNER_FRAME_MAX);
    struct buf out = BUF_INIT(SIGNER_FRAME_MAX);
    static struct signer_reply reply; /* zeroed: the hello of a success */
    struct hsm_options options;
    struct local *local = NULL;

    log_open("signet-signer", LOG_LEVEL_INFO);
    shield();
    if (!options_parse(argc, argv, &options)) {
        (void)fputs("signet-signer is started by the services of Signet\n",
                    stderr);
        return EX_USAGE;
    }
    if (local_new(&options, true, &local, &reply.error)) {
        if (send_reply(&reply, &out))
            while (serve(local, &in, &out, &reply))
                continue;
    } else {
        reply.is_lost = true;
        (void)send_reply(&reply, &out);
    }
    local_free(local);
    /* Not through the exit handlers of a vendor's library, which crash after
     * C_Finalize (feasibility.md, A3). */
    _exit(0);
}
