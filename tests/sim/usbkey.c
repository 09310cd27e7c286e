/*
 * A simulated USB key: a PKCS #11 module over SoftHSM that behaves as a device
 * in the hand does. SoftHSM never locks; this counts wrong PINs on disk before
 * each try, so that pulling the plug gives none back, and locks at the tenth in
 * a row (domain.md, 1.8 #5; GM/T 0027, 9.2). Attacks on the files themselves
 * are out of scope: a real device has none.
 *
 * SIGNET_USBKEY names the folder of the device, or a link that is not there
 * while nothing is plugged in:
 *     serial         its serial number, one line
 *     softhsm2.conf  for the token inside
 *     tries          wrong PINs in a row: user, administrator
 *     kept, made     the token's own file and the names of its objects, while a
 *                    call is in the middle of changing them
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

enum {
    TRIES_MAX = 10,
    PIN_MIN = 6, /* GM/T 0027, 9.2 */
    PIN_MAX = 32,
    SLOTS_MAX = 16,
};

enum owner { OWNER_USER, OWNER_SO, OWNER_COUNT };

static CK_FUNCTION_LIST *real; /* SoftHSM's */
static CK_FUNCTION_LIST ours;
static char folder[PATH_MAX];
static int is_empty; /* nothing was plugged in when the module started */

/* ---- The counter ------------------------------------------------------------
 */

struct tries {
    int fd; /* locked while open */
    int count[OWNER_COUNT];
};

static void
path_of(char out[PATH_MAX + 32], const char *name)
{
    (void)snprintf(out, PATH_MAX + 32, "%s/%s", folder, name);
}

static int
tries_open(struct tries *tries)
{
    char path[PATH_MAX + 32];
    char text[32] = "";

    path_of(path, "tries");
    tries->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (tries->fd < 0)
        return 0;
    if (flock(tries->fd, LOCK_EX) != 0 ||
        pread(tries->fd, text, sizeof text - 1, 0) < 0) {
        (void)close(tries->fd);
        return 0;
    }
    /* An empty file is a new device; one that cannot be read is a locked one.
     */
    tries->count[OWNER_USER] = tries->count[OWNER_SO] = 0;
    if (text[0] != '\0' && sscanf(text, "%d %d", &tries->count[OWNER_USER],
                                  &tries->count[OWNER_SO]) != 2)
        tries->count[OWNER_USER] = tries->count[OWNER_SO] = TRIES_MAX;
    return 1;
}

/* Of one length, in one write, on the disk before anything else happens. */
static int
tries_write(const struct tries *tries)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%04d %04d\n",
                       tries->count[OWNER_USER], tries->count[OWNER_SO]);

    return pwrite(tries->fd, text, (size_t)len, 0) == len &&
           fsync(tries->fd) == 0;
}

static void
tries_close(struct tries *tries)
{
    (void)close(tries->fd); /* and the lock with it */
}

/* ---- What a killed program must not break
 * ------------------------------------ */

/* SoftHSM runs in the program's process, and a device does not. It writes
 * token.object anew, in place, at each login: a program that is killed just
 * then would leave an empty file, and no token; killed while a pair is made,
 * objects without content. So what a call may change is noted before, under the
 * lock of the counter, and put back when that call did not return: the token's
 * own file, and which objects there were. */
static int
token_folder(char out[PATH_MAX + 288])
{
    char path[PATH_MAX + 32];
    struct dirent *entry;
    int found = 0;
    DIR *dir;

    path_of(path, "token");
    dir = opendir(path);
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        if (entry->d_name[0] != '.' &&
            snprintf(out, PATH_MAX + 288, "%s/%s", path, entry->d_name) <
                PATH_MAX + 288)
            found++;
    if (dir != NULL)
        (void)closedir(dir);
    return found == 1;
}

static int
token_file(char out[PATH_MAX + 320])
{
    char path[PATH_MAX + 288];

    return token_folder(path) &&
           snprintf(out, PATH_MAX + 320, "%s/token.object", path) <
               PATH_MAX + 320;
}

