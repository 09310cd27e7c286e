/* Any octets as a profile: refused with file, line and reason, or whole. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ca-core/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct buf text = BUF_INIT(1024 * 1024);
    struct profile *profile;
    struct error err = {0};

    if (!profile_parse(data, len, "fuzz.xml", SOURCE_DIR "/config/schema",
                       &profile, &err)) {
        assert(profile == NULL && err.code == ERROR_INPUT);
        assert(strncmp(err.what, "fuzz.xml", 8) == 0);
        return 0;
    }
    assert(profile->title_en != NULL && profile->title_zh != NULL);
    profile_format(profile, &text);
    assert(!buf_is_full(&text));
    buf_clear(&text);
    profile_free(profile);
    return 0;
}
