/*
 * The status of every certificate, in memory: for each issuer a sorted array
 * with a directory over the serials' leading bits, and a small table of what
 * has changed since the array was made (performance.md, 7: serials are uniform
 * random bits, so they are their own hash). About 21 octets a certificate.
 *
 * One thread writes, any number reads without a lock; readers stand in a
 * section of the grace that the index was made with.
 */
#ifndef OCSP_STATUS_H
#define OCSP_STATUS_H

#include "base/error.h"
#include "ocsp/grace.h"

enum { OCSP_INDEX_SERIAL_LEN = 16 }; /* our serials, in DER and database */

enum ocsp_state {
    OCSP_STATE_UNKNOWN, /* never issued: not in the index */
    OCSP_STATE_VALID,
    OCSP_STATE_HELD,
    OCSP_STATE_REVOKED,
};

struct ocsp_status {
    enum ocsp_state state;
    uint8_t reason;       /* CRLReason; 0 unless held or revoked */
    int64_t revoked_at;   /* or held since; 0 if valid */
    int64_t invalid_from; /* invalidity date; 0 if none */
};

struct ocsp_index;

/* `grace` is borrowed for the index's life. */
struct ocsp_index *ocsp_index_new(struct ocsp_grace *grace);
/* When nobody reads any more. NULL is nothing. */
void ocsp_index_free(struct ocsp_index *index);

/* UNKNOWN for a serial or an issuer that is not in the index. In a section. */
struct ocsp_status ocsp_index_find(const struct ocsp_index *index,
                                   int32_t issuer_id,
                                   const uint8_t serial[OCSP_INDEX_SERIAL_LEN]);

/* Puts the status in, visible to every reader when it returns. */
void ocsp_index_change(struct ocsp_index *index, int32_t issuer_id,
                       const uint8_t serial[OCSP_INDEX_SERIAL_LEN],
                       const struct ocsp_status *status);

/* The whole index anew: add everything, in any order, each serial once; then
 * put it in the place of what was there. */
struct ocsp_load;
struct ocsp_load *ocsp_load_new(void);
void ocsp_load_add(struct ocsp_load *load, int32_t issuer_id,
                   const uint8_t serial[OCSP_INDEX_SERIAL_LEN],
                   const struct ocsp_status *status);
void ocsp_index_replace(struct ocsp_index *index, struct ocsp_load *take_load);
void ocsp_load_free(struct ocsp_load *load); /* NULL is nothing */

/* Certificates in the index, and the octets that it takes. For the writer. */
size_t ocsp_index_count(const struct ocsp_index *index);
size_t ocsp_index_size(const struct ocsp_index *index);

bool ocsp_status_equal(const struct ocsp_status *a,
                       const struct ocsp_status *b);

#endif