/* Appears whole or not at all. */
static int
copy(const char *from, const char *to)
{
    char part[PATH_MAX + 330];
    char data[65536];
    FILE *in = fopen(from, "re");
    FILE *out;
    size_t len;
    int ok;

    if (in == NULL)
        return 0;
    len = fread(data, 1, sizeof data, in);
    ok = !ferror(in) && len > 0 && len < sizeof data;
    (void)fclose(in);
    (void)snprintf(part, sizeof part, "%s.part", to);
    out = ok ? fopen(part, "we") : NULL;
    if (out == NULL)
        return 0;
    ok = fwrite(data, 1, len, out) == len;
    ok = fclose(out) == 0 && ok;
    return ok && rename(part, to) == 0;
}

static void
keep(void)
{
    char token[PATH_MAX + 320], kept[PATH_MAX + 32];

    path_of(kept, "kept");
    if (token_file(token))
        (void)copy(token, kept);
}

static void
keep_no_more(void)
{
    char kept[PATH_MAX + 32];

    path_of(kept, "kept");
    (void)unlink(kept);
}

static int
is_object(const char *name)
{
    size_t len = strlen(name);

    return len > 7 && strcmp(name + len - 7, ".object") == 0;
}

/* Calls `each` with the folder and the name of every object. */
static void
each_object(void (*each)(const char *in, const char *name, void *arg),
            void *arg)
{
    char path[PATH_MAX + 288];
    struct dirent *entry;
    DIR *dir;

    if (!token_folder(path) || (dir = opendir(path)) == NULL)
        return;
    while ((entry = readdir(dir)) != NULL)
        if (is_object(entry->d_name))
            each(path, entry->d_name, arg);
    (void)closedir(dir);
}

static void
list_one(const char *in, const char *name, void *arg)
{
    (void)in;
    (void)fprintf(arg, "%s\n", name);
}

static void
make_begin(void)
{
    char part[PATH_MAX + 32], made[PATH_MAX + 32];
    FILE *file;

    path_of(part, "made.part");
    path_of(made, "made");
    file = fopen(part, "we");
    if (file == NULL)
        return;
    each_object(list_one, file);
    if (fclose(file) == 0)
        (void)rename(part, made);
}

static void
make_end(void)
{
    char made[PATH_MAX + 32];

    path_of(made, "made");
    (void)unlink(made);
}

/* Of a call that did not return: nothing. */
static void
remove_new(const char *in, const char *name, void *arg)
{
    char path[PATH_MAX + 600], line[300];
    FILE *list = arg;

    rewind(list);
    while (fgets(line, sizeof line, list) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, name) == 0)
            return;
    }
    if (snprintf(path, sizeof path, "%s/%s", in, name) < (int)sizeof path)
        (void)unlink(path);
}

static void
put_back(void)
{
    char token[PATH_MAX + 320], path[PATH_MAX + 32];
    struct tries tries;
    FILE *list;

    if (!tries_open(&tries))
        return;
    path_of(path, "kept");
    if (access(path, R_OK) == 0 && token_file(token) && copy(path, token))
        (void)unlink(path);
    path_of(path, "made");
    list = fopen(path, "re");
    if (list != NULL) {
        each_object(remove_new, list);
        (void)fclose(list);
        (void)unlink(path);
    }
    tries_close(&tries);
}

/* ---- Each try
 * ---------------------------------------------------------------- */

/* Takes a try before it is made. */
static CK_RV
tries_take(struct tries *tries, enum owner owner)
{
    CK_RV rv = CKR_OK;

    if (!tries_open(tries))
        return CKR_DEVICE_ERROR;
    if (tries->count[owner] >= TRIES_MAX)
        rv = CKR_PIN_LOCKED;
    else {
        tries->count[owner]++;
        if (!tries_write(tries))
            rv = CKR_DEVICE_ERROR;
    }
    if (rv != CKR_OK)
        tries_close(tries);
    else
        keep();
    return rv;
}

