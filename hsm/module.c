/* Loading and starting a PKCS #11 library; see hsm/module.h. */
#include "hsm/module.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>

#include "base/buf.h"

enum { START_TRIES = 3, START_PAUSE_MS = 50 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct module *modules; /* guarded by lock */

void
module_lock(void)
{
    (void)pthread_mutex_lock(&lock);
}

void
module_unlock(void)
{
    (void)pthread_mutex_unlock(&lock);
}

static bool
load(const char *path, CK_FUNCTION_LIST **out, struct error *err)
{
    CK_C_GetFunctionList get_list;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol;
    CK_RV rv;

    if (library == NULL)
        return error_cause(err, ERROR_NOT_FOUND, dlerror(),
                           "cannot load the PKCS #11 module %s", path);
    /* From here on it stays loaded: libraries that are unloaded leave behind
     * exit handlers and threads that then crash (feasibility.md, A3). */
    if ((symbol = dlsym(library, "C_GetFunctionList")) == NULL)
        return error_set(err, ERROR_NOT_FOUND, "%s is no PKCS #11 module",
                         path);
    memcpy(&get_list, &symbol, sizeof get_list);
    if ((rv = get_list(out)) != CKR_OK)
        return hsm_error(err, rv, "C_GetFunctionList");
    return true;
}

bool
module_acquire(const char *path, struct module **out, struct error *err)
{
    struct module *module;
    CK_FUNCTION_LIST *p11 = NULL;
    bool ok = false;

    module_lock();
    for (module = modules; module != NULL; module = module->next) {
        if (strcmp(module->path, path) == 0)
            break;
    }
    if (module == NULL) {
        if (!load(path, &p11, err))
            goto out;
        module = base_alloc(sizeof *module);
        module->path = base_text_copy(path);
        module->p11 = p11;
        module->next = modules;
        modules = module;
    }
    module->user_count++;
    *out = module;
    ok = true;
out:
    module_unlock();
    return ok;
}

void
module_release(struct module *module)
{
    if (module == NULL)
        return;
    module_lock();
    if (--module->user_count == 0)
        module_stop(module);
    module_unlock();
}

static CK_RV
initialize(struct module *module)
{
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    CK_RV rv = module->p11->C_Initialize(&args);

    /* A library without locks is good enough: we call under ours. */
    if (rv == CKR_CANT_LOCK || rv == CKR_ARGUMENTS_BAD)
        rv = module->p11->C_Initialize(NULL);
    return rv;
}

bool
module_start(struct module *module, struct error *err)
{
    CK_RV rv = CKR_OK;
    int i;

    if (module->is_ready)
        return true;
    for (i = 0; i < START_TRIES; i++) {
        struct timespec pause = {.tv_nsec = (i + 1) * START_PAUSE_MS * 1000000};

        rv = initialize(module);
        if (rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED)
            break;
        (void)nanosleep(&pause, NULL);
    }
    ERR_clear_error(); /* SoftHSM leaves its own behind in our queue */
    if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED) {
        (void)hsm_error(err, rv, "C_Initialize");
        /* Whatever a library says here, a later start may go well. */
        if (err != NULL)
            err->code = ERROR_BUSY;
        return false;
    }
    module->is_ready = true;
    module->generation++;
    return true;
}

void
module_stop(struct module *module)
{
    if (!module->is_ready)
        return;
    (void)module->p11->C_Finalize(NULL);
    ERR_clear_error();
    module->is_ready = false;
}

void
module_text(const CK_UTF8CHAR *text, size_t len, char *out)
{
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\0'))
        len--;
    memcpy(out, text, len);
    out[len] = '\0';
}

bool
module_slots(struct module *module, CK_SLOT_ID slots[MODULE_SLOTS_MAX],
             size_t *count, struct error *err)
{
    CK_ULONG n = 0;
    /* The call with NULL makes the library look at its slots anew. */
    CK_RV rv = module->p11->C_GetSlotList(CK_TRUE, NULL, &n);

    if (rv == CKR_OK) {
        n = MODULE_SLOTS_MAX;
        rv = module->p11->C_GetSlotList(CK_TRUE, slots, &n);
    }
    if (rv != CKR_OK)
        return hsm_error(err, rv, "C_GetSlotList");
    *count = n;
    return true;
}

static bool
token_is(struct module *module, CK_SLOT_ID slot, const char *label,
         const char *serial)
{
    CK_TOKEN_INFO info;
    char text[sizeof info.label + 1];

    memset(&info, 0, sizeof info);
    if (module->p11->C_GetTokenInfo(slot, &info) != CKR_OK ||
        (info.flags & CKF_TOKEN_INITIALIZED) == 0)
        return false;
    module_text(info.label, sizeof info.label, text);
    if (strcmp(text, label) != 0)
        return false;
    module_text(info.serialNumber, sizeof info.serialNumber, text);
    return serial == NULL || strcmp(text, serial) == 0;
}

bool
module_slot_find(struct module *module, const char *label, const char *serial,
                 CK_SLOT_ID *out, struct error *err)
{
    CK_SLOT_ID slots[MODULE_SLOTS_MAX];
    size_t found = 0;
    size_t count = 0;
    size_t i;

    if (!module_slots(module, slots, &count, err))
        return false;
    for (i = 0; i < count; i++) {
        if (token_is(module, slots[i], label, serial)) {
            *out = slots[i];
            found++;
        }
    }
    if (found == 0)
        return error_set(err, ERROR_BUSY, "no token is labelled %s", label);
    if (found > 1)
        return error_set(err, ERROR_CONFLICT,
                         "%zu tokens are labelled %s: name the serial number",
                         found, label);
    return true;
}
