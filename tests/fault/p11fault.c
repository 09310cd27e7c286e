/*
 * A PKCS #11 module for tests: hands every call on to a real one, counts the
 * calls, and spoils those that a rule names. Counters are shared by all
 * processes that use the same folder, so that "the 3rd C_Sign" means what it
 * says when signers are replaced.
 *
 *   P11FAULT_MODULE  the real module
 *   P11FAULT_FOLDER  has `counts` (made here) and `rules`, read at every call:
 *                    NAME FROM TO ACTION [ARGUMENT], TO may be `-`
 *     rv HEX    the call is not made and returns this
 *     after HEX the call is made and returns this all the same
 *     hang      the call never returns, until the rule is gone
 *     sleep MS  the call is late
 *     kill      the process dies before the call
 *     flip      the call is made and a bit of its result turned (C_Sign)
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

#define FUNCTIONS(X)                                                           \
    X(C_Initialize)                                                            \
    X(C_Finalize)                                                              \
    X(C_GetSlotList)                                                           \
    X(C_GetTokenInfo)                                                          \
    X(C_OpenSession)                                                           \
    X(C_CloseSession)                                                          \
    X(C_GetSessionInfo)                                                        \
    X(C_Login)                                                                 \
    X(C_CopyObject)                                                            \
    X(C_GetAttributeValue)                                                     \
    X(C_FindObjectsInit)                                                       \
    X(C_FindObjects)                                                           \
    X(C_FindObjectsFinal)                                                      \
    X(C_SignInit)                                                              \
    X(C_Sign)                                                                  \
    X(C_GenerateKeyPair)

#define INDEX(name) INDEX_##name,
enum index { FUNCTIONS(INDEX) FUNCTION_COUNT };
#define NAME(name) #name,
static const char *const names[] = {FUNCTIONS(NAME)};

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST ours;
static _Atomic long *counts;

enum action { PASS, RETURN, AFTER, HANG, SLEEP, KILL, FLIP };

static enum action
rule_of(enum index index, long nth, unsigned long *argument)
{
    char path[512], name[64], to[32], word[32], line[256];
    enum action action = PASS;
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/rules", getenv("P11FAULT_FOLDER"));
    if ((file = fopen(path, "re")) == NULL)
        return PASS;
    while (action == PASS && fgets(line, sizeof line, file) != NULL) {
        char value[32] = "0";
        long from;

        if (sscanf(line, "%63s %ld %31s %31s %31s", name, &from, to, word,
                   value) < 4 ||
            strcmp(name, names[index]) != 0 || nth < from ||
            (strcmp(to, "-") != 0 && nth > atol(to)))
            continue;
        action = strcmp(word, "rv") == 0      ? RETURN
                 : strcmp(word, "after") == 0 ? AFTER
                 : strcmp(word, "hang") == 0  ? HANG
                 : strcmp(word, "sleep") == 0 ? SLEEP
                 : strcmp(word, "kill") == 0  ? KILL
                                              : FLIP;
        *argument = strtoul(value, NULL, action == SLEEP ? 10 : 16);
    }
    (void)fclose(file);
    return action;
}

/* What to do with the real call. */
static enum action
enter(enum index index, unsigned long *argument)
{
    long nth = atomic_fetch_add(&counts[index], 1) + 1;
    enum action action = rule_of(index, nth, argument);

    if (action == KILL)
        (void)raise(SIGKILL);
    if (action == SLEEP)
        (void)usleep((useconds_t)*argument * 1000);
    while (action == HANG) {
        (void)usleep(20000);
        if (rule_of(index, nth, argument) != HANG)
            action = PASS;
    }
    return action;
}

