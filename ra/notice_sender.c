/* Sending notices: ra/notice_sender.h. */
#include "ra/notice_sender.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/smtp_client.h"
#include "base/text.h"
#include "db/notice.h"
#include "ra/notice.h"
#include "ra/signed_call.h"

enum { ANSWER_MAX = 64 * 1024, SMTP_TIMEOUT_MS = 20000, PASSWORD_MAX = 1024 };

static struct metric sent_count = {
    .name = "signet_ra_notices_sent_total",
    .help = "Notices that were handed over.",
};
static struct metric failed_count = {
    .name = "signet_ra_notices_failed_total",
    .help = "Notices that were given up; officers see them.",
};

void
notice_metrics(void)
{
    metric_register(&sent_count);
    metric_register(&failed_count);
}

/* ---- One notice -------------------------------------------------------------
 */

/* Later again, or given up: `problem` says why, without what was in it. */
static bool
put_off(struct db *db, const struct db_notice *notice,
        const struct error *problem, int64_t now, struct error *err)
{
    bool is_final = problem->code == ERROR_INPUT ||
                    problem->code == ERROR_CONFLICT ||
                    now - notice->made_at >= NOTICE_GIVE_UP_S;
    int64_t send_at =
        is_final ? 0
                 : now + clock_backoff_s(notice->send_count, NOTICE_WAIT_S,
                                         NOTICE_WAIT_MAX_S);

    log_event(
        is_final ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN,
        is_final ? "notice.failed" : "notice.put-off",
        LOG_TEXT("notice", notice->id), LOG_TEXT("notice_event", notice->event),
        LOG_TEXT("channel", notice->channel),
        LOG_TEXT("problem", problem->what), LOG_TEXT("cause", problem->cause));
    if (is_final)
        metric_add(&failed_count, 1);
    return db_notice_failed(db, notice->id, send_at, problem->what, err);
}

static bool
content_open(const struct vault *vault, const struct db_notice *notice,
             struct buf *clear, json_t **out, struct error *err)
{
    char purpose[VAULT_PURPOSE_MAX + 1];

    (void)snprintf(purpose, sizeof purpose, "notice/%s", notice->id);
    if (vault_open(vault, purpose, notice->sealed, notice->sealed_len, clear,
                   err) &&
        json_parse_object(clear->data, clear->len, out, err))
        return true;
    err->code = ERROR_INTERNAL; /* whatever: not the receiver's fault */
    return false;
}

static bool
send_one(const struct vault *vault, const struct db_notice *notice,
         notice_carrier *carrier, void *arg, int64_t now, struct error *err)
{
    struct notice_content content = {
        .id = notice->id, .event = notice->event, .made_at = notice->made_at};
    struct buf clear = BUF_INIT(2 * NOTICE_TEXT_MAX);
    json_t *object = NULL;
    bool ok =
        content_open(vault, notice, &clear, &object, err) &&
        json_get_text(object, "to", 512, &content.to, err) &&
        json_find_text(object, "subject", NOTICE_TEXT_MAX, &content.subject,
                       err) &&
        json_get_text(object, "text", NOTICE_TEXT_MAX, &content.text, err);

    if (content.subject == NULL)
        content.subject = "";
    ok = ok && carrier(arg, &content, now, err);
    json_decref(object);
    buf_cleanse(&clear);
    return ok;
}

bool
notice_send_due(struct db *db, const struct vault *vault, const char *channel,
                notice_carrier *carrier, void *arg, int64_t now, size_t *count,
                struct error *err)
{
    int64_t began_ms = clock_monotonic_ms();
    bool ok = true, is_away = false;

    *count = 0;
    for (int i = 0; ok && !is_away && i < NOTICE_AT_ONCE; i++) {
        /* A slow receiver lets a run last: a claim that began with the run
         * would be over, and a signature outdated, before it is sent. */
        int64_t at = now + (clock_monotonic_ms() - began_ms) / 1000;
        struct error problem = {0};
        struct db_notice notice;

        if (!db_notice_claim(db, channel, now, at + NOTICE_CLAIM_S, &notice,
                             err))
            return false;
        if (notice.id == NULL)
            break;
        if (send_one(vault, &notice, carrier, arg, at, &problem)) {
            ok = db_notice_sent(db, notice.id, at, err);
            metric_add(&sent_count, 1);
            ++*count;
        } else {
            is_away = problem.code == ERROR_BUSY;
            ok = put_off(db, &notice, &problem, at, err);
        }
        db_notice_clear(&notice);
    }
    return ok;
}

/* ---- SMS and the platform
 * ----------------------------------------------------- */

struct signed_service {
    struct http_client *client;
    struct signed_key *key;
    const char *base_path;
};

static void
service_clear(struct signed_service *service)
{
    http_client_free(service->client);
    signed_key_free(service->key);
}

static bool
service_open(const struct config *config, const char *url_key,
             const char *secret_key, struct signed_service *out,
             struct error *err)
{
    memset(out, 0, sizeof *out);
    if (outside_client_new(config, url_key, ANSWER_MAX, &out->client,
                           &out->base_path, err) &&
        signed_key_secret(config_path(config, secret_key), &out->key, err))
        return true;
    service_clear(out);
    return false;
}

