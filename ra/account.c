/* Accounts' names and tokens: ra/account.h. */
#include "ra/account.h"

#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/text.h"
#include "db/account.h"
#include "ra/entry.h"

/* Names the token's kind to whoever finds one in a file, secret scanners too.
 */
static const char prefix[] = "signet_";

bool
account_name_check(const char *name, struct error *err)
{
    size_t len = strlen(name);

    if (len < ACCOUNT_NAME_MIN || len > ACCOUNT_NAME_MAX)
        return error_set(err, ERROR_INPUT,
                         "account: a name of %d to %d characters is needed",
                         ACCOUNT_NAME_MIN, ACCOUNT_NAME_MAX);
    if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") != len ||
        strchr("._-", name[0]) != NULL)
        return error_set(err, ERROR_INPUT,
                         "account: only a-z, 0-9, '.', '_' and '-', a letter "
                         "or digit first");
    return true;
}

static bool
token_hash(const char *token, uint8_t hash[ACCOUNT_HASH_LEN])
{
    size_t len = 0;

    return EVP_Q_digest(NULL, "SHA256", NULL, token, ACCOUNT_TOKEN_LEN, hash,
                        &len) == 1 &&
           len == ACCOUNT_HASH_LEN;
}

bool
account_is_sample(const char *name)
{
    return strncmp(name, "sample-", strlen("sample-")) == 0;
}

bool
account_token_draw(char token[ACCOUNT_TOKEN_LEN + 1],
                   uint8_t hash[ACCOUNT_HASH_LEN], struct error *err)
{
    uint8_t random[32];
    bool ok = false;

    if (RAND_bytes(random, sizeof random) != 1) {
        error_openssl(err, ERROR_INTERNAL, "no randomness for a token");
        goto out;
    }
    memcpy(token, prefix, sizeof prefix - 1);
    text_hex(random, sizeof random, token + sizeof prefix - 1);
    if (!token_hash(token, hash)) {
        error_openssl(err, ERROR_INTERNAL, "hash of a token");
        goto out;
    }
    ok = true;
out:
    OPENSSL_cleanse(random, sizeof random);
    return ok;
}

bool
account_token_read(const struct http_request *req,
                   uint8_t hash[ACCOUNT_HASH_LEN])
{
    const char *value = http_header(req, "authorization");

    /* RFC 9110, 11.1: the scheme's name in any case. */
    if (value == NULL || strncasecmp(value, "Bearer ", 7) != 0)
        return false;
    value += 7;
    return strlen(value) == ACCOUNT_TOKEN_LEN &&
           strncmp(value, prefix, sizeof prefix - 1) == 0 &&
           strspn(value + sizeof prefix - 1, "0123456789abcdef") == 64 &&
           token_hash(value, hash);
}

struct open_run {
    const char *account;
    const uint8_t *token_hash;
    const char *officer_id;
    int64_t at;
};

static bool
open_run(struct db *db, void *arg, struct error *err)
{
    struct open_run *run = arg;

    return db_account_create(db, run->account, run->token_hash, run->officer_id,
                             run->at, err) &&
           entry_account(db, run->account, run->officer_id, run->at, err);
}

bool
account_open(struct db *db, const char *account,
             const uint8_t token_hash[ACCOUNT_HASH_LEN], const char *officer_id,
             int64_t at, struct error *err)
{
    struct open_run run = {account, token_hash, officer_id, at};

    return db_transaction(db, open_run, &run, err);
}
