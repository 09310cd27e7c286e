/* Goes inside the walls of signet-scan and tries what must not go. Exit status
 * 0: it was all refused; else which thing was not. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ra/scan/jail.h"

static int
try_walls(void)
{
    if (socket(AF_INET, SOCK_STREAM, 0) >= 0)
        return 10;
    if (socket(AF_UNIX, SOCK_STREAM, 0) >= 0)
        return 11;
    if (open("/etc/passwd", O_RDONLY) >= 0)
        return 12;
    if (open("/tmp/signet-scan-was-here", O_WRONLY | O_CREAT, 0600) >= 0)
        return 13;
    if (open("/proc/self/mem", O_RDWR) >= 0)
        return 14;
    if (kill(getppid(), 0) == 0)
        return 15;
    if (chdir("/") == 0 || mkdir("/tmp/signet-scan-was-here", 0700) == 0)
        return 16;
    if (syscall(SYS_ptrace, 0, 0, 0, 0) == 0 || setsid() >= 0 ||
        setpgid(0, 0) == 0)
        return 17; /* who leaves its group is not killed with it */
    if (memfd_create("x", 0) >= 0)
        return 18;
    if (unshare(CLONE_NEWUSER) == 0 ||
        syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) >= 0)
        return 19;
    if (open("/usr/bin/pdftoppm", O_RDONLY) < 0)
        return 20; /* this one must go */
    if (!jail_close(true))
        return 21;
    if (fork() >= 0)
        return 22;
    (void)execl("/usr/bin/true", "true", (char *)NULL);
    return access("/usr/bin/true", X_OK) == 0 ? 0 : 23;
}

static int
try_memory(void)
{
    return mmap(NULL, JAIL_MEMORY_MAX, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
               ? 0
               : 30;
}

int
main(int argc, char **argv)
{
    if (argc != 2 || !jail_enter(1))
        return 1;
    if (strcmp(argv[1], "walls") == 0)
        return try_walls();
    if (strcmp(argv[1], "memory") == 0)
        return try_memory();
    for (volatile unsigned i = 0;; i++)
        continue;
}