/* Posts the object; whatever is below 300 is agreed to. */
static bool
post(const struct signed_service *service, const char *path, json_t *take_body,
     int64_t now, struct error *err)
{
    char *text = json_dumps(take_body, JSON_COMPACT);
    struct http_answer answer;
    bool ok = signed_exchange(service->client, service->key, NULL, HTTP_POST,
                              service->base_path, path, text, strlen(text), now,
                              &answer, err);

    if (ok && answer.status >= 300)
        ok = http_answer_error(&answer, err);
    /* A key that is not known there, or a wrong address, is for people to put
     * right: it is not the notice's fault. */
    if (!ok && (err->code == ERROR_DENIED || err->code == ERROR_NOT_FOUND))
        err->code = ERROR_BUSY;
    http_answer_clear(&answer);
    OPENSSL_cleanse(text, strlen(text));
    free(text);
    json_decref(take_body);
    return ok;
}

static bool
carry_sms(void *arg, const struct notice_content *content, int64_t now,
          struct error *err)
{
    json_t *body = json_object();

    json_set_text(body, "id", content->id);
    json_set_text(body, "to", content->to);
    json_set_text(body, "text", content->text);
    return post(arg, "/v1/messages", body, now, err);
}

static bool
carry_webhook(void *arg, const struct notice_content *content, int64_t now,
              struct error *err)
{
    json_t *news = NULL;
    json_t *body;

    if (!json_parse_object((const uint8_t *)content->text,
                           strlen(content->text), &news, err))
        return error_wrap(err, "news for the platform");
    body = json_object();
    json_set_text(body, "id", content->id);
    json_set_time(body, "made_at", content->made_at);
    json_object_set_new(body, "news", news);
    return post(arg, "", body, now, err);
}

static bool
run_service(struct ra_job *job, const char *channel, const char *url_key,
            const char *secret_key, notice_carrier *carrier, int64_t now,
            struct error *err)
{
    struct signed_service service;
    size_t count;
    bool ok;

    if (config_text(job->config, url_key)[0] == '\0')
        return true;
    if (!service_open(job->config, url_key, secret_key, &service, err))
        return false;
    ok = notice_send_due(job->db, job->business->vault, channel, carrier,
                         &service, now, &count, err);
    service_clear(&service);
    return ok;
}

/* ---- Mail
 * -------------------------------------------------------------------- */

struct mailing {
    struct smtp_options options;
    const char *from;
    struct buf password;
};

static bool
carry_mail(void *arg, const struct notice_content *content, int64_t now,
           struct error *err)
{
    struct mailing *mailing = arg;
    struct smtp_mail mail = {.from = mailing->from,
                             .to = content->to,
                             .id = content->id,
                             .subject = content->subject,
                             .text = content->text,
                             .at = content->made_at};

    (void)now;
    return smtp_send(&mailing->options, &mail, err);
}

static bool
mailing_open(const struct config *config, struct mailing *out,
             struct error *err)
{
    const char *password = config_path(config, "ra.smtp_password_file");
    const char *trust = config_path(config, "ra.outside_trust_file");
    const char *user = config_text(config, "ra.smtp_user");

    out->password = (struct buf)BUF_INIT(PASSWORD_MAX);
    out->from = config_text(config, "ra.smtp_from");
    out->options.url = config_text(config, "ra.smtp_url");
    out->options.timeout_ms = SMTP_TIMEOUT_MS;
    if (trust[0] == '\0')
        trust = config_path(config, "tls.trust_file");
    if (strncmp(out->options.url, "smtp://", 7) != 0 ||
        !outside_is_local(out->options.url))
        out->options.trust_file = trust;
    if (user[0] == '\0')
        return true;
    if (!text_file_read(password, PASSWORD_MAX, &out->password, err))
        return error_wrap(err, "ra.smtp_password_file");
    while (out->password.len > 0 &&
           strchr("\r\n", out->password.data[out->password.len - 1]) != NULL)
        out->password.data[--out->password.len] = '\0';
    out->options.user = user;
    out->options.password = buf_text(&out->password);
    return true;
}

static bool
run_mail(struct ra_job *job, int64_t now, struct error *err)
{
    struct mailing mailing = {0};
    size_t count;
    bool ok;

    if (config_text(job->config, "ra.smtp_url")[0] == '\0')
        return true;
    ok = mailing_open(job->config, &mailing, err) &&
         notice_send_due(job->db, job->business->vault, "email", carry_mail,
                         &mailing, now, &count, err);
    buf_cleanse(&mailing.password);
    return ok;
}

/* One channel that is out of order holds up no other. */
bool
notice_job(struct ra_job *job, int64_t now, struct error *err)
{
    struct error problem = {0};

    if (!run_service(job, "sms", "ra.sms_url", "ra.sms_key_file", carry_sms,
                     now, &problem))
        log_failure("notice.sms", &problem);
    if (!run_mail(job, now, &problem))
        log_failure("notice.email", &problem);
    return run_service(job, "webhook", "ra.platform_webhook_url",
                       "ra.platform_webhook_key_file", carry_webhook, now, err);
}
