/* The index of certificate status; see ocsp/status.h. */
#include "ocsp/status.h"

#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "ocsp/table.h"

enum { ISSUERS_MAX = 32768 }; /* ca.issuer.issuer_id is a smallint */

struct ocsp_index {
    struct ocsp_grace *grace;
    _Atomic(struct ocsp_table *) table[ISSUERS_MAX];
};

struct ocsp_load {
    struct ocsp_pile *pile[ISSUERS_MAX];
};

struct ocsp_status
ocsp_index_find(const struct ocsp_index *index, int32_t issuer_id,
                const uint8_t serial[OCSP_INDEX_SERIAL_LEN])
{
    const struct ocsp_table *table = NULL;

    if (issuer_id >= 0 && issuer_id < ISSUERS_MAX)
        table = atomic_load_explicit(&index->table[issuer_id],
                                     memory_order_acquire);
    if (table == NULL)
        return (struct ocsp_status){.state = OCSP_STATE_UNKNOWN};
    return ocsp_table_find(table, serial);
}

/* Puts `table` in place and frees the old one when nobody reads it. */
static void
publish(struct ocsp_index *index, int32_t issuer_id, struct ocsp_table *table)
{
    struct ocsp_table *old = atomic_exchange(&index->table[issuer_id], table);

    ocsp_grace_wait(index->grace);
    ocsp_table_free(old);
}

void
ocsp_index_change(struct ocsp_index *index, int32_t issuer_id,
                  const uint8_t serial[OCSP_INDEX_SERIAL_LEN],
                  const struct ocsp_status *status)
{
    struct ocsp_table *table;

    assert(issuer_id >= 0 && issuer_id < ISSUERS_MAX);
    table = atomic_load(&index->table[issuer_id]);
    if (table == NULL || ocsp_table_is_full(table)) {
        table = table == NULL ? ocsp_table_of(ocsp_pile_new())
                              : ocsp_table_merge(table);
        publish(index, issuer_id, table);
    }
    ocsp_table_change(table, serial, status);
}

struct ocsp_index *
ocsp_index_new(struct ocsp_grace *grace)
{
    struct ocsp_index *index = base_alloc(sizeof *index);

    index->grace = grace;
    return index;
}

void
ocsp_index_free(struct ocsp_index *index)
{
    size_t i;

    if (index == NULL)
        return;
    for (i = 0; i < ISSUERS_MAX; i++)
        ocsp_table_free(atomic_load(&index->table[i]));
    free(index);
}

size_t
ocsp_index_count(const struct ocsp_index *index)
{
    const struct ocsp_table *table;
    size_t count = 0, i;

    for (i = 0; i < ISSUERS_MAX; i++)
        if ((table = atomic_load(&index->table[i])) != NULL)
            count += ocsp_table_count(table);
    return count;
}

size_t
ocsp_index_size(const struct ocsp_index *index)
{
    const struct ocsp_table *table;
    size_t size = sizeof *index, i;

    for (i = 0; i < ISSUERS_MAX; i++)
        if ((table = atomic_load(&index->table[i])) != NULL)
            size += ocsp_table_size(table);
    return size;
}

struct ocsp_load *
ocsp_load_new(void)
{
    return base_alloc(sizeof(struct ocsp_load));
}

void
ocsp_load_add(struct ocsp_load *load, int32_t issuer_id,
              const uint8_t serial[OCSP_INDEX_SERIAL_LEN],
              const struct ocsp_status *status)
{
    assert(issuer_id >= 0 && issuer_id < ISSUERS_MAX);
    if (load->pile[issuer_id] == NULL)
        load->pile[issuer_id] = ocsp_pile_new();
    ocsp_pile_add(load->pile[issuer_id], serial, status);
}

void
ocsp_load_free(struct ocsp_load *load)
{
    size_t i;

    if (load == NULL)
        return;
    for (i = 0; i < ISSUERS_MAX; i++)
        ocsp_pile_free(load->pile[i]);
    free(load);
}

void
ocsp_index_replace(struct ocsp_index *index, struct ocsp_load *take_load)
{
    struct ocsp_pile *pile;
    int32_t i;

    for (i = 0; i < ISSUERS_MAX; i++) {
        pile = take_load->pile[i];
        take_load->pile[i] = NULL;
        if (pile != NULL)
            publish(index, i, ocsp_table_of(pile));
        else if (atomic_load(&index->table[i]) != NULL)
            publish(index, i, NULL); /* an issuer that is gone */
    }
    ocsp_load_free(take_load);
}

bool
ocsp_status_equal(const struct ocsp_status *a, const struct ocsp_status *b)
{
    return a->state == b->state && a->reason == b->reason &&
           a->revoked_at == b->revoked_at && a->invalid_from == b->invalid_from;
}
