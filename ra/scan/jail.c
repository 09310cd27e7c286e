/* Limits, Landlock and seccomp; see ra/scan/jail.h. */
#include "ra/scan/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <seccomp.h>

static bool
limit(int resource, rlim_t most)
{
    const struct rlimit value = {most, most};

    return setrlimit((__rlimit_resource_t)resource, &value) == 0;
}

/* RLIMIT_FSIZE 0: a pipe is no file, and a file is nothing that we write. */
static bool
limit_resources(unsigned cpu_s)
{
    return limit(RLIMIT_CPU, cpu_s) && limit(RLIMIT_AS, JAIL_MEMORY_MAX) &&
           limit(RLIMIT_NOFILE, JAIL_FILES_MAX) && limit(RLIMIT_FSIZE, 0) &&
           limit(RLIMIT_CORE, 0) && limit(RLIMIT_MEMLOCK, 0);
}

/* Rights of the first ABI to the fifth (headers of Debian 12 know two): all
 * that a kernel knows are handled, so none is left open. */
static uint64_t
rights_of(long abi)
{
    static const unsigned bits[] = {0, 13, 14, 15, 15, 16};
    size_t known = sizeof bits / sizeof bits[0];

    return (UINT64_C(1)
            << bits[(size_t)abi < known ? (size_t)abi : known - 1]) -
           1;
}

static void
let_read(int ruleset, const char *path, uint64_t rights)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = rights};

    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return;
    (void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
                  &rule, 0);
    (void)close(rule.parent_fd);
}

static bool
restrict_files(void)
{
    const uint64_t file = LANDLOCK_ACCESS_FS_READ_FILE;
    const uint64_t tree = file | LANDLOCK_ACCESS_FS_READ_DIR;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
                       LANDLOCK_CREATE_RULESET_VERSION);
    struct landlock_ruleset_attr attr = {0};
    int ruleset;
    bool ok;

    if (abi < 1)
        return true; /* no Landlock here: the other walls stand */
    attr.handled_access_fs = rights_of(abi);
    ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset < 0)
        return false;
    let_read(ruleset, "/usr", tree | LANDLOCK_ACCESS_FS_EXECUTE);
    let_read(ruleset, "/lib", tree | LANDLOCK_ACCESS_FS_EXECUTE);
    let_read(ruleset, "/lib64", tree | LANDLOCK_ACCESS_FS_EXECUTE);
    let_read(ruleset, "/etc/ld.so.cache", file);
    let_read(ruleset, "/etc/fonts", tree);
    let_read(ruleset, "/var/cache/fontconfig", tree);
    ok = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    (void)close(ruleset);
    return ok;
}

/* What a C or C++ program does that reads, computes and writes. */
static const int allowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(lseek),
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(close),
    SCMP_SYS(close_range),
    SCMP_SYS(fstat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getdents64),
    SCMP_SYS(getcwd),
    SCMP_SYS(fstatfs),
    SCMP_SYS(statfs),
    SCMP_SYS(fcntl),
    SCMP_SYS(fadvise64),
    SCMP_SYS(dup),
    SCMP_SYS(dup2),
    SCMP_SYS(dup3),
    SCMP_SYS(pipe),
    SCMP_SYS(pipe2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(mmap),
    SCMP_SYS(munmap),
    SCMP_SYS(mprotect),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(arch_prctl),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(getrandom),
    SCMP_SYS(uname),
    SCMP_SYS(sysinfo),
    SCMP_SYS(getrusage),
    SCMP_SYS(getrlimit),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_yield),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(times),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getppid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(wait4),
    SCMP_SYS(waitid),
    SCMP_SYS(execve),
    SCMP_SYS(sched_get_priority_max),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(umask),
    SCMP_SYS(restart_syscall),
};

/* Allowed only with this argument, under this mask. */
static bool
allow_with(scmp_filter_ctx filter, int call, unsigned argument, uint64_t mask,
           uint64_t value)
{
    const struct scmp_arg_cmp is = {.arg = argument,
                                    .op = SCMP_CMP_MASKED_EQ,
                                    .datum_a = mask,
                                    .datum_b = value};

    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &is) == 0;
}

/* Death with the parent for the programs that we start; limits may be read;
 * abort() signals itself; a child stays in our namespaces. */
static bool
allow_some(scmp_filter_ctx filter)
{
    const uint64_t all = UINT64_MAX;
    const uint64_t spaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID |
                            CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                            CLONE_NEWCGROUP;

    return allow_with(filter, SCMP_SYS(prctl), 0, all, PR_SET_PDEATHSIG) &&
           allow_with(filter, SCMP_SYS(prctl), 0, all, PR_SET_SECCOMP) &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(seccomp), 0) ==
               0 &&
           allow_with(filter, SCMP_SYS(prlimit64), 2, all, 0) &&
           allow_with(filter, SCMP_SYS(tgkill), 0, all, (uint64_t)getpid()) &&
           allow_with(filter, SCMP_SYS(ioctl), 1, all, TCGETS) &&
           allow_with(filter, SCMP_SYS(clone), 0, spaces, 0);
}

static bool
restrict_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    bool ok = filter != NULL;

    for (size_t i = 0; ok && i < sizeof allowed / sizeof allowed[0]; i++) {
        int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);

        /* Old calls that this architecture never had. */
        ok = rc == 0 || rc == -EDOM || rc == -EOPNOTSUPP;
    }
    /* glibc asks for clone3 first and is content with clone. */
    ok = ok &&
         seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3),
                          0) == 0 &&
         allow_some(filter) && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}

bool
jail_enter(unsigned cpu_s)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_DUMPABLE, 0) != 0 || !limit_resources(cpu_s))
        return false;
    /* Where it is not allowed, seccomp still knows no socket. */
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) !=
        0)
        (void)unshare(CLONE_NEWNET);
    return restrict_files() && restrict_calls();
}

bool
jail_close(bool is_final)
{
    static const int making[] = {SCMP_SYS(clone), SCMP_SYS(fork),
                                 SCMP_SYS(vfork)};
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    bool ok = filter != NULL;

    for (size_t i = 0; ok && i < sizeof making / sizeof making[0]; i++) {
        int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), making[i], 0);

        ok = rc == 0 || rc == -EDOM;
    }
    if (ok && is_final)
        ok = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(execve),
                              0) == 0;
    /* No new privileges since jail_enter(); asking again is not allowed. */
    ok = ok && seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0) == 0 &&
         seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}
