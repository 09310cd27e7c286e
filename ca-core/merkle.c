/* RFC 6962, 2.1; see ca-core/merkle.h. */
#include "ca-core/merkle.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

enum { LEAF_PREFIX = 0x00, NODE_PREFIX = 0x01 };

/* Fetched once: performance.md, 8. */
static EVP_MD *sha256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

/* SHA-256 over prefix || a || b; a prefix below 0 is none. */
static bool
hash(EVP_MD_CTX *context, int prefix, const uint8_t *a, size_t a_len,
     const uint8_t *b, size_t b_len, uint8_t out[MERKLE_HASH_LEN],
     struct error *err)
{
    uint8_t first = (uint8_t)prefix;

    (void)pthread_once(&once, fetch);
    if (sha256 == NULL || context == NULL ||
        EVP_DigestInit_ex2(context, sha256, NULL) != 1 ||
        (prefix >= 0 && EVP_DigestUpdate(context, &first, 1) != 1) ||
        (a_len > 0 && EVP_DigestUpdate(context, a, a_len) != 1) ||
        (b_len > 0 && EVP_DigestUpdate(context, b, b_len) != 1) ||
        EVP_DigestFinal_ex(context, out, NULL) != 1)
        return error_openssl(err, ERROR_INTERNAL, "SHA-256");
    return true;
}

static bool
node(EVP_MD_CTX *context, const uint8_t left[MERKLE_HASH_LEN],
     const uint8_t right[MERKLE_HASH_LEN], uint8_t out[MERKLE_HASH_LEN],
     struct error *err)
{
    return hash(context, NODE_PREFIX, left, MERKLE_HASH_LEN, right,
                MERKLE_HASH_LEN, out, err);
}

bool
merkle_leaf(const uint8_t *data, size_t len, uint8_t out[MERKLE_HASH_LEN],
            struct error *err)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = hash(context, LEAF_PREFIX, data, len, NULL, 0, out, err);

    EVP_MD_CTX_free(context);
    return ok;
}

bool
merkle_init(struct merkle *merkle, struct error *err)
{
    memset(merkle, 0, sizeof *merkle);
    merkle->context = EVP_MD_CTX_new();
    return merkle->context != NULL ||
           error_openssl(err, ERROR_INTERNAL, "SHA-256");
}

void
merkle_clear(struct merkle *merkle)
{
    EVP_MD_CTX_free(merkle->context);
    merkle->context = NULL;
}

bool
merkle_add(struct merkle *merkle, const uint8_t leaf[MERKLE_HASH_LEN],
           struct error *err)
{
    uint8_t carried[MERKLE_HASH_LEN];
    size_t level = 0;

    memcpy(carried, leaf, sizeof carried);
    /* As a binary counter is increased: two subtrees of one width become one
     * of the next. */
    for (; (merkle->count >> level & 1) != 0; level++)
        if (!node(merkle->context, merkle->root[level], carried, carried, err))
            return false;
    assert(level < MERKLE_LEVELS);
    memcpy(merkle->root[level], carried, sizeof carried);
    merkle->count++;
    return true;
}

bool
merkle_root(const struct merkle *merkle, uint8_t out[MERKLE_HASH_LEN],
            struct error *err)
{
    bool is_first = true;

    if (merkle->count == 0)
        return hash(merkle->context, -1, NULL, 0, NULL, 0, out, err);
    /* From the narrowest on the right; each wider one stands to its left. */
    for (size_t level = 0; level < MERKLE_LEVELS; level++) {
        if ((merkle->count >> level & 1) == 0)
            continue;
        if (is_first)
            memcpy(out, merkle->root[level], MERKLE_HASH_LEN);
        else if (!node(merkle->context, merkle->root[level], out, out, err))
            return false;
        is_first = false;
    }
    return true;
}
