/* The TLS side of servers (OpenSSL): the context, and who the peer is. */
#ifndef BASE_HTTP_TLS_H
#define BASE_HTTP_TLS_H

#include <openssl/ssl.h>

#include "base/http_server.h"

/* TLS 1.2 and 1.3 with forward secrecy and AEAD only, no renegotiation, no
 * early data. ERROR_INPUT names the file that is wrong. */
bool http_tls_server(const struct http_server_options *options, SSL_CTX **out,
                     struct error *err) MUST_CHECK;

/* After the handshake: fills what the certificate says. `certificate`
 * (malloc'd, owned by the caller) becomes peer->certificate. */
void http_tls_peer(const SSL *ssl, struct http_peer *peer,
                   uint8_t **certificate);

#endif