#define WRAP(name, parameters, arguments)                                      \
    static CK_RV our_##name parameters                                         \
    {                                                                          \
        unsigned long argument = 0;                                            \
        enum action action = enter(INDEX_##name, &argument);                   \
        CK_RV rv = CKR_OK;                                                     \
        if (action != RETURN)                                                  \
            rv = real->name arguments;                                         \
        return action == RETURN || action == AFTER ? argument : rv;            \
    }

WRAP(C_Initialize, (void *args), (args))
WRAP(C_Finalize, (void *reserved), (reserved))
WRAP(C_GetSlotList, (unsigned char p, CK_SLOT_ID *l, unsigned long *n),
     (p, l, n))
WRAP(C_GetTokenInfo, (CK_SLOT_ID s, CK_TOKEN_INFO *i), (s, i))
WRAP(C_OpenSession,
     (CK_SLOT_ID s, CK_FLAGS f, void *a, CK_NOTIFY n, CK_SESSION_HANDLE *h),
     (s, f, a, n, h))
WRAP(C_CloseSession, (CK_SESSION_HANDLE h), (h))
WRAP(C_GetSessionInfo, (CK_SESSION_HANDLE h, CK_SESSION_INFO *i), (h, i))
WRAP(C_Login,
     (CK_SESSION_HANDLE h, CK_USER_TYPE u, unsigned char *p, unsigned long n),
     (h, u, p, n))
WRAP(C_CopyObject,
     (CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t, unsigned long n,
      CK_OBJECT_HANDLE *c),
     (h, o, t, n, c))
WRAP(C_GetAttributeValue,
     (CK_SESSION_HANDLE h, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t,
      unsigned long n),
     (h, o, t, n))
WRAP(C_FindObjectsInit, (CK_SESSION_HANDLE h, CK_ATTRIBUTE *t, unsigned long n),
     (h, t, n))
WRAP(C_FindObjects,
     (CK_SESSION_HANDLE h, CK_OBJECT_HANDLE *o, unsigned long m,
      unsigned long *n),
     (h, o, m, n))
WRAP(C_FindObjectsFinal, (CK_SESSION_HANDLE h), (h))
WRAP(C_SignInit, (CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE k),
     (h, m, k))
WRAP(C_GenerateKeyPair,
     (CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_ATTRIBUTE *t, unsigned long n,
      CK_ATTRIBUTE *u, unsigned long o, CK_OBJECT_HANDLE *a,
      CK_OBJECT_HANDLE *b),
     (h, m, t, n, u, o, a, b))

static CK_RV
our_C_Sign(CK_SESSION_HANDLE h, unsigned char *d, unsigned long n,
           unsigned char *s, unsigned long *l)
{
    unsigned long argument = 0;
    enum action action = enter(INDEX_C_Sign, &argument);
    CK_RV rv = CKR_OK;

    if (action != RETURN)
        rv = real->C_Sign(h, d, n, s, l);
    if (action == FLIP && rv == CKR_OK && s != NULL)
        s[*l / 2] ^= 0x10;
    return action == RETURN || action == AFTER ? argument : rv;
}

static int
map_counts(void)
{
    const size_t len = FUNCTION_COUNT * sizeof *counts;
    char path[512];
    void *mapped;
    int fd;

    (void)snprintf(path, sizeof path, "%s/counts", getenv("P11FAULT_FOLDER"));
    if ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0 ||
        ftruncate(fd, (off_t)len) != 0)
        return 0;
    mapped = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    counts = mapped;
    return mapped != MAP_FAILED;
}

CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **out)
{
    const char *path = getenv("P11FAULT_MODULE");
    CK_C_GetFunctionList get;
    void *library, *symbol;

    if (path == NULL || getenv("P11FAULT_FOLDER") == NULL || !map_counts() ||
        (library = dlopen(path, RTLD_NOW | RTLD_LOCAL)) == NULL ||
        (symbol = dlsym(library, "C_GetFunctionList")) == NULL)
        return CKR_GENERAL_ERROR;
    memcpy(&get, &symbol, sizeof get);
    if (get(&real) != CKR_OK)
        return CKR_GENERAL_ERROR;
    ours = *real;
#define OURS(name) ours.name = our_##name;
    FUNCTIONS(OURS)
    *out = &ours;
    return CKR_OK;
}
