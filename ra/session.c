/* Sessions, cookies, tickets: ra/session.h. */
#include "ra/session.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/hash.h"
#include "base/text.h"
#include "base/webauthn.h"

enum session_verdict
session_judge(const struct db_session *session, const uint8_t browser[32],
              int64_t idle_s, int64_t now)
{
    if (session->ended_at != 0)
        return SESSION_ENDED;
    if (now >= session->expires_at)
        return SESSION_RUN_OUT;
    /* A moment more than idle_s: seen_at is written only now and then. */
    if (now >= session->seen_at + idle_s + SESSION_SEEN_EVERY_S)
        return SESSION_IDLE;
    if (CRYPTO_memcmp(session->browser, browser, sizeof session->browser) != 0)
        return SESSION_OTHER_BROWSER;
    return SESSION_OPEN;
}

int64_t
session_idle_s(const struct config *config, bool is_officer)
{
    return config_int(config,
                      is_officer ? "ra.officer_idle_s" : "ra.account_idle_s");
}

bool
session_browser(const struct http_request *req, uint8_t out[32],
                struct error *err)
{
    const char *agent = http_header(req, "user-agent");

    if (agent == NULL)
        agent = "";
    return hash_sha256(agent, strlen(agent), out, err);
}

static bool
secret_hash(const char *text, size_t len, uint8_t out[32])
{
    return len == SESSION_SECRET_LEN &&
           strspn(text, "0123456789abcdef") >= SESSION_SECRET_LEN &&
           hash_sha256(text, len, out, NULL);
}

bool
session_cookie_read(const struct http_request *req, bool *has_cookie,
                    uint8_t hash[32])
{
    static const char name[] = SESSION_COOKIE "=";
    const char *at = http_header(req, "cookie");

    *has_cookie = false;
    /* RFC 6265, 4.2.1: pairs, separated by "; ". */
    while (at != NULL) {
        size_t len = strcspn(at, ";");

        if (len >= sizeof name - 1 && strncmp(at, name, sizeof name - 1) == 0) {
            *has_cookie = true;
            return secret_hash(at + sizeof name - 1, len - (sizeof name - 1),
                               hash);
        }
        at += len;
        at = *at == ';' ? at + 1 + strspn(at + 1, " ") : NULL;
    }
    return false;
}

void
session_cookie_set(struct http_response *res,
                   const char secret[SESSION_SECRET_LEN + 1])
{
    char value[sizeof SESSION_COOKIE + SESSION_SECRET_LEN + 80];

    /* No Max-Age: it goes with the browser; the row has the limits. */
    (void)snprintf(value, sizeof value,
                   SESSION_COOKIE
                   "=%s; Path=/; Secure; HttpOnly; SameSite=Strict",
                   secret);
    http_response_header(res, "Set-Cookie", value);
    OPENSSL_cleanse(value, sizeof value);
}

void
session_cookie_clear(struct http_response *res)
{
    http_response_header(res, "Set-Cookie",
                         SESSION_COOKIE "=; Path=/; Secure; HttpOnly; "
                                        "SameSite=Strict; Max-Age=0");
}

static bool
secret_draw(char out[SESSION_SECRET_LEN + 1], uint8_t hash[32],
            struct error *err)
{
    uint8_t octet[SESSION_SECRET_LEN / 2];
    bool ok = RAND_bytes(octet, sizeof octet) == 1;

    if (!ok)
        return error_openssl(err, ERROR_INTERNAL, "no randomness for a secret");
    text_hex(octet, sizeof octet, out);
    OPENSSL_cleanse(octet, sizeof octet);
    return hash_sha256(out, SESSION_SECRET_LEN, hash, err);
}

bool
session_open(struct db *db, const struct config *config,
             const struct http_request *req, const char *subject,
             const uint8_t *credential_id, const char *language, int64_t now,
             char secret[SESSION_SECRET_LEN + 1], struct db_session *out,
             struct error *err)
{
    bool is_officer = credential_id != NULL;
    int64_t last_s = config_int(config, is_officer ? "ra.officer_session_s"
                                                   : "ra.account_session_s");

