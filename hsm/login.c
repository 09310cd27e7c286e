/* The lock, the PIN and the memory of a refused PIN; see hsm/login.h. */
#include "hsm/login.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

enum {
    PATH_LEN_MAX = 4096,
    PIN_LEN_MAX = 255,
    LOCK_PAUSE_MS = 5,
    SALT_LEN = 16,
    HASH_LEN = 32,
    MARK_LEN_MAX = 256,
    ATTEMPT_INTERVAL_S = 60,
    /* Slow on purpose: a refused PIN may be one digit from the right one. But
     * the mark lies beside the locks, as safe as the PIN file itself. */
    MARK_ITERATIONS = 10000,
};

/* A PIN that was refused, without saying which. */
struct mark {
    int64_t at;
    uint8_t salt[SALT_LEN];
    uint8_t hash[HASH_LEN];
};

void
login_path(const struct hsm_options *options, const char *suffix,
           struct buf *out)
{
    const unsigned char *p = (const unsigned char *)options->token;

    (void)buf_addf(out, "%s/", options->lock_dir);
    for (; *p != '\0'; p++) {
        if (isalnum(*p) || *p == '-' || *p == '_')
            (void)buf_add_byte(out, *p);
        else
            (void)buf_addf(out, "%%%02x", *p);
    }
    (void)buf_add_text(out, suffix);
}

void
login_give(const char *path, const char *like)
{
    struct stat info;

    if (geteuid() == 0 && stat(like, &info) == 0 && info.st_uid != 0 &&
        lchown(path, info.st_uid, info.st_gid) != 0)
        log_event(LOG_LEVEL_WARN, "hsm.owner", LOG_TEXT("path", path));
}

bool
login_lock(const struct hsm_options *options, int64_t timeout_ms, int *fd,
           struct error *err)
{
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000};
    int64_t until = clock_monotonic_ms() + timeout_ms;
    struct buf path = BUF_INIT(PATH_LEN_MAX);
    bool ok = false;

    *fd = -1;
    if (mkdir(options->lock_dir, 0700) != 0 && errno != EEXIST) {
        error_errno(err, ERROR_INTERNAL, "cannot make %s", options->lock_dir);
        goto out;
    }
    login_path(options, ".lock", &path);
    *fd =
        open(buf_text(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0) {
        error_errno(err, ERROR_INTERNAL, "cannot open %s", buf_text(&path));
        goto out;
    }
    login_give(buf_text(&path), options->lock_dir);
    while (flock(*fd, LOCK_EX | LOCK_NB) != 0) {
        if ((errno != EWOULDBLOCK && errno != EINTR) ||
            clock_monotonic_ms() >= until) {
            error_errno(err, ERROR_BUSY, "another login to %s goes on",
                        options->token);
            goto out;
        }
        (void)nanosleep(&pause, NULL);
    }
    ok = true;
out:
    if (!ok) {
        login_unlock(*fd);
        *fd = -1;
    }
    buf_clear(&path);
    return ok;
}

