/* Configuration: what is read is shown, and what is shown is read. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct buf first = BUF_INIT(2 * 1024 * 1024);
    struct buf second = BUF_INIT(2 * 1024 * 1024);
    struct config *config = NULL, *again = NULL;
    struct error err = {0};

    if (config_parse((const char *)data, len, "x", "/x", &config, &err)) {
        bool is_read;

        config_show(config, &first);
        is_read =
            config_parse(buf_text(&first), first.len, "x", "/x", &again, &err);
        assert(is_read);
        config_show(again, &second);
        assert(strcmp(buf_text(&first), buf_text(&second)) == 0);
    } else {
        assert(err.code == ERROR_INPUT && err.what[0] == 'x');
    }
    config_free(config);
    config_free(again);
    buf_clear(&first);
    buf_clear(&second);
    return 0;
}
