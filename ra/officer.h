/*
 * Who calls: the CA core's register of officers, kept for a few seconds so
 * that not every request asks for it. The core itself judges every decision
 * again, so a register that is seconds old lets nobody issue anything.
 */
#ifndef RA_OFFICER_H
#define RA_OFFICER_H

#include "ra/ca_client.h"
#include "ra/review.h"

enum { OFFICER_CACHE_MS = 5000 };

struct officer_register; /* shared by all workers */

struct officer_register *officer_register_new(void);
void officer_register_free(struct officer_register *officers);

/* The officer who holds the certificate (DER). ERROR_DENIED when it is
 * nobody's, or its owner or itself is not active at `now`; ERROR_BUSY when the
 * register cannot be had. */
bool officer_find(struct officer_register *officers, struct ca_client *ca,
                  const uint8_t *certificate, size_t len, int64_t now,
                  struct review_officer *out, struct error *err) MUST_CHECK;

/* One credential of one row of the register, if it is this one. Pure. False
 * also when the row is not understood. */
bool officer_read(const json_t *row, const uint8_t credential_id[32],
                  struct review_officer *out) MUST_CHECK;

#endif
