/* For whom a file is encrypted: certificates of others, by file or name. */
#ifndef RA_CLIENT_ADDRESSEE_H
#define RA_CLIENT_ADDRESSEE_H

#include <openssl/x509.h>

#include "base/error.h"

/*
 * Adds the certificate that `name` means: a file in PEM or DER, or, in
 * `folder`, NAME.pem, or whatever file has a certificate with this common name
 * or organization. Of several it is the newest that others may encrypt to: the
 * signing one of a pair, which has the same name, is not meant. ERROR_INPUT:
 * there is only a signing one.
 */
bool addressee_add(const char *name, const char *folder, STACK_OF(X509) * out,
                   struct error *err) MUST_CHECK;

#endif
