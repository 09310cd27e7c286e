/*
 * Sessions of browsers: a cookie that scripts cannot read, a token against
 * forged requests, bound to the browser that made it, short, and ended by row
 * (design.md, "Officers"; RFC 6265bis for the cookie). Officers come by
 * passkey, accounts by a ticket of the host platform.
 */
#ifndef RA_SESSION_H
#define RA_SESSION_H

#include "base/config.h"
#include "base/http.h"
#include "db/session.h"

enum {
    SESSION_SECRET_LEN = 64,    /* hex digits of 256 random bits */
    SESSION_SEEN_EVERY_S = 30,  /* a write for each request would be too many */
    SESSION_TICKET_S = 300,     /* from the platform's page to ours */
    SESSION_CHALLENGE_S = 180,  /* while a person finds their key */
    SESSION_CHALLENGE_LEN = 32, /* octets */
};

/* __Host-: only over TLS, for this host alone, whole site (RFC 6265bis,
 * 4.1.3.2). */
#define SESSION_COOKIE "__Host-signet_session"

enum session_verdict {
    SESSION_OPEN,
    SESSION_ENDED,         /* logged out, or ended by an administrator */
    SESSION_RUN_OUT,       /* its time is over */
    SESSION_IDLE,          /* nobody was there for too long */
    SESSION_OTHER_BROWSER, /* the cookie was taken elsewhere */
};

/* Pure. `idle_s` is that of the session's kind. */
enum session_verdict session_judge(const struct db_session *session,
                                   const uint8_t browser[32], int64_t idle_s,
                                   int64_t now);

int64_t session_idle_s(const struct config *config, bool is_officer);

/* What the browser says it is, hashed. */
bool session_browser(const struct http_request *req, uint8_t out[32],
                     struct error *err) MUST_CHECK;

/* Hash of the session cookie's value. *has_cookie: there is a cookie of that
 * name, well-formed or not. False when there is none that could be ours. */
bool session_cookie_read(const struct http_request *req, bool *has_cookie,
                         uint8_t hash[32]) MUST_CHECK;
/* After the reply. */
void session_cookie_set(struct http_response *res,
                        const char secret[SESSION_SECRET_LEN + 1]);
void session_cookie_clear(struct http_response *res);

/* A fresh session: the row is written, `secret` is for the cookie; the caller
 * cleanses it. `credential_id` is an officer's; NULL for an account. */
bool session_open(struct db *db, const struct config *config,
                  const struct http_request *req, const char *subject,
                  const uint8_t *credential_id, const char *language,
                  int64_t now, char secret[SESSION_SECRET_LEN + 1],
                  struct db_session *out, struct error *err) MUST_CHECK;

/* ---- Tickets ------------------------------------------------------------- */

/* A one-time secret for `subject` until `expires_at`; `ticket` is shown once.
 * `purpose`: as db_ticket_add(). */
bool session_ticket_draw(struct db *db, const char *purpose,
                         const char *subject, int64_t expires_at,
                         char ticket[SESSION_SECRET_LEN + 1],
                         struct error *err) MUST_CHECK;
/* Its hash; ERROR_NOT_FOUND for what cannot be a ticket. */
bool session_ticket_hash(const char *ticket, uint8_t out[32],
                         struct error *err) MUST_CHECK;

/* A log-in of an account, for the host platform: `language` is "zh" or "en".
 * The page to send the applicant to is in `url` (may be NULL): the ticket is
 * behind the '#', which no log and no other site sees. ERROR_CONFLICT without
 * setting ra.public_url when there is a `url`. */
bool session_ticket_for_account(struct db *db, const struct config *config,
                                const char *account, const char *language,
                                int64_t now,
                                char ticket[SESSION_SECRET_LEN + 1],
                                int64_t *expires_at, struct buf *url,
                                struct error *err) MUST_CHECK;
/* Uses one up: the account and the language. */
bool session_ticket_use(struct db *db, const char *ticket, int64_t now,
                        char account[DB_ACCOUNT_NAME_MAX + 1], char language[3],
                        struct error *err) MUST_CHECK;

/* ---- The origin of the pages ----------------------------------------------
 */

/* Setting ra.public_url and its host, the RP ID of passkeys. ERROR_CONFLICT
 * when it is not set, or is no origin. `rp_id` holds WEBAUTHN_RP_ID_MAX + 1. */
bool session_origin(const struct config *config, const char **origin,
                    char *rp_id, struct error *err) MUST_CHECK;

#endif
