/*
 * What a certificate takes over from the one that it succeeds: renew, rekey and
 * reissue copy subject, alternative names and organisation code from the
 * predecessor itself, not from anybody's records about it.
 */
#ifndef CA_CORE_HERITAGE_H
#define CA_CORE_HERITAGE_H

#include "ca-core/profile.h"

struct heritage {
    struct der subject; /* DER Name; borrowed from the certificate */
    struct api_san san[API_SANS_MAX];
    size_t san_count;
    const char *organization_code; /* NULL: none */
    struct buf storage;            /* owns the texts */
};

/* Of a certificate that we issued under `profile`. ERROR_INTERNAL when it is
 * not what we issue. Clear with heritage_clear(). */
bool heritage_read(const struct profile *profile, struct der certificate,
                   struct heritage *out, struct error *err) MUST_CHECK;
void heritage_clear(struct heritage *heritage); /* zeroed is nothing */

#endif
