/* A vault for tests; see tests/unit/vault_parts.h. */
#include "tests/unit/vault_parts.h"

#include <stdio.h>
#include <stdlib.h>

struct vault *
vault_parts_make(void)
{
    static const struct vault_key key = {
        .id = 1, .key = "only for tests, 32 octets long!"};
    struct vault *vault = NULL;
    struct error err = {0};

    if (vault_make(&key, 1, &vault, &err))
        return vault;
    (void)fprintf(stderr, "tests/unit/vault_parts.c: %s\n", err.what);
    exit(1);
}
