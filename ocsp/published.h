/*
 * What is served as it is: CRLs and CA certificates. A list is made by the
 * follower, never changes, and is replaced as a whole; the replies in it are
 * counted, so that the next list takes over what has not changed.
 */
#ifndef OCSP_PUBLISHED_H
#define OCSP_PUBLISHED_H

#include "base/der.h"
#include "base/http_parse.h"
#include "ocsp/reply.h"

enum { PUBLISHED_PATH_MAX = 96, PUBLISHED_CRL_MAX = 256 * 1024 * 1024 };

struct ocsp_published_item {
    char path[PUBLISHED_PATH_MAX]; /* "/crl/issuing-1.crl" */
    int64_t version;               /* CRL number; 0 for certificates */
    int64_t remake_at;             /* half of its max-age is then over */
    struct ocsp_reply *reply;      /* owned */
};

struct ocsp_published {
    size_t count, max;
    struct ocsp_published_item at[];
};

/* Room for `max` items. */
struct ocsp_published *ocsp_published_new(size_t max);
void ocsp_published_free(struct ocsp_published *list); /* NULL is nothing */

/* NULL if there is none. */
const struct ocsp_published_item *
ocsp_published_find(const struct ocsp_published *list, struct http_span path);

/* What the next list takes items over from, and how long HTTP caches may keep
 * what is made now. */
struct ocsp_published_maker {
    struct ocsp_published *list;
    const struct ocsp_published *old;
    int64_t now;
};

/* The CA certificate of `name` as .cer (RFC 2585, 4.1) and .pem. */
void ocsp_published_add_certificate(struct ocsp_published_maker *maker,
                                    const char *name, struct der certificate,
                                    int64_t max_age_s);

struct ocsp_published_crl {
    const char *name; /* of the issuer */
    int64_t number;
    int64_t this_update;
    int64_t next_update;
};

/* The CRL as the old list has it; false when it has not this number. */
bool ocsp_published_keep_crl(struct ocsp_published_maker *maker,
                             const struct ocsp_published_crl *crl,
                             int64_t max_age_s);
void ocsp_published_add_crl(struct ocsp_published_maker *maker,
                            const struct ocsp_published_crl *crl,
                            struct der der, int64_t max_age_s);

#endif
