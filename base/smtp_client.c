/* Mail by libcurl; see base/smtp_client.h. */
#include "base/smtp_client.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/text.h"

enum {
    /* RFC 2047, 2: a line with an encoded word has at most 76 characters.
     * "Subject: =?UTF-8?B?" and "?=" take 21, so 52 of base64, 39 octets. */
    WORD_OCTETS = 39,
    BODY_LINE = 76, /* RFC 2045, 6.8 */
    TEXT_MAX = 128 * 1024,
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
init_curl(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- The message -----------------------------------------------------------
 */

/* A narrow reading of RFC 5321, 4.1.2: what people have, and nothing that ends
 * a header or a command. */
static bool
address_is_plain(const char *address)
{
    static const char marks[] = "!#$%&'*+-/=?^_`{|}~.@";
    const char *at = strchr(address, '@');

    if (at == NULL || at == address || at[1] == '\0' ||
        strchr(at + 1, '@') != NULL || strlen(address) > SMTP_ADDRESS_MAX)
        return false;
    for (const char *c = address; *c != '\0'; c++)
        if (!((*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') ||
              (*c >= 'a' && *c <= 'z') || strchr(marks, *c) != NULL))
            return false;
    return true;
}

/* As much of the text as fits into a word, whole characters only: RFC 2047, 5
 * (3). */
static size_t
word_len(const char *text)
{
    size_t len = strlen(text);

    if (len <= WORD_OCTETS)
        return len;
    len = WORD_OCTETS;
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    return len;
}

static void
add_subject(struct buf *out, const char *subject)
{
    bool is_first = true;

    (void)buf_add_text(out, "Subject:");
    do {
        size_t len = word_len(subject);

        (void)buf_add_text(out, is_first ? " =?UTF-8?B?" : "\r\n =?UTF-8?B?");
        text_base64((const uint8_t *)subject, len, out);
        (void)buf_add_text(out, "?=");
        subject += len;
        is_first = false;
    } while (*subject != '\0');
    (void)buf_add_text(out, "\r\n");
}

/* RFC 5322, 3.3. */
static void
add_date(struct buf *out, int64_t at)
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun",
                                       "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr",
                                         "May", "Jun", "Jul", "Aug",
                                         "Sep", "Oct", "Nov", "Dec"};
    struct clock_date date;

    clock_split(at, &date);
    (void)buf_addf(out, "Date: %s, %d %s %04d %02d:%02d:%02d +0000\r\n",
                   days[(at / 86400) % 7], date.day, months[date.month - 1],
                   date.year, date.hour, date.minute, date.second);
}

/* The text with CRLF for each of CR, LF, CRLF. */
static void
add_lines(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\r' || *text == '\n') {
            (void)buf_add_text(out, "\r\n");
            if (text[0] == '\r' && text[1] == '\n')
                text++;
        } else {
            (void)buf_add_byte(out, (uint8_t)*text);
        }
    }
}

static void
add_body(struct buf *out, const char *text)
{
    struct buf lines = BUF_INIT(TEXT_MAX), base64 = BUF_INIT(2 * TEXT_MAX);

    add_lines(&lines, text);
    text_base64(lines.data, lines.len, &base64);
    for (size_t at = 0; at < base64.len; at += BODY_LINE) {
        size_t len = base64.len - at < BODY_LINE ? base64.len - at : BODY_LINE;

        (void)buf_add(out, base64.data + at, len);
        (void)buf_add_text(out, "\r\n");
    }
    if (buf_is_full(&lines) || buf_is_full(&base64))
        out->is_overrun = true;
    buf_cleanse(&lines);
    buf_cleanse(&base64);
}

static bool
mail_check(const struct smtp_mail *mail, struct error *err)
{
    size_t count;

    if (!address_is_plain(mail->from))
        return error_set(err, ERROR_INPUT, "not an address: the sender's");
    if (!address_is_plain(mail->to))
        return error_set(err, ERROR_INPUT, "not an address: the receiver's");
    if (mail->id[0] == '\0' ||
        strspn(mail->id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                         "0123456789-") != strlen(mail->id))
        return error_set(err, ERROR_INPUT, "not a Message-ID: %s", mail->id);
    if (!text_utf8(mail->subject, strlen(mail->subject), &count) ||
        !text_utf8(mail->text, strlen(mail->text), &count) ||
        strpbrk(mail->subject, "\r\n") != NULL)
        return error_set(err, ERROR_INPUT,
                         "subject and text are UTF-8, the subject one line");
    return true;
}

