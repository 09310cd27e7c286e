/*
 * signet-krec: the process that holds the recovery token open for one approved
 * case. Started by signet-kmc, which it answers over file descriptor 3; no
 * secret is in its arguments or environment. It ends when the case does.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/log.h"
#include "ca-core/kmc/recovery.h"

int
main(int argc, char **argv)
{
    const struct rlimit no_core = {0, 0};
    struct recovery_options options = {0};
    struct error err = {0};

    if (argc != 4) {
        fprintf(stderr, "signet-krec is started by signet-kmc\n");
        return 2;
    }
    log_open("signet-krec", LOG_LEVEL_INFO);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setrlimit(RLIMIT_CORE, &no_core);
    options.module = argv[1];
    options.token = argv[2];
    options.lock_dir = argv[3];
    if (recovery_serve(RECOVERY_FD, &options, &err))
        return 0;
    log_failure("krec.ended", &err);
    return 1;
}
