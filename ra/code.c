/* Codes that a person types: ra/code.h. */
#include "ra/code.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/text.h"
#include "db/case_file.h"
#include "db/code.h"

enum { DAY_S = 86400, DRAWS_MAX = 8 };

static const char digits[] = "0123456789";
/* Neither 0 and O nor 1 and I; 32 of them, so 12 are 60 bits. */
static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

static const struct {
    const char *name;
    const char *alphabet;
    size_t length;
    int64_t life_s;
    int tries;
    bool is_limited; /* whoever draws it */
    int wait_s;
    int per_day;
} rules[] = {
    [CODE_ACTIVATION] = {"activation", letters, 12, 90 * DAY_S, 10, false, 60,
                         10},
    [CODE_UNLOCK] = {"unlock", digits, 6, 300, 5, true, 60, 10},
    [CODE_HANDLER_CHANGE] = {"handler-change", digits, 6, 300, 5, true, 60, 10},
    /* Nothing but the code says which case: 40 bits, so that a stranger who
     * guesses at all of them at once finds none. */
    [CODE_CLIENT] = {"client", letters, 8, 900, 5, false, 0, 0},
};

int64_t
code_life_s(enum code_purpose purpose)
{
    return rules[purpose].life_s;
}

/* The keyed hash: bound to case and purpose, but for client codes, which are
 * what the case is found by. */
static void
code_hash(const struct vault *vault, const char *number,
          enum code_purpose purpose, const char *code,
          uint8_t out[VAULT_BLIND_LEN])
{
    char field[VAULT_PURPOSE_MAX];

    (void)snprintf(field, sizeof field, "code/%s/%s", rules[purpose].name,
                   purpose == CODE_CLIENT ? "" : number);
    vault_blind(vault, field, code, out);
}

static bool
draw(const char *alphabet, size_t length, char *out, struct error *err)
{
    size_t choices = strlen(alphabet);
    size_t fair = 256 - 256 % choices; /* octets from here on are unfair */
    size_t n = 0;
    uint8_t octet = 0;

    while (n < length) {
        if (RAND_priv_bytes(&octet, 1) != 1)
            return error_openssl(err, ERROR_INTERNAL, "no random octets");
        if (octet < fair)
            out[n++] = alphabet[octet % choices];
    }
    out[n] = '\0';
    OPENSSL_cleanse(&octet, sizeof octet);
    return true;
}

bool
code_letters_draw(size_t count, char *out, struct error *err)
{
    return draw(letters, count, out, err);
}

/* As drawn: upper case, no blanks, no hyphens. False for what no code is. */
static bool
normalise(const char *typed, enum code_purpose purpose, char out[CODE_MAX + 1])
{
    size_t n = 0;

    for (; *typed != '\0'; typed++) {
        if (*typed == ' ' || *typed == '-')
            continue;
        if (n == rules[purpose].length)
            return false;
        out[n] = (char)toupper((unsigned char)*typed);
        if (strchr(rules[purpose].alphabet, out[n]) == NULL)
            return false;
        n++;
    }
    out[n] = '\0';
    return n == rules[purpose].length;
}

bool
code_may_draw(struct db *db, const struct vault *vault, const char *number,
              enum code_purpose purpose, const char *destination, int64_t at,
              struct error *err)
{
    uint8_t to[VAULT_BLIND_LEN];
    int64_t last_at;
    int64_t nth_at;

    if (destination != NULL)
        vault_blind(vault, "code-destination", destination, to);
    if (!db_code_recent(db, number, rules[purpose].name,
                        destination == NULL ? NULL : to, rules[purpose].per_day,
                        at - DAY_S, &last_at, &nth_at, err))
        return false;
    if (last_at != 0 && at < last_at + rules[purpose].wait_s)
        return error_set(err, ERROR_CONFLICT,
                         "刚刚已发送，请在 %d 秒后重试 / a code was just sent: "
                         "another one in %d s",
                         (int)(last_at + rules[purpose].wait_s - at),
                         (int)(last_at + rules[purpose].wait_s - at));
    if (nth_at != 0)
        return error_set(
            err, ERROR_CONFLICT,
            "24 小时内已发送 %d 次，请在 %d 秒后重试 / %d codes were "
            "sent in 24 hours: another one in %d s",
            rules[purpose].per_day, (int)(nth_at + DAY_S - at),
            rules[purpose].per_day, (int)(nth_at + DAY_S - at));
    return true;
}

