/*
 * Samples for outside judges: one certificate of every profile with every key
 * type, names short, long and at their bounds, CRLs, OCSP answers and chains.
 * Nothing is short-cut: what officers order is ordered from the running
 * signet-ca with two officers' decisions; what ceremonies make is made in a
 * ceremony; status comes from the running signet-ocsp.
 */
#ifndef CA_CORE_SAMPLE_H
#define CA_CORE_SAMPLE_H

#include <openssl/x509.h>

#include "base/config.h"
#include "base/http_client.h"
#include "ca-core/api.h"
#include "ca-core/profile.h"

enum { SAMPLE_TAG_LEN = 8 };

/* An officer of the demonstration, whose key is a file. */
struct sample_officer {
    char officer_id[TEXT_UUID_LEN + 1];
    EVP_PKEY *key;
    uint8_t *certificate; /* DER */
    size_t certificate_len;
};

struct sample {
    const struct config *config;
    const char *out;              /* folder of the files */
    char tag[SAMPLE_TAG_LEN + 1]; /* of this run: in every name */
    struct profile_set profiles;
    struct http_client *ca;        /* signet-ca, as the administrator */
    struct http_client *published; /* signet-ocsp */
    struct sample_officer first, second;
    size_t file_count;
    size_t order_count;
};

/* Runs all of it. `officers` is the folder of the officers "first" and
 * "second". `count` gets the number of files. */
bool sample_run(const struct config *config, const char *officers,
                const char *out, size_t *count, struct error *err) MUST_CHECK;

/* ---- Between its files ------------------------------------------------- */

/* "OUT/NAME" from a format; counts it. */
bool sample_write(struct sample *sample, const char *name, const void *data,
                  size_t len, struct error *err) MUST_CHECK;
bool sample_write_certificate(struct sample *sample, const char *name,
                              const uint8_t *der, size_t len,
                              struct error *err) MUST_CHECK;

/* Sends an order with the decisions of the two officers. The caller clears the
 * answer. */
bool sample_order(struct sample *sample, struct api_order *order,
                  struct api_answer *answer, struct error *err) MUST_CHECK;

/* The parts: sample_order.c, sample_ceremony.c, sample_status.c. */
bool sample_certificates(struct sample *sample, struct error *err) MUST_CHECK;
bool sample_ceremony(struct sample *sample, struct error *err) MUST_CHECK;
bool sample_status(struct sample *sample, struct error *err) MUST_CHECK;

/* Orders an organisation's certificate with a plain name. */
bool sample_one(struct sample *sample, struct api_answer *answer,
                struct error *err) MUST_CHECK;

#endif