/* What the try was: right, wrong, or none at all. */
static CK_RV
tries_settle(struct tries *tries, enum owner owner, CK_RV rv)
{
    keep_no_more();
    switch (rv) {
    case CKR_OK:
        tries->count[owner] = 0;
        break;
    case CKR_PIN_INCORRECT:
    case CKR_PIN_LEN_RANGE:
    case CKR_PIN_INVALID:
        if (tries->count[owner] >= TRIES_MAX)
            rv = CKR_PIN_LOCKED;
        else
            rv = CKR_PIN_INCORRECT;
        break;
    default: /* no PIN was compared */
        tries->count[owner]--;
        break;
    }
    if (!tries_write(tries))
        rv = CKR_DEVICE_ERROR;
    tries_close(tries);
    return rv;
}

/* ---- What a device does otherwise than SoftHSM
 * --------------------------------- */

static int
is_plugged(void)
{
    char path[PATH_MAX + 32];

    path_of(path, "serial");
    return access(path, R_OK) == 0;
}

static int
is_new_pin_right(CK_ULONG len)
{
    return len >= PIN_MIN && len <= PIN_MAX;
}

static CK_RV
usbkey_login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin,
             CK_ULONG len)
{
    struct tries tries;
    enum owner owner = user == CKU_SO ? OWNER_SO : OWNER_USER;
    CK_RV rv;

    if (!is_plugged())
        return CKR_DEVICE_REMOVED;
    if (user != CKU_SO && user != CKU_USER)
        return real->C_Login(session, user, pin, len);
    rv = tries_take(&tries, owner);
    return rv != CKR_OK ? rv
                        : tries_settle(&tries, owner,
                                       real->C_Login(session, user, pin, len));
}

/* The old PIN is a guess like any other: of the administrator's when that is
 * who is logged in. */
static CK_RV
usbkey_set_pin(CK_SESSION_HANDLE session, CK_UTF8CHAR *old_pin,
               CK_ULONG old_len, CK_UTF8CHAR *new_pin, CK_ULONG new_len)
{
    struct tries tries;
    CK_SESSION_INFO info;
    enum owner owner;
    CK_RV rv;

    if (!is_plugged())
        return CKR_DEVICE_REMOVED;
    if (!is_new_pin_right(new_len))
        return CKR_PIN_LEN_RANGE;
    rv = real->C_GetSessionInfo(session, &info);
    if (rv != CKR_OK)
        return rv;
    owner = info.state == CKS_RW_SO_FUNCTIONS ? OWNER_SO : OWNER_USER;
    rv = tries_take(&tries, owner);
    return rv != CKR_OK ? rv
                        : tries_settle(&tries, owner,
                                       real->C_SetPIN(session, old_pin, old_len,
                                                      new_pin, new_len));
}

/* Only the administrator gets here: the way to unlock. */
static CK_RV
usbkey_init_pin(CK_SESSION_HANDLE session, CK_UTF8CHAR *pin, CK_ULONG len)
{
    struct tries tries;
    CK_RV rv;

    if (!is_plugged())
        return CKR_DEVICE_REMOVED;
    if (!is_new_pin_right(len))
        return CKR_PIN_LEN_RANGE;
    if (!tries_open(&tries))
        return CKR_DEVICE_ERROR;
    keep();
    rv = real->C_InitPIN(session, pin, len);
    keep_no_more();
    if (rv == CKR_OK) {
        tries.count[OWNER_USER] = 0;
        if (!tries_write(&tries))
            rv = CKR_DEVICE_ERROR;
    }
    tries_close(&tries);
    return rv;
}

/* ---- What makes objects
 * ------------------------------------------------------------- */

static CK_RV
usbkey_generate_pair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                     CK_ATTRIBUTE *public_template, CK_ULONG public_count,
                     CK_ATTRIBUTE *private_template, CK_ULONG private_count,
                     CK_OBJECT_HANDLE *public_key,
                     CK_OBJECT_HANDLE *private_key)
{
    struct tries tries;
    CK_RV rv;

    if (!is_plugged())
        return CKR_DEVICE_REMOVED;
    if (!tries_open(&tries))
        return CKR_DEVICE_ERROR;
    make_begin();
    rv = real->C_GenerateKeyPair(session, mechanism, public_template,
                                 public_count, private_template, private_count,
                                 public_key, private_key);
    make_end();
    tries_close(&tries);
    return rv;
}

