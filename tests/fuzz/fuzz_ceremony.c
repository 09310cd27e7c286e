/* A ceremony's file: whatever it says, it is a plan within bounds or an error.
 */
#include <stdlib.h>

#include "ca-core/ceremony.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct profile_set *
profiles(void)
{
    static struct profile_set set;
    struct error err = {0};

    if (set.count == 0 &&
        !profile_set_load(SOURCE_DIR "/config/profiles",
                          SOURCE_DIR "/config/schema", &set, &err))
        abort();
    return &set;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ceremony *ceremony = NULL;
    struct error err = {0};
    size_t i;

    if (!ceremony_parse(data, size, "fuzz", SOURCE_DIR "/config/schema",
                        profiles(), &ceremony, &err)) {
        if (err.code == ERROR_NONE || ceremony != NULL)
            abort();
        return 0;
    }
    if (!text_is_uuid(ceremony->id) ||
        ceremony->witness_count > CEREMONY_WITNESSES_MAX ||
        ceremony->authority_count > CEREMONY_AUTHORITIES_MAX ||
        ceremony->service_count > CEREMONY_SERVICES_MAX ||
        ceremony->officer_count > CEREMONY_OFFICERS_MAX)
        abort();
    for (i = 0; i < ceremony->authority_count; i++)
        if (!ceremony->authority[i].profile->is_ca)
            abort();
    ceremony_free(ceremony);
    return 0;
}
