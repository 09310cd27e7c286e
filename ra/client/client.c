/* What the verbs of signet-key share; see ra/client/client.h. */
#include "ra/client/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <openssl/crypto.h>

enum { PIN_MIN = 8 };

void
client_say(struct client *client, const char *zh, const char *en, ...)
{
    va_list args;

    if (client->is_json)
        return;
    va_start(args, en);
    (void)vprintf(client->is_english ? en : zh, args);
    va_end(args);
    (void)putchar('\n');
    (void)fflush(stdout);
}

/* ---- Arguments
 * ------------------------------------------------------------------- */

static void
take_out(struct client *client, int at, int count)
{
    memmove(&client->argv[at], &client->argv[at + count],
            (size_t)(client->argc - at - count) * sizeof *client->argv);
    client->argc -= count;
}

const char *
client_option(struct client *client, const char *name)
{
    size_t len = strlen(name);

    for (int i = 0; i < client->argc; i++) {
        const char *argument = client->argv[i];
        const char *value = NULL;

        if (strcmp(argument, "--") == 0)
            return NULL;
        if (strcmp(argument, name) == 0 && i + 1 < client->argc) {
            value = client->argv[i + 1];
            take_out(client, i, 2);
        } else if (strncmp(argument, name, len) == 0 && argument[len] == '=') {
            value = argument + len + 1;
            take_out(client, i, 1);
        }
        if (value != NULL)
            return value;
    }
    return NULL;
}

bool
client_flag(struct client *client, const char *name)
{
    for (int i = 0; i < client->argc && strcmp(client->argv[i], "--") != 0; i++)
        if (strcmp(client->argv[i], name) == 0) {
            take_out(client, i, 1);
            return true;
        }
    return false;
}

bool
client_rest(struct client *client, int min, int max, struct error *err)
{
    for (int i = 0; i < client->argc; i++) {
        if (strcmp(client->argv[i], "--") == 0) {
            take_out(client, i, 1);
            break;
        }
        if (client->argv[i][0] == '-' && client->argv[i][1] != '\0')
            return error_set(err, ERROR_INPUT, "no such option: %s",
                             client->argv[i]);
    }
    if (client->argc < min || client->argc > max)
        return error_set(err, ERROR_INPUT,
                         "wrong number of arguments: signet-key help");
    return true;
}

/* ---- PINs
 * ---------------------------------------------------------------------------
 */

/* Without its line end; false at the end of the file or for one too long. */
static bool
read_line(FILE *file, char *line, struct error *err)
{
    size_t len = 0;
    int c;

    while ((c = fgetc(file)) != EOF && c != '\n') {
        if (len == HSM_PIN_MAX)
            return error_set(err, ERROR_INPUT, "the PIN is too long");
        line[len++] = (char)c;
    }
    if (len > 0 && line[len - 1] == '\r')
        len--;
    line[len] = '\0';
    return len > 0 || error_set(err, ERROR_INPUT, "no PIN was given");
}

static bool
pin_from_terminal(const char *prompt, char *pin, struct error *err)
{
    FILE *tty = fopen("/dev/tty", "r+e");
    struct termios before, silent;
    bool ok;

    if (tty == NULL)
        return error_set(err, ERROR_INPUT,
                         "there is no terminal to type a PIN at: --pin-file");
    (void)setvbuf(tty, NULL, _IONBF, 0); /* no copy of the PIN in a buffer */
    (void)fprintf(tty, "%s: ", prompt);
    if (tcgetattr(fileno(tty), &before) != 0) {
        (void)fclose(tty);
        return error_errno(err, ERROR_INTERNAL, "terminal");
    }
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    (void)tcsetattr(fileno(tty), TCSAFLUSH, &silent);
    ok = read_line(tty, pin, err);
    (void)tcsetattr(fileno(tty), TCSAFLUSH, &before);
    (void)fputc('\n', tty);
    (void)fclose(tty);
    return ok;
}

