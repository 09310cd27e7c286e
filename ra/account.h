/*
 * Unit accounts (domain.md, 1.1) and their bearer tokens (RFC 6750). A token
 * is 256 random bits, shown once; we keep its SHA-256. With so much entropy a
 * slow password hash would add nothing but load.
 */
#ifndef RA_ACCOUNT_H
#define RA_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>

#include "base/http.h"
#include "db/db.h"

enum {
    ACCOUNT_NAME_MIN = 3,
    ACCOUNT_NAME_MAX = 64,
    ACCOUNT_TOKEN_LEN = 71, /* "signet_" and 64 hex digits */
    ACCOUNT_HASH_LEN = 32,
};

/* a-z, 0-9, and '.', '_', '-' after the first character. */
bool account_name_check(const char *name, struct error *err) MUST_CHECK;

/* "sample-...": its cases are marked as samples on every page. */
bool account_is_sample(const char *name);

/* A new token and its hash. The caller cleanses `token`. ERROR_INTERNAL for
 * want of entropy. */
bool account_token_draw(char token[ACCOUNT_TOKEN_LEN + 1],
                        uint8_t hash[ACCOUNT_HASH_LEN],
                        struct error *err) MUST_CHECK;

/* The hash of the token in a request's Authorization header; false when there
 * is no such header, or it holds nothing that could be a token. */
bool account_token_read(const struct http_request *req,
                        uint8_t hash[ACCOUNT_HASH_LEN]) MUST_CHECK;

/* Opens an account for a unit: the row and its entry `account.created`.
 * ERROR_CONFLICT when there is one of this name. */
bool account_open(struct db *db, const char *account,
                  const uint8_t token_hash[ACCOUNT_HASH_LEN],
                  const char *officer_id, int64_t at,
                  struct error *err) MUST_CHECK;

#endif
