/* A private PostgreSQL for tests; see tests/unit/pg.h. */
#include "tests/unit/pg.h"

#include <errno.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <libpq-fe.h>

#include "base/error.h"
#include "db/migrate.h"

enum {
    PATH_LEN = 256,
    ROLES_MAX = 8,
    READY_TRIES = 1500,
    READY_WAIT_MS = 20,
    STARTS_MAX = 5
};

struct pg {
    char folder[PATH_LEN]; /* data in data/, sockets here */
    pid_t pid;
};

static struct pg *the_pg;

static void die(const char *format, ...) PRINTF_LIKE(1, 2)
    __attribute__((noreturn));

static void
die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)fputs("tests/unit/pg.c: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
    exit(1);
}

/* ---- Processes --------------------------------------------------------- */

/* The newest PostgreSQL that Debian has installed. */
static const char *
bin_path(const char *program, char out[PATH_LEN])
{
    glob_t found = {0};
    char pattern[PATH_LEN];

    (void)snprintf(pattern, sizeof pattern, "/usr/lib/postgresql/*/bin/%s",
                   program);
    if (glob(pattern, 0, NULL, &found) != 0)
        die("there is no %s", pattern);
    (void)snprintf(out, PATH_LEN, "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    return out;
}

/* PostgreSQL refuses to run as root. */
static void
become_postgres(void)
{
    struct passwd *user;

    if (geteuid() != 0)
        return;
    user = getpwnam("postgres");
    if (user == NULL || setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 ||
        setuid(user->pw_uid) != 0)
        _exit(126);
}

/* Starts argv[0] as postgres with its output in the folder's log; it ends with
 * the test program, however that ends. */
static pid_t
spawn(const struct pg *pg, const char *const argv[])
{
    pid_t pid = fork();
    char log[PATH_LEN + 8];
    int fd;

    if (pid < 0)
        die("fork: %s", strerror(errno));
    if (pid > 0)
        return pid;
    become_postgres();
    (void)prctl(PR_SET_PDEATHSIG, SIGQUIT);
    (void)snprintf(log, sizeof log, "%s/log", pg->folder);
    fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 || chdir(pg->folder) != 0)
        _exit(125);
    (void)execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void
show_log(const struct pg *pg)
{
    char path[PATH_LEN + 8], line[1024];
    FILE *log;

    (void)snprintf(path, sizeof path, "%s/log", pg->folder);
    log = fopen(path, "r");
    while (log != NULL && fgets(line, sizeof line, log) != NULL)
        (void)fputs(line, stderr);
    if (log != NULL)
        (void)fclose(log);
}

static int
wait_for(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            die("waitpid: %s", strerror(errno));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* ---- One cluster ------------------------------------------------------- */

static void
connection_of(const struct pg *pg, const char *role, const char *database,
              char *out, size_t size)
{
    (void)snprintf(out, size, "host=%s port=5432 dbname=%s user=%s", pg->folder,
                   database, role);
}

/* Whether it came up; false when it ended instead. */
static bool
wait_ready(struct pg *pg)
{
    struct timespec wait = {0, READY_WAIT_MS * 1000000L};
    char connection[2 * PATH_LEN];

    connection_of(pg, "postgres", "postgres", connection, sizeof connection);
    for (int i = 0; i < READY_TRIES; i++) {
        int status;

        if (PQping(connection) == PQPING_OK)
            return true;
        if (waitpid(pg->pid, &status, WNOHANG) == pg->pid)
            break;
        (void)nanosleep(&wait, NULL);
    }
    pg->pid = 0;
    return false;
}

static void
start_server(struct pg *pg)
{
    char program[PATH_LEN], data[PATH_LEN + 8], sockets[PATH_LEN + 32];
    const char *argv[] = {bin_path("postgres", program),
                          "-D",
                          data,
                          "-c",
                          sockets,
                          "-c",
                          "listen_addresses=",
                          "-c",
                          "fsync=off",
                          "-c",
                          "max_connections=64",
                          "-c",
                          "client_min_messages=warning",
                          NULL};

    (void)snprintf(data, sizeof data, "%s/data", pg->folder);
    (void)snprintf(sockets, sizeof sockets, "unix_socket_directories=%s",
                   pg->folder);
    /* After a kill the first may find backends that have not ended yet. */
    for (int i = 0; i < STARTS_MAX; i++) {
        pg->pid = spawn(pg, argv);
        if (wait_ready(pg))
            return;
    }
    show_log(pg);
    die("the cluster does not start");
}

static void
make_cluster(const struct pg *pg)
{
    char program[PATH_LEN], data[PATH_LEN + 8];
    const char *argv[] = {bin_path("initdb", program),
                          "-D",
                          data,
                          "-A",
                          "trust",
                          "--no-locale",
                          "-EUTF8",
                          "-Upostgres",
                          "-N",
                          "--no-instructions",
                          NULL};

    (void)snprintf(data, sizeof data, "%s/data", pg->folder);
    if (wait_for(spawn(pg, argv)) != 0) {
        show_log(pg);
        die("initdb fails");
    }
}

static int
remove_one(const char *path, const struct stat *status, int flag,
           struct FTW *ftw)
{
    (void)status;
    (void)flag;
    (void)ftw;
    (void)remove(path);
    return 0;
}

static void
remove_folder(const struct pg *pg)
{
    (void)nftw(pg->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A child that outlives a test program which is killed, to take the folder
 * away. The server ends by itself: spawn() saw to it. */
static void
start_sweeper(const struct pg *pg)
{
    struct timespec wait = {0, READY_WAIT_MS * 1000000L};
    char lock[PATH_LEN + 32], c;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        die("pipe: %s", strerror(errno));
    if (fork() != 0) {
        (void)close(ends[0]); /* the other end closes when we end */
        return;
    }
    (void)setsid();
    (void)close(ends[1]);
    while (read(ends[0], &c, 1) < 0 && errno == EINTR)
        continue;
    (void)snprintf(lock, sizeof lock, "%s/data/postmaster.pid", pg->folder);
    for (int i = 0; i < READY_TRIES && access(lock, F_OK) == 0; i++)
        (void)nanosleep(&wait, NULL);
    remove_folder(pg);
    _exit(0);
}

struct pg *
pg_new(void)
{
    struct pg *pg = calloc(1, sizeof *pg);
    struct passwd *user = getpwnam("postgres");

    if (pg == NULL)
        die("no memory");
    /* Short: a socket's path has at most 107 octets. */
    (void)snprintf(pg->folder, sizeof pg->folder, "/tmp/signet-pg.XXXXXX");
    if (mkdtemp(pg->folder) == NULL)
        die("mkdtemp: %s", strerror(errno));
    if (geteuid() == 0 &&
        (user == NULL || chown(pg->folder, user->pw_uid, user->pw_gid) != 0))
        die("there is no user postgres");
    start_sweeper(pg);
    make_cluster(pg);
    start_server(pg);
    return pg;
}

void
pg_free(struct pg *pg)
{
    if (pg == NULL)
        return;
    if (pg->pid > 0) {
        (void)kill(pg->pid, SIGQUIT); /* at once; nothing here is to be kept */
        (void)wait_for(pg->pid);
    }
    remove_folder(pg);
    free(pg);
}

const char *
pg_folder(const struct pg *pg)
{
    return pg->folder;
}

/* Runs SQL on a connection of its own; dies unless it may fail. */
static void
run_sql(const char *connection, const char *sql, char *sqlstate, char *answer,
        size_t answer_size)
{
    PGconn *conn = PQconnectdb(connection);
    PGresult *result;
    const char *code = "";

    if (PQstatus(conn) != CONNECTION_OK)
        die("%s: %s", connection, PQerrorMessage(conn));
    result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK &&
        PQresultStatus(result) != PGRES_TUPLES_OK) {
        code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        if (sqlstate == NULL || code == NULL)
            die("%s: %s", sql, PQerrorMessage(conn));
    }
    if (sqlstate != NULL)
        (void)snprintf(sqlstate, 6, "%s", code);
    if (answer != NULL) {
        if (PQntuples(result) < 1)
            die("%s: no answer", sql);
        (void)snprintf(answer, answer_size, "%s", PQgetvalue(result, 0, 0));
    }
    PQclear(result);
    PQfinish(conn);
}

void
pg_run(const struct pg *pg, const char *sql)
{
    char connection[2 * PATH_LEN];

    connection_of(pg, "postgres", "postgres", connection, sizeof connection);
    run_sql(connection, sql, NULL, NULL, 0);
}

/* ---- The cluster of the program ---------------------------------------- */

void
pg_start(void)
{
    struct error err = {0};

    the_pg = pg_new();
    (void)atexit(pg_stop); /* a failed assertion outside a test ends here */
    pg_run(the_pg, "CREATE ROLE signet_owner LOGIN CREATEROLE");
    pg_run(the_pg, "CREATE DATABASE signet OWNER signet_owner");
    if (!db_migrate(pg_connection("signet_owner"), SOURCE_DIR "/db/migrations",
                    NULL, NULL, &err))
        die("migrate: %s (%s)", err.what, err.cause);
    pg_run(the_pg, "CREATE DATABASE clean TEMPLATE signet");
}

void
pg_stop(void)
{
    pg_free(the_pg);
    the_pg = NULL;
}

const char *
pg_connection(const char *role)
{
    static char text[ROLES_MAX][2 * PATH_LEN];
    char wanted[2 * PATH_LEN];
    size_t i = 0;

    connection_of(the_pg, role, "signet", wanted, sizeof wanted);
    while (i < ROLES_MAX && text[i][0] != '\0' && strcmp(text[i], wanted) != 0)
        i++;
    if (i == ROLES_MAX)
        die("too many roles");
    memcpy(text[i], wanted, sizeof wanted);
    return text[i];
}

void
pg_reset(void)
{
    pg_run(the_pg, "DROP DATABASE signet WITH (FORCE)");
    pg_run(the_pg, "CREATE DATABASE signet TEMPLATE clean OWNER signet_owner");
}

void
pg_sql(const char *sql)
{
    run_sql(pg_connection("postgres"), sql, NULL, NULL, 0);
}

const char *
pg_ask(const char *sql)
{
    static char answer[4096];

    run_sql(pg_connection("postgres"), sql, NULL, answer, sizeof answer);
    return answer;
}

const char *
pg_sqlstate(const char *role, const char *sql)
{
    static char sqlstate[6];

    run_sql(pg_connection(role), sql, sqlstate, NULL, 0);
    return sqlstate;
}

void
pg_kill(void)
{
    (void)kill(the_pg->pid, SIGKILL);
    (void)wait_for(the_pg->pid);
    the_pg->pid = 0;
}

void
pg_restart(void)
{
    if (the_pg->pid > 0) {
        (void)kill(the_pg->pid, SIGINT); /* fast: sessions are cut */
        (void)wait_for(the_pg->pid);
    }
    start_server(the_pg);
}