    *out = (struct db_session){
        .is_officer = is_officer,
        .made_at = now,
        .seen_at = now,
        .expires_at = now + last_s,
    };
    (void)snprintf(out->subject, sizeof out->subject, "%s", subject);
    (void)snprintf(out->language, sizeof out->language, "%s", language);
    if (is_officer)
        memcpy(out->credential_id, credential_id, sizeof out->credential_id);
    if (RAND_bytes(out->csrf, sizeof out->csrf) != 1)
        return error_openssl(err, ERROR_INTERNAL, "no randomness for a token");
    return session_browser(req, out->browser, err) &&
           secret_draw(secret, out->id_hash, err) &&
           db_session_add(db, out, err);
}

/* ---- Tickets ------------------------------------------------------------- */

bool
session_ticket_draw(struct db *db, const char *purpose, const char *subject,
                    int64_t expires_at, char ticket[SESSION_SECRET_LEN + 1],
                    struct error *err)
{
    uint8_t hash[32];

    return secret_draw(ticket, hash, err) &&
           db_ticket_add(db, hash, purpose, subject, expires_at, err);
}

bool
session_ticket_hash(const char *ticket, uint8_t out[32], struct error *err)
{
    return secret_hash(ticket, strlen(ticket), out) ||
           error_set(err, ERROR_NOT_FOUND,
                     "this has been used, has run out, or never was");
}

bool
session_ticket_for_account(struct db *db, const struct config *config,
                           const char *account, const char *language,
                           int64_t now, char ticket[SESSION_SECRET_LEN + 1],
                           int64_t *expires_at, struct buf *url,
                           struct error *err)
{
    char subject[DB_TICKET_SUBJECT_MAX + 1];
    char rp_id[WEBAUTHN_RP_ID_MAX + 1];
    const char *origin = NULL;

    if (url != NULL && !session_origin(config, &origin, rp_id, err))
        return false;
    *expires_at = now + SESSION_TICKET_S;
    /* An account's name has no blank (ra/account.h). */
    (void)snprintf(subject, sizeof subject, "%s %s", account,
                   strcmp(language, "en") == 0 ? "en" : "zh");
    if (!session_ticket_draw(db, "session", subject, *expires_at, ticket, err))
        return false;
    if (url != NULL)
        (void)buf_addf(url, "%s/portal/#/enter/%s", origin, ticket);
    return true;
}

bool
session_ticket_use(struct db *db, const char *ticket, int64_t now,
                   char account[DB_ACCOUNT_NAME_MAX + 1], char language[3],
                   struct error *err)
{
    char subject[DB_TICKET_SUBJECT_MAX + 1];
    uint8_t hash[32];
    char *blank;

    if (!session_ticket_hash(ticket, hash, err) ||
        !db_ticket_use(db, hash, "session", now, subject, err))
        return false;
    blank = strchr(subject, ' ');
    if (blank == NULL || strlen(blank + 1) != 2 ||
        blank - subject > DB_ACCOUNT_NAME_MAX)
        return error_set(err, ERROR_INTERNAL, "ticket row not understood");
    *blank = '\0';
    memcpy(account, subject, (size_t)(blank - subject) + 1);
    memcpy(language, blank + 1, 3);
    return true;
}

bool
session_origin(const struct config *config, const char **origin, char *rp_id,
               struct error *err)
{
    static const char scheme[] = "https://";
    const char *text = config_text(config, "ra.public_url");
    const char *host = text + sizeof scheme - 1;
    size_t len;

    if (strncmp(text, scheme, sizeof scheme - 1) != 0 ||
        (len = strcspn(host, ":/")) == 0 || len > WEBAUTHN_RP_ID_MAX)
        return error_set(err, ERROR_CONFLICT,
                         "setting ra.public_url is to be https://HOST[:PORT]");
    memcpy(rp_id, host, len);
    rp_id[len] = '\0';
    *origin = text;
    return true;
}
