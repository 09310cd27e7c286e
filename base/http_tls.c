/* TLS for http_server; see base/http_tls.h. */
#include "base/http_tls.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

static const char session_context[] = "signet";

static bool
use_certificate(SSL_CTX *ctx, const struct http_server_options *options,
                struct error *err)
{
    if (SSL_CTX_use_certificate_chain_file(ctx, options->certificate_file) != 1)
        return error_openssl(err, ERROR_INPUT, "no certificate chain in %s",
                             options->certificate_file);
    if (SSL_CTX_use_PrivateKey_file(ctx, options->key_file, SSL_FILETYPE_PEM) !=
        1)
        return error_openssl(err, ERROR_INPUT, "no private key in %s",
                             options->key_file);
    if (SSL_CTX_check_private_key(ctx) != 1)
        return error_openssl(err, ERROR_INPUT, "%s is not the key of %s",
                             options->key_file, options->certificate_file);
    return true;
}

static bool
ask_for_clients(SSL_CTX *ctx, const struct http_server_options *options,
                struct error *err)
{
    STACK_OF(X509_NAME) * names;
    int mode = SSL_VERIFY_PEER;

    if (options->client_certificate == HTTP_CLIENT_NONE)
        return true;
    if (options->client_certificate == HTTP_CLIENT_REQUIRED)
        mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    if (SSL_CTX_load_verify_locations(ctx, options->trust_file, NULL) != 1 ||
        (names = SSL_load_client_CA_file(options->trust_file)) == NULL)
        return error_openssl(err, ERROR_INPUT, "no trusted roots in %s",
                             options->trust_file);
    SSL_CTX_set_client_CA_list(ctx, names); /* takes names */
    SSL_CTX_set_verify(ctx, mode, NULL);
    return true;
}

bool
http_tls_server(const struct http_server_options *options, SSL_CTX **out,
                struct error *err)
{
    SSL_CTX *ctx;

    ERR_clear_error();
    ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL ||
        SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
        /* Without it a client that resumes with a certificate is refused. */
        SSL_CTX_set_session_id_context(ctx,
                                       (const unsigned char *)session_context,
                                       sizeof session_context - 1) != 1) {
        SSL_CTX_free(ctx);
        return error_openssl(err, ERROR_INTERNAL, "cannot set up TLS");
    }
    (void)SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
                                       SSL_OP_NO_COMPRESSION |
                                       SSL_OP_CIPHER_SERVER_PREFERENCE);
    /* Sessions live in tickets at the clients, not in our memory. */
    (void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    if (!use_certificate(ctx, options, err) ||
        !ask_for_clients(ctx, options, err)) {
        SSL_CTX_free(ctx);
        return false;
    }
    *out = ctx;
    return true;
}

/* The one common name; "" when there are two, or it is no plain text: such a
 * certificate names nobody that a route could list. */
static void
read_common_name(const X509 *certificate, char *out, size_t max)
{
    const X509_NAME *name = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    unsigned char *text = NULL;
    int len;

    out[0] = '\0';
    if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
        return;
    len = ASN1_STRING_to_UTF8(
        &text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (len > 0 && (size_t)len < max && memchr(text, 0, (size_t)len) == NULL) {
        memcpy(out, text, (size_t)len);
        out[len] = '\0';
    }
    OPENSSL_free(text);
}

void
http_tls_peer(const SSL *ssl, struct http_peer *peer, uint8_t **certificate)
{
    const X509 *x509 = SSL_get0_peer_certificate(ssl);
    unsigned char *der = NULL;
    int len;

    if (x509 == NULL || SSL_get_verify_result(ssl) != X509_V_OK)
        return;
    len = i2d_X509(x509, &der);
    if (len <= 0) {
        ERR_clear_error();
        return;
    }
    *certificate = base_copy(der, (size_t)len);
    OPENSSL_free(der);
    peer->is_authenticated = true;
    peer->certificate = *certificate;
    peer->certificate_len = (size_t)len;
    read_common_name(x509, peer->common_name, sizeof peer->common_name);
}