/* A client code is found by its hash alone: no two count at once. */
static bool
is_taken(struct db *db, enum code_purpose purpose,
         const uint8_t hash[VAULT_BLIND_LEN], int64_t at, bool *out,
         struct error *err)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    *out = false;
    if (purpose != CODE_CLIENT)
        return true;
    if (!db_code_find(db, rules[purpose].name, hash, at, number, sizeof number,
                      err))
        return false;
    *out = number[0] != '\0';
    return true;
}

bool
code_draw(struct db *db, const struct vault *vault, const char *number,
          enum code_purpose purpose, const char *destination, int64_t at,
          char code[CODE_MAX + 1], struct error *err)
{
    char id[TEXT_UUID_LEN + 1];
    uint8_t hash[VAULT_BLIND_LEN];
    uint8_t to[VAULT_BLIND_LEN];
    struct db_code row = {
        .id = id,
        .number = number,
        .purpose = rules[purpose].name,
        .hash = hash,
        .destination = destination == NULL ? NULL : to,
        .expires_at = at + rules[purpose].life_s,
        .tries = rules[purpose].tries,
        .made_at = at,
    };
    bool is_used = true;

    if (rules[purpose].is_limited &&
        !code_may_draw(db, vault, number, purpose, destination, at, err))
        return false;
    if (destination != NULL)
        vault_blind(vault, "code-destination", destination, to);
    for (int i = 0; i < DRAWS_MAX && is_used; i++) {
        if (!draw(rules[purpose].alphabet, rules[purpose].length, code, err))
            return false;
        code_hash(vault, number, purpose, code, hash);
        if (!is_taken(db, purpose, hash, at, &is_used, err))
            return false;
    }
    if (is_used)
        return error_set(err, ERROR_BUSY, "no free code: try again");
    return text_uuid_draw(id, err) && db_code_add(db, &row, err);
}

bool
code_try(struct db *db, const struct vault *vault, const char *number,
         enum code_purpose purpose, const char *typed, int64_t at,
         bool *is_right, struct error *err)
{
    char code[CODE_MAX + 1] = "";
    char id[37];
    uint8_t wanted[VAULT_BLIND_LEN];
    uint8_t hash[VAULT_BLIND_LEN];
    bool is_found;
    bool is_code = normalise(typed, purpose, code);

    *is_right = false;
    if (!db_code_take(db, number, rules[purpose].name, at, &is_found, wanted,
                      id, err))
        return false;
    if (!is_found || !is_code)
        return true;
    code_hash(vault, number, purpose, code, hash);
    OPENSSL_cleanse(code, sizeof code);
    *is_right = CRYPTO_memcmp(hash, wanted, sizeof hash) == 0;
    return !*is_right || db_code_give_back(db, id, err);
}

bool
code_spend(struct db *db, const char *number, enum code_purpose purpose,
           int64_t at, struct error *err)
{
    return db_code_spend(db, number, rules[purpose].name, at, err);
}

bool
code_client_find(struct db *db, const struct vault *vault, const char *typed,
                 int64_t at, char *number, size_t max, struct error *err)
{
    char code[CODE_MAX + 1];
    uint8_t hash[VAULT_BLIND_LEN];

    number[0] = '\0';
    if (!normalise(typed, CODE_CLIENT, code))
        return true;
    code_hash(vault, "", CODE_CLIENT, code, hash);
    return db_code_find(db, rules[CODE_CLIENT].name, hash, at, number, max,
                        err);
}
