/*
 * One issuer's certificates by serial: a sorted array with a directory over
 * leading bits, which never changes, and an open-addressed table of what has
 * changed since. When that is full the two are merged into a new table. One
 * thread writes; readers need no lock. For ocsp/status.c.
 */
#ifndef OCSP_TABLE_H
#define OCSP_TABLE_H

#include "ocsp/status.h"

struct ocsp_table;

struct ocsp_status ocsp_table_find(const struct ocsp_table *table,
                                   const uint8_t serial[OCSP_INDEX_SERIAL_LEN]);

/* Readers see it at once. Not on a full table. */
void ocsp_table_change(struct ocsp_table *table,
                       const uint8_t serial[OCSP_INDEX_SERIAL_LEN],
                       const struct ocsp_status *status);
bool ocsp_table_is_full(const struct ocsp_table *table);

/* A new table with everything that the old one says, and room for changes. */
struct ocsp_table *ocsp_table_merge(const struct ocsp_table *old);
void ocsp_table_free(struct ocsp_table *table); /* NULL is nothing */

size_t ocsp_table_count(const struct ocsp_table *table);
size_t ocsp_table_size(const struct ocsp_table *table); /* octets */

/* What a table is made of at once: each serial once, in any order. */
struct ocsp_pile;
struct ocsp_pile *ocsp_pile_new(void);
void ocsp_pile_add(struct ocsp_pile *pile,
                   const uint8_t serial[OCSP_INDEX_SERIAL_LEN],
                   const struct ocsp_status *status);
void ocsp_pile_free(struct ocsp_pile *pile); /* NULL is nothing */
struct ocsp_table *ocsp_table_of(struct ocsp_pile *take_pile);

#endif
