/*
 * Encrypted files: CMS EnvelopedData (RFC 5652, 6) and AuthEnvelopedData (RFC
 * 5083, 5084), streamed in constant memory however long they are. What is
 * written is AuthEnvelopedData with AES-256-GCM, so that a changed file is
 * noticed; what is read is both, as others write them.
 */
#ifndef RA_CLIENT_ENVELOPE_H
#define RA_CLIENT_ENVELOPE_H

#include <openssl/x509.h>

#include "ra/client/ber.h"
#include "ra/client/recipient.h"

/* Told now and then with the octets of the input that are done. */
typedef void envelope_progress(uint64_t done, void *arg);

struct envelope_watch {
    envelope_progress *tell; /* NULL: nobody wants to know */
    void *arg;
};

/* Encrypts `in` to `out` for the keys of these certificates. */
bool envelope_encrypt(FILE *in, FILE *out, STACK_OF(X509) * recipients,
                      const struct envelope_watch *watch,
                      struct error *err) MUST_CHECK;

/* What stands before the content. */
struct envelope {
    struct ber ber;
    struct buf recipients; /* DER SET; `recipient` borrows from it */
    struct recipient recipient[RECIPIENTS_MAX];
    size_t recipient_count;
    bool is_authenticated;
    struct buf algorithm; /* AlgorithmIdentifier of the content */
};

/* Reads up to the content; `in` stays open until envelope_free(). */
bool envelope_begin(FILE *in, struct envelope **out,
                    struct error *err) MUST_CHECK;
void envelope_free(struct envelope *envelope); /* NULL is nothing */

/* Streams the content in clear to `out`. Until this has succeeded nothing of
 * `out` may be used: whether the file is whole is known at its end. */
bool envelope_decrypt(struct envelope *envelope, const uint8_t *key,
                      size_t key_len, FILE *out,
                      const struct envelope_watch *watch,
                      struct error *err) MUST_CHECK;

#endif
