/*
 * Codes that a person types: activation codes 激活码 and one-time passwords
 * 验证码 (domain.md, 1.8 #14). Rows hold a keyed hash; tries are counted before
 * they are judged.
 */
#ifndef RA_CODE_H
#define RA_CODE_H

#include "ra/vault.h"

enum code_purpose {
    CODE_ACTIVATION, /* 12 characters without look-alikes, 10 tries, 90 days */
    CODE_UNLOCK, /* 6 digits, 5 minutes, 5 tries, again after 60 s, 10 a day */
    CODE_HANDLER_CHANGE, /* the same, to the old number */
    CODE_CLIENT, /* pairs a portal page with the holder's client, and is all
                    that names the case: 8 characters, 15 minutes */
};

enum { CODE_MAX = 16 };

/* Draws a code and voids earlier ones of the same purpose and case.
 * `destination` (a telephone number; NULL for none) is counted against the
 * daily limit. ERROR_CONFLICT with the seconds to wait. In the caller's
 * transaction; the code goes into a notice and nowhere else. Activation codes
 * are drawn at any time (a refusal by the CA draws one): where a person asks
 * for one, code_may_draw() comes first. */
bool code_draw(struct db *db, const struct vault *vault, const char *number,
               enum code_purpose purpose, const char *destination, int64_t at,
               char code[CODE_MAX + 1], struct error *err) MUST_CHECK;

/* Whether a person may ask for a code now: 60 s after the last one, and fewer
 * than 10 in 24 hours to the destination (NULL: of the case). ERROR_CONFLICT
 * with the seconds to wait. In the transaction that draws it. */
bool code_may_draw(struct db *db, const struct vault *vault, const char *number,
                   enum code_purpose purpose, const char *destination,
                   int64_t at, struct error *err) MUST_CHECK;

/* Takes one try in a transaction of its own, so that no roll-back gives it
 * back; *is_right false for a wrong, spent or outdated code. Blanks and hyphens
 * do not count, nor does case. A right code is spent by code_spend() in the
 * transaction that it was for, and costs no try until then. */
bool code_try(struct db *db, const struct vault *vault, const char *number,
              enum code_purpose purpose, const char *typed, int64_t at,
              bool *is_right, struct error *err) MUST_CHECK;
/* ERROR_CONFLICT when another was faster. */
bool code_spend(struct db *db, const char *number, enum code_purpose purpose,
                int64_t at, struct error *err) MUST_CHECK;

/* The case that a client code belongs to; "" if there is none. Whoever guesses
 * is slowed by the caller (ra/throttle.h). */
bool code_client_find(struct db *db, const struct vault *vault,
                      const char *typed, int64_t at, char *number, size_t max,
                      struct error *err) MUST_CHECK;

/* `count` letters and digits without look-alikes, 5 bits each, and a NUL. */
bool code_letters_draw(size_t count, char *out, struct error *err) MUST_CHECK;

/* How long a code of this purpose counts, in seconds: for notices. */
int64_t code_life_s(enum code_purpose purpose);

#endif
