/*
 * A PKCS #11 library in this process. Loaded once for each path and never
 * unloaded; initialised by the first token that needs it. All calls to it are
 * made under its lock, so that nothing depends on what a vendor's library
 * thinks of threads. Internal to hsm/.
 */
#ifndef HSM_MODULE_H
#define HSM_MODULE_H

#include "hsm/cryptoki.h"

struct module {
    char *path;
    CK_FUNCTION_LIST *p11;
    bool is_ready;       /* C_Initialize has succeeded */
    unsigned generation; /* counts C_Initialize: handles of an older one are
                            dead */
    unsigned user_count;
    struct module *next;
};

/* Loads, or finds again. A file that cannot be loaded, or that is no PKCS #11
 * library, is ERROR_NOT_FOUND. Borrowed until module_release(). */
bool module_acquire(const char *path, struct module **out,
                    struct error *err) MUST_CHECK;

/* The last user's release calls C_Finalize. NULL is nothing. */
void module_release(struct module *module);

/* Both of the process's one lock for Cryptoki; not recursive. The functions
 * below are called with it held. */
void module_lock(void);
void module_unlock(void);

/* C_Initialize unless that has been done; a few tries, since two starts at
 * once disturb each other (feasibility.md, A4). */
bool module_start(struct module *module, struct error *err) MUST_CHECK;

/* C_Finalize: kills the handles of all tokens of this module. */
void module_stop(struct module *module);

/* The slot of the token with this label and, if not NULL, serial number.
 * ERROR_BUSY if there is none now, ERROR_CONFLICT if there are two. */
bool module_slot_find(struct module *module, const char *label,
                      const char *serial, CK_SLOT_ID *out,
                      struct error *err) MUST_CHECK;

/* Text of fixed width, blank padded, as Cryptoki has it; `out` holds one octet
 * more than `len`. */
void module_text(const CK_UTF8CHAR *text, size_t len, char *out);

enum { MODULE_SLOTS_MAX = 256 };

/* The slots that hold a token now, initialised or not. */
bool module_slots(struct module *module, CK_SLOT_ID slots[MODULE_SLOTS_MAX],
                  size_t *count, struct error *err) MUST_CHECK;

#endif
