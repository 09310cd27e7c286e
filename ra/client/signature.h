/*
 * Detached signatures of files: CMS SignedData (RFC 5652, 5) as CAdES baseline
 * B (ETSI EN 319 122-1), with a timestamp level T (RFC 3161).
 */
#ifndef RA_CLIENT_SIGNATURE_H
#define RA_CLIENT_SIGNATURE_H

#include <stdio.h>

#include "hsm/device.h"

enum {
    SIGNATURE_FILE_MAX = 1024 * 1024,
    SIGNATURE_NAME_MAX = 256,
};

/* Signs all of `in` with the newest signing certificate on the device that is
 * valid now. `timestamp_url` NULL: level B. */
bool signature_make(struct hsm_device *device, FILE *in,
                    const char *timestamp_url, const char *trust_file,
                    struct buf *out, struct error *err) MUST_CHECK;

struct signature_verdict {
    char signer[SIGNATURE_NAME_MAX];
    int64_t signed_at;  /* as the signer says; 0: not said */
    int64_t stamped_at; /* as a timestamp authority says; 0: no timestamp */
};

/* The signature, and the signer's chain up to `trust_file` at the time of the
 * timestamp, or now. ERROR_INPUT when it is not good, and why. */
bool signature_verify(const uint8_t *cms, size_t len, FILE *in,
                      const char *trust_file, struct signature_verdict *out,
                      struct error *err) MUST_CHECK;

#endif