static CK_RV
usbkey_create_object(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template,
                     CK_ULONG count, CK_OBJECT_HANDLE *object)
{
    struct tries tries;
    CK_RV rv;

    if (!is_plugged())
        return CKR_DEVICE_REMOVED;
    if (!tries_open(&tries))
        return CKR_DEVICE_ERROR;
    make_begin();
    rv = real->C_CreateObject(session, template, count, object);
    make_end();
    tries_close(&tries);
    return rv;
}

static CK_RV
usbkey_unwrap(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
              CK_OBJECT_HANDLE key, CK_BYTE *wrapped, CK_ULONG len,
              CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *object)
{
    struct tries tries;
    CK_RV rv;

    if (!is_plugged())
        return CKR_DEVICE_REMOVED;
    if (!tries_open(&tries))
        return CKR_DEVICE_ERROR;
    make_begin();
    rv = real->C_UnwrapKey(session, mechanism, key, wrapped, len, template,
                           count, object);
    make_end();
    tries_close(&tries);
    return rv;
}

/* Erases the device: with the administrator's PIN, which is a guess here too.
 */
static CK_RV
usbkey_init_token(CK_SLOT_ID slot, CK_UTF8CHAR *pin, CK_ULONG len,
                  CK_UTF8CHAR *label)
{
    struct tries tries;
    CK_RV rv = tries_take(&tries, OWNER_SO);

    return rv != CKR_OK
               ? rv
               : tries_settle(&tries, OWNER_SO,
                              real->C_InitToken(slot, pin, len, label));
}

static void
pad(CK_UTF8CHAR *out, size_t len, const char *text)
{
    size_t given = strlen(text);

    memset(out, ' ', len);
    memcpy(out, text, given < len ? given : len);
}

static void
read_serial(char out[17])
{
    char path[PATH_MAX + 32];
    FILE *file;

    path_of(path, "serial");
    out[0] = '\0';
    file = fopen(path, "re");
    if (file == NULL)
        return;
    if (fgets(out, 17, file) != NULL)
        out[strcspn(out, "\r\n")] = '\0';
    (void)fclose(file);
}

/* The flags of PKCS #11, 3.2 (CK_TOKEN_INFO), which do not tell how many tries
 * are left, only that it is not all, the last, or none. */
static CK_FLAGS
flags_of(int count, CK_FLAGS low, CK_FLAGS final, CK_FLAGS locked)
{
    return (count > 0 ? low : 0) | (count == TRIES_MAX - 1 ? final : 0) |
           (count >= TRIES_MAX ? locked : 0);
}

static CK_RV
usbkey_get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    struct tries tries;
    char serial[17];
    CK_RV rv;

    if (!is_plugged())
        return CKR_TOKEN_NOT_PRESENT;
    rv = real->C_GetTokenInfo(slot, info);
    if (rv != CKR_OK)
        return rv;
    if (!tries_open(&tries))
        return CKR_DEVICE_ERROR;
    tries_close(&tries);
    read_serial(serial);
    pad(info->serialNumber, sizeof info->serialNumber, serial);
    pad(info->model, sizeof info->model, "SIM-KEY");
    pad(info->manufacturerID, sizeof info->manufacturerID, "Signet simulator");
    info->ulMinPinLen = PIN_MIN;
    info->ulMaxPinLen = PIN_MAX;
    info->flags &= ~(CK_FLAGS)(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY |
                               CKF_USER_PIN_LOCKED | CKF_SO_PIN_COUNT_LOW |
                               CKF_SO_PIN_FINAL_TRY | CKF_SO_PIN_LOCKED);
    info->flags |= flags_of(tries.count[OWNER_USER], CKF_USER_PIN_COUNT_LOW,
                            CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED) |
                   flags_of(tries.count[OWNER_SO], CKF_SO_PIN_COUNT_LOW,
                            CKF_SO_PIN_FINAL_TRY, CKF_SO_PIN_LOCKED);
    return CKR_OK;
}