void
login_unlock(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

/* The first line of the file. The caller cleanses. */
static bool
pin_read(const char *path, struct buf *pin, struct error *err)
{
    uint8_t *end;

    if (path == NULL || path[0] == '\0')
        return error_set(err, ERROR_INPUT, "no PIN file is set");
    if (!text_file_read(path, pin->limit, pin, err)) {
        /* Its cause may go away, but not by trying again. */
        if (err != NULL)
            err->code = ERROR_DENIED;
        return error_wrap(err, "PIN file");
    }
    end = pin->len == 0 ? NULL : memchr(pin->data, '\n', pin->len);
    if (end != NULL)
        pin->len = (size_t)(end - pin->data);
    if (pin->len > 0 && pin->data[pin->len - 1] == '\r')
        pin->len--;
    if (pin->len == 0 || pin->len > PIN_LEN_MAX)
        return error_set(err, ERROR_DENIED, "no PIN in the first line of %s",
                         path);
    return true;
}

static bool
mark_hash(const struct buf *pin, const uint8_t salt[SALT_LEN],
          uint8_t out[HASH_LEN])
{
    return PKCS5_PBKDF2_HMAC((const char *)pin->data, (int)pin->len, salt,
                             SALT_LEN, MARK_ITERATIONS,
                             hsm_scheme_digest(HSM_ECDSA_SHA256), HASH_LEN,
                             out) == 1;
}

/* False if there is none, or none that can be read. */
static bool
mark_read(const char *path, struct mark *out)
{
    struct buf text = BUF_INIT(MARK_LEN_MAX);
    char number[32], salt[2 * SALT_LEN + 1], hash[2 * HASH_LEN + 1];
    size_t salt_len = 0, hash_len = 0;
    struct error err;
    bool ok = false;

    if (text_file_read(path, MARK_LEN_MAX, &text, &err) &&
        sscanf(buf_text(&text), "%31s %32s %64s", number, salt, hash) == 3)
        ok = text_int64(number, 0, INT64_MAX, &out->at) &&
             text_unhex(salt, out->salt, SALT_LEN, &salt_len) &&
             text_unhex(hash, out->hash, HASH_LEN, &hash_len) &&
             salt_len == SALT_LEN && hash_len == HASH_LEN;
    buf_clear(&text);
    return ok;
}

static void
mark_write(const char *path, const char *folder, const struct buf *pin)
{
    char salt[2 * SALT_LEN + 1], hash[2 * HASH_LEN + 1];
    struct buf text = BUF_INIT(MARK_LEN_MAX);
    struct mark mark = {.at = clock_now()};
    struct error err = {0};

    if (RAND_bytes(mark.salt, SALT_LEN) != 1 ||
        !mark_hash(pin, mark.salt, mark.hash)) {
        error_openssl(&err, ERROR_INTERNAL, "no hash of the refused PIN");
        log_failure("hsm.pin-mark", &err);
        return;
    }
    text_hex(mark.salt, SALT_LEN, salt);
    text_hex(mark.hash, HASH_LEN, hash);
    (void)buf_addf(&text, "%lld %s %s\n", (long long)mark.at, salt, hash);
    if (!text_file_write(path, text.data, text.len, 0600, &err))
        log_failure("hsm.pin-mark", &err);
    login_give(path, folder);
    buf_clear(&text);
}

/* Whether this PIN may be tried now. */
static bool
mark_allows(const char *path, const struct buf *pin, struct error *err)
{
    uint8_t hash[HASH_LEN];
    struct mark mark;
    int64_t age;

    if (!mark_read(path, &mark))
        return true;
    if (!mark_hash(pin, mark.salt, hash))
        return error_openssl(err, ERROR_INTERNAL, "cannot hash the PIN");
    if (CRYPTO_memcmp(hash, mark.hash, HASH_LEN) == 0)
        return error_set(err, ERROR_DENIED,
                         "the token refused this PIN before; it is not tried "
                         "again: correct the PIN file, or, if the token's PIN "
                         "was changed to it, remove %s",
                         path);
    age = clock_now() - mark.at;
    /* A mark from the future is from a clock that was wrong. */
    if (age >= -ATTEMPT_INTERVAL_S && age < ATTEMPT_INTERVAL_S)
        return error_set(err, ERROR_BUSY,
                         "a PIN was refused: the next attempt is allowed "
                         "after %lld s",
                         (long long)(ATTEMPT_INTERVAL_S - age));
    return true;
}

bool
login_user(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session,
           const struct hsm_options *options, CK_RV *rv, struct error *err)
{
    struct buf pin = BUF_INIT(PIN_LEN_MAX + 2);
    struct buf path = BUF_INIT(PATH_LEN_MAX);
    bool ok = false;

    *rv = CKR_OK;
    login_path(options, LOGIN_MARK_SUFFIX, &path);
    if (!pin_read(options->pin_file, &pin, err) ||
        !mark_allows(buf_text(&path), &pin, err))
        goto out;
    *rv = p11->C_Login(session, CKU_USER, pin.data, (CK_ULONG)pin.len);
    if (*rv != CKR_OK && *rv != CKR_USER_ALREADY_LOGGED_IN) {
        (void)hsm_error(err, *rv, "C_Login");
        if (hsm_fault_of(*rv) == HSM_FAULT_PIN)
            mark_write(buf_text(&path), options->lock_dir, &pin);
        goto out;
    }
    (void)unlink(buf_text(&path));
    ok = true;
out:
    buf_cleanse(&pin);
    buf_clear(&path);
    return ok;
}
