/*
 * signet-key, the holder's program: what its verbs share. Two languages, text
 * for people or JSON for programs, and PINs that are typed, never given in
 * argv or environment.
 */
#ifndef RA_CLIENT_CLIENT_H
#define RA_CLIENT_CLIENT_H

#include <jansson.h>

#include "hsm/device.h"

struct client {
    const char *module;   /* PKCS #11 library; --module, SIGNET_KEY_MODULE */
    const char *serial;   /* --device; NULL: the only one that is plugged in */
    const char *pin_file; /* --pin-file; "-": standard input; NULL: typed */
    const char
        *code_file;  /* --code-file: of a text message or page; as above */
    const char *url; /* of the RA; --url, SIGNET_KEY_URL */
    const char *trust_file; /* --ca-file, SIGNET_KEY_CA_FILE */
    bool is_english;        /* --language, LANG */
    bool is_json;           /* --json */
    json_t *answer;         /* what --json prints at the end */
    int argc;               /* what is left for the verb */
    char **argv;
};

struct client_verb {
    const char *name;
    const char *usage;
    const char *zh, *en; /* one line of help */
    bool (*run)(struct client *client, struct error *err);
};

/* Tables end with name NULL. */
extern const struct client_verb client_device_verbs[];
extern const struct client_verb client_file_verbs[];
extern const struct client_verb client_service_verbs[];
extern const struct client_verb client_renew_verbs[];
extern const struct client_verb client_recover_verbs[];
extern const struct client_verb client_unlock_verbs[];
extern const struct client_verb client_maker_verbs[];

/* A line for people; nothing with --json. */
void client_say(struct client *client, const char *zh, const char *en, ...)
    __attribute__((format(printf, 2, 4), format(printf, 3, 4)));

/* An option of the verb with a value; NULL if absent. Takes it out. */
const char *client_option(struct client *client, const char *name);
bool client_flag(struct client *client, const char *name);
/* Between `min` and `max` arguments are left, and no option. ERROR_INPUT. */
bool client_rest(struct client *client, int min, int max,
                 struct error *err) MUST_CHECK;

/* ERROR_INPUT when nobody has said which library the device has. */
bool client_has_module(const struct client *client,
                       struct error *err) MUST_CHECK;

/* Opens the device and, if `is_login`, asks for the PIN. */
bool client_open(struct client *client, bool is_login, struct hsm_device **out,
                 struct error *err) MUST_CHECK;

/* Asks for a PIN: from the terminal without echo, or the next line of the PIN
 * file. `pin` holds HSM_PIN_MAX + 1; the caller cleanses it. */
bool client_pin(struct client *client, const char *zh, const char *en,
                char *pin, struct error *err) MUST_CHECK;
/* A new one, typed twice at a terminal, by policy: at least 8 characters of
 * four classes (domain.md, 1.8 #6; feasibility.md, C). */
bool client_new_pin(struct client *client, char *pin,
                    struct error *err) MUST_CHECK;
bool client_pin_check(const char *pin, struct error *err) MUST_CHECK;

/* A code from a text message or from the page, as client_pin(): `code` holds
 * HSM_PIN_MAX + 1; the caller cleanses it. */
bool client_code(struct client *client, const char *zh, const char *en,
                 char *code, struct error *err) MUST_CHECK;

/* One signet-key at a time works on a device: until the program ends. A lock in
 * ~/.config/signet-key; waits. */
bool client_lock(const char *serial, struct error *err) MUST_CHECK;

#endif