/* The next line of the file, which stays open, or what is typed. */
static bool
secret_next(const char *path, FILE **file, const char *prompt, char *secret,
            struct error *err)
{
    if (path == NULL)
        return pin_from_terminal(prompt, secret, err);
    if (*file == NULL) {
        *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
        if (*file == NULL)
            return error_errno(err, ERROR_INPUT, "%s", path);
        (void)setvbuf(*file, NULL, _IONBF, 0);
    }
    return read_line(*file, secret, err);
}

bool
client_pin(struct client *client, const char *zh, const char *en, char *pin,
           struct error *err)
{
    static FILE *file; /* a line for each PIN that is asked for */

    return secret_next(client->pin_file, &file, client->is_english ? en : zh,
                       pin, err);
}

bool
client_code(struct client *client, const char *zh, const char *en, char *code,
            struct error *err)
{
    static FILE *file;

    return secret_next(client->code_file, &file, client->is_english ? en : zh,
                       code, err);
}

bool
client_lock(const char *serial, struct error *err)
{
    const char *home = getenv("HOME");
    char path[4096];
    int fd;

    if (home == NULL || home[0] != '/')
        return error_set(err, ERROR_INPUT, "HOME names no folder");
    (void)snprintf(path, sizeof path, "%s/.config", home);
    (void)mkdir(path, 0700);
    (void)snprintf(path, sizeof path, "%s/.config/signet-key", home);
    (void)mkdir(path, 0700);
    if ((size_t)snprintf(path, sizeof path, "%s/.config/signet-key/%s.lock",
                         home, serial) >= sizeof path)
        return error_set(err, ERROR_INPUT, "HOME is too long");
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) != 0)
        return error_errno(err, ERROR_INPUT, "%s", path);
    return true; /* it ends with the program */
}

bool
client_pin_check(const char *pin, struct error *err)
{
    bool has[4] = {false};

    for (const char *c = pin; *c != '\0'; c++)
        has[*c >= 'a' && *c <= 'z'   ? 0
            : *c >= 'A' && *c <= 'Z' ? 1
            : *c >= '0' && *c <= '9' ? 2
                                     : 3] = true;
    if (strlen(pin) < PIN_MIN || !has[0] || !has[1] || !has[2] || !has[3])
        return error_set(err, ERROR_INPUT,
                         "a PIN has at least %d characters, with capital and "
                         "small letters, digits and others",
                         PIN_MIN);
    return true;
}

bool
client_new_pin(struct client *client, char *pin, struct error *err)
{
    char again[HSM_PIN_MAX + 1] = "";
    bool ok = client_pin(client, "新密码", "New PIN", pin, err) &&
              client_pin_check(pin, err);

    if (ok && client->pin_file == NULL) {
        ok =
            client_pin(client, "再输入一次新密码", "New PIN again", again, err);
        if (ok && strcmp(pin, again) != 0)
            ok = error_set(err, ERROR_INPUT, "the two are not the same");
        OPENSSL_cleanse(again, sizeof again);
    }
    return ok;
}

bool
client_has_module(const struct client *client, struct error *err)
{
    return client->module != NULL ||
           error_set(err, ERROR_INPUT,
                     "say which PKCS #11 library the device has: --module or "
                     "SIGNET_KEY_MODULE");
}

bool
client_open(struct client *client, bool is_login, struct hsm_device **out,
            struct error *err)
{
    char pin[HSM_PIN_MAX + 1] = "";
    bool ok;

    *out = NULL;
    if (!client_has_module(client, err) ||
        !hsm_device_open(client->module, client->serial, out, err))
        return false;
    if (!is_login)
        return true;
    ok = client_pin(client, "密码", "PIN", pin, err) &&
         hsm_device_login(*out, pin, err);
    OPENSSL_cleanse(pin, sizeof pin);
    if (!ok) {
        hsm_device_close(*out);
        *out = NULL;
    }
    return ok;
}
