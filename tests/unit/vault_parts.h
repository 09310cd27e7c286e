/*
 * A vault for tests: from a key that is always the same, without token or
 * database. What goes wrong here ends the test program.
 */
#ifndef TESTS_UNIT_VAULT_PARTS_H
#define TESTS_UNIT_VAULT_PARTS_H

#include "ra/vault.h"

/* The caller frees it with vault_free(). */
struct vault *vault_parts_make(void);

#endif
