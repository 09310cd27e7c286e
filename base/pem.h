/*
 * The first certificate, private key or public key of a PEM file (RFC 7468).
 * ERROR_INPUT names the file that has none. The caller frees *out.
 */
#ifndef BASE_PEM_H
#define BASE_PEM_H

#include <openssl/x509.h>

#include "base/error.h"

bool pem_certificate_read(const char *path, X509 **out,
                          struct error *err) MUST_CHECK;
bool pem_private_key_read(const char *path, EVP_PKEY **out,
                          struct error *err) MUST_CHECK;
bool pem_public_key_read(const char *path, EVP_PKEY **out,
                         struct error *err) MUST_CHECK;

#endif