/* SoftHSM shows an empty slot for the next token; a device has one slot. */
static CK_RV
usbkey_get_slot_list(unsigned char present, CK_SLOT_ID *list, CK_ULONG *count)
{
    CK_SLOT_ID all[SLOTS_MAX];
    CK_ULONG total = SLOTS_MAX;
    CK_ULONG found = 0;
    CK_TOKEN_INFO info;
    CK_RV rv;

    if (count == NULL)
        return CKR_ARGUMENTS_BAD;
    if (is_empty) {
        *count = 0;
        return CKR_OK;
    }
    rv = real->C_GetSlotList(present, NULL, &total); /* looks anew */
    if (rv != CKR_OK)
        return rv;
    total = SLOTS_MAX;
    rv = real->C_GetSlotList(present, all, &total);
    if (rv != CKR_OK)
        return rv;
    for (CK_ULONG i = 0; is_plugged() && i < total; i++)
        if (real->C_GetTokenInfo(all[i], &info) == CKR_OK &&
            (info.flags & CKF_TOKEN_INITIALIZED) != 0)
            all[found++] = all[i];
    if (list != NULL && *count < found)
        rv = CKR_BUFFER_TOO_SMALL;
    else if (list != NULL)
        memcpy(list, all, found * sizeof *list);
    *count = found;
    return rv;
}

/* A driver starts without a device as well; SoftHSM would want its files. */
static CK_RV
usbkey_initialize(void *arguments)
{
    is_empty = !is_plugged();
    if (!is_empty)
        put_back();
    return is_empty ? CKR_OK : real->C_Initialize(arguments);
}

static CK_RV
usbkey_finalize(void *reserved)
{
    return is_empty ? CKR_OK : real->C_Finalize(reserved);
}

static CK_RV
usbkey_get_info(CK_INFO *info)
{
    if (info == NULL)
        return CKR_ARGUMENTS_BAD;
    memset(info, 0, sizeof *info);
    info->cryptokiVersion.major = 2;
    info->cryptokiVersion.minor = 40;
    pad(info->manufacturerID, sizeof info->manufacturerID, "Signet simulator");
    pad(info->libraryDescription, sizeof info->libraryDescription,
        "Simulated USB key");
    return CKR_OK;
}

/* ---- The module
 * ------------------------------------------------------------------ */

static int
load(void)
{
    const char *device = getenv("SIGNET_USBKEY");
    const char *module = getenv("SIGNET_USBKEY_MODULE");
    char conf[PATH_MAX + 32];
    CK_C_GetFunctionList get;
    void *handle;

    if (device == NULL || strlen(device) >= sizeof folder)
        return 0;
    (void)snprintf(folder, sizeof folder, "%s", device);
    path_of(conf, "softhsm2.conf");
    (void)setenv("SOFTHSM2_CONF", conf, 1);
    handle = dlopen(module != NULL ? module : "/usr/lib/softhsm/libsofthsm2.so",
                    RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL)
        return 0;
    get = (CK_C_GetFunctionList)dlsym(handle, "C_GetFunctionList");
    if (get == NULL || get(&real) != CKR_OK)
        return 0;
    ours = *real;
    ours.C_Initialize = usbkey_initialize;
    ours.C_Finalize = usbkey_finalize;
    ours.C_GetInfo = usbkey_get_info;
    ours.C_GetSlotList = usbkey_get_slot_list;
    ours.C_GetTokenInfo = usbkey_get_token_info;
    ours.C_Login = usbkey_login;
    ours.C_SetPIN = usbkey_set_pin;
    ours.C_InitPIN = usbkey_init_pin;
    ours.C_InitToken = usbkey_init_token;
    ours.C_GenerateKeyPair = usbkey_generate_pair;
    ours.C_CreateObject = usbkey_create_object;
    ours.C_UnwrapKey = usbkey_unwrap;
    return 1;
}

__attribute__((visibility("default"))) CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **list)
{
    if (list == NULL)
        return CKR_ARGUMENTS_BAD;
    if (real == NULL && !load())
        return CKR_GENERAL_ERROR;
    ours.C_GetFunctionList = C_GetFunctionList;
    *list = &ours;
    return CKR_OK;
}
