/*
 * Mail out, one at a time, by SMTP (libcurl): RFC 5321, 5322; other characters
 * than ASCII in the subject by RFC 2047, in the text as UTF-8 in base64.
 */
#ifndef BASE_SMTP_CLIENT_H
#define BASE_SMTP_CLIENT_H

#include <stdint.h>

#include "base/buf.h"

struct smtp_options {
    const char *url;        /* "smtps://HOST", "smtp://HOST:PORT" */
    const char *trust_file; /* PEM; NULL: no TLS (smtp:// alone) */
    const char *user;       /* NULL: no login */
    const char *password;
    int64_t timeout_ms; /* whole exchange */
};

struct smtp_mail {
    const char *from; /* addresses alone: "office@example.cn" */
    const char *to;
    const char *id; /* left part of the Message-ID: the same mail again has the
                       same; letters, digits, dashes */
    const char *subject; /* UTF-8, one line */
    const char *text;    /* UTF-8; any line ends */
    int64_t at;          /* when it was written */
};

enum { SMTP_MESSAGE_MAX = 256 * 1024, SMTP_ADDRESS_MAX = 254 };

/* Pure: the message with its headers, lines ended by CRLF, none longer than 78
 * octets but addresses. ERROR_INPUT for addresses with anything but what an
 * address is made of, and for what is no UTF-8. */
bool smtp_message_encode(const struct smtp_mail *mail, struct buf *out,
                         struct error *err) MUST_CHECK;

/* ERROR_INPUT: the server refuses this mail for good (5yz), or it cannot be
 * encoded; ERROR_BUSY: not now; ERROR_INTERNAL: login or TLS are wrong. */
bool smtp_send(const struct smtp_options *options, const struct smtp_mail *mail,
               struct error *err) MUST_CHECK;

#endif