bool
smtp_message_encode(const struct smtp_mail *mail, struct buf *out,
                    struct error *err)
{
    if (!mail_check(mail, err))
        return false;
    add_date(out, mail->at);
    (void)buf_addf(out, "From: <%s>\r\nTo: <%s>\r\nMessage-ID: <%s@%s>\r\n",
                   mail->from, mail->to, mail->id, strchr(mail->from, '@') + 1);
    add_subject(out, mail->subject);
    /* RFC 3834: no holiday notes in return, please. */
    (void)buf_add_text(out, "Auto-Submitted: auto-generated\r\n"
                            "MIME-Version: 1.0\r\n"
                            "Content-Type: text/plain; charset=UTF-8\r\n"
                            "Content-Transfer-Encoding: base64\r\n\r\n");
    add_body(out, mail->text);
    return !buf_is_full(out) ||
           error_set(err, ERROR_INPUT, "the mail is too long");
}

/* ---- Sending ----------------------------------------------------------------
 */

struct source {
    const struct buf *message;
    size_t at;
};

static size_t
give_message(char *data, size_t size, size_t count, void *arg)
{
    struct source *source = arg;
    size_t left = source->message->len - source->at;
    size_t len = size * count < left ? size * count : left;

    memcpy(data, source->message->data + source->at, len);
    source->at += len;
    return len;
}

static bool
set_options(CURL *curl, const struct smtp_options *options, char *cause)
{
    bool is_tls = options->trust_file != NULL;
    bool ok = true;

#define SET(option, value)                                                     \
    (ok = ok && curl_easy_setopt(curl, (option), (value)) == CURLE_OK)
    SET(CURLOPT_URL, options->url);
    SET(CURLOPT_PROTOCOLS_STR, is_tls ? "smtp,smtps" : "smtp");
    SET(CURLOPT_ERRORBUFFER, cause);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_TIMEOUT_MS, (long)options->timeout_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)options->timeout_ms);
    SET(CURLOPT_USE_SSL, is_tls ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_NONE);
    if (is_tls) {
        SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        SET(CURLOPT_SSL_VERIFYPEER, 1L);
        SET(CURLOPT_SSL_VERIFYHOST, 2L);
        SET(CURLOPT_CAINFO, options->trust_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    if (options->user != NULL) {
        SET(CURLOPT_USERNAME, options->user);
        SET(CURLOPT_PASSWORD, options->password);
    }
#undef SET
    return ok;
}

static bool
send_failed(CURL *curl, CURLcode code, const char *cause, struct error *err)
{
    enum error_code is = ERROR_BUSY;
    long status = 0;

    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_LOGIN_DENIED || code == CURLE_PEER_FAILED_VERIFICATION ||
        code == CURLE_SSL_CACERT_BADFILE || code == CURLE_USE_SSL_FAILED ||
        code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT)
        is = ERROR_INTERNAL;
    else if (status >= 500 && status <= 599)
        is = ERROR_INPUT; /* RFC 5321, 4.2.1: permanent */
    return error_cause(err, is,
                       cause[0] != '\0' ? cause : curl_easy_strerror(code),
                       "the mail server answered %ld", status);
}

static bool
transfer(CURL *curl, const struct smtp_options *options,
         const struct smtp_mail *mail, struct source *source, struct error *err)
{
    char cause[CURL_ERROR_SIZE] = "";
    char from[SMTP_ADDRESS_MAX + 3], to[SMTP_ADDRESS_MAX + 3];
    struct curl_slist *receivers = NULL;
    CURLcode code;
    bool ok;

    (void)snprintf(from, sizeof from, "<%s>", mail->from);
    (void)snprintf(to, sizeof to, "<%s>", mail->to);
    receivers = curl_slist_append(NULL, to);
    ok = receivers != NULL && set_options(curl, options, cause) &&
         curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from) == CURLE_OK &&
         curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, receivers) == CURLE_OK &&
         curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_message) ==
             CURLE_OK &&
         curl_easy_setopt(curl, CURLOPT_READDATA, source) == CURLE_OK &&
         curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L) == CURLE_OK;
    if (!ok) {
        error_set(err, ERROR_INTERNAL, "cannot set up an SMTP call");
    } else {
        code = curl_easy_perform(curl);
        ok = code == CURLE_OK || send_failed(curl, code, cause, err);
    }
    curl_slist_free_all(receivers);
    return ok;
}

bool
smtp_send(const struct smtp_options *options, const struct smtp_mail *mail,
          struct error *err)
{
    struct buf message = BUF_INIT(SMTP_MESSAGE_MAX);
    struct source source = {&message, 0};
    CURL *curl = NULL;
    bool ok = smtp_message_encode(mail, &message, err);

    if (ok) {
        (void)pthread_once(&once, init_curl);
        curl = curl_easy_init();
        ok = curl != NULL
                 ? transfer(curl, options, mail, &source, err)
                 : error_set(err, ERROR_INTERNAL, "cannot set up libcurl");
    }
    curl_easy_cleanup(curl);
    buf_cleanse(&message);
    return ok;
}
