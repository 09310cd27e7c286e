/* One issuer's certificates; see ocsp/table.h. */
#include "ocsp/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum {
    WORD_EMPTY = 0,  /* no record in this slot */
    WORD_VALID = 1,  /* neither held nor revoked: most of them */
    WORD_EVENT = 2,  /* and above: event[word - WORD_EVENT] */
    BUCKET_BITS = 3, /* about 8 records for each directory entry */
    DIRECTORY_BITS_MAX = 28,
    DELTA_MIN = 1024, /* changes until the array is made anew ... */
    DELTA_SHARE = 64, /* ... or a 64th of it, if that is more */
};

struct record {
    uint8_t serial[OCSP_INDEX_SERIAL_LEN];
    _Atomic uint32_t word;
};

/* What a certificate that is not simply valid has more to say. */
struct event {
    uint32_t revoked_at; /* seconds since 1970: until 2106 */
    uint32_t invalid_from;
    uint8_t state;
    uint8_t reason;
};

/* One issuer's certificates. Replaced as a whole when the delta is full. */
struct ocsp_table {
    struct record *record; /* sorted by serial; never changes */
    size_t count;
    uint32_t *directory; /* 2^bits + 1 first records of each prefix */
    unsigned bits;
    struct record *delta; /* open addressing, at most half full */
    size_t delta_mask;
    size_t delta_used;   /* records in it; the writer's */
    size_t fresh_count;  /* of these, in no record; the writer's */
    struct event *event; /* of the records, then of changes as they come */
    size_t event_count;  /* the writer's */
    size_t event_max;
};

static uint64_t
read_be64(const uint8_t *p)
{
    uint64_t n;

    memcpy(&n, p, sizeof n);
    return __builtin_bswap64(n);
}

/* The leading bits after the sign bit, which is always clear. */
static size_t
directory_slot(const struct ocsp_table *table, const uint8_t *serial)
{
    return table->bits == 0
               ? 0
               : (size_t)(read_be64(serial) << 1 >> (64 - table->bits));
}

/* The slot of the serial, or the empty one where it would stand. `word` is what
 * was in it: read once, because a reader that looked again could find that the
 * writer has just put another serial there. */
static struct record *
delta_slot(const struct ocsp_table *table, const uint8_t *serial,
           uint32_t *word)
{
    size_t i = (size_t)read_be64(serial + 8) & table->delta_mask;

    while ((*word = atomic_load_explicit(&table->delta[i].word,
                                         memory_order_acquire)) != WORD_EMPTY &&
           memcmp(table->delta[i].serial, serial, OCSP_INDEX_SERIAL_LEN) != 0)
        i = (i + 1) & table->delta_mask;
    return &table->delta[i];
}

static const struct record *
record_find(const struct ocsp_table *table, const uint8_t *serial)
{
    size_t slot = directory_slot(table, serial);
    size_t low = table->directory[slot], high = table->directory[slot + 1];
    size_t middle;
    int order;

    while (low < high) {
        middle = low + (high - low) / 2;
        order =
            memcmp(table->record[middle].serial, serial, OCSP_INDEX_SERIAL_LEN);
        if (order == 0)
            return &table->record[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static struct ocsp_status
status_of(const struct ocsp_table *table, uint32_t word)
{
    struct ocsp_status status = {.state = OCSP_STATE_VALID};
    const struct event *event;

    if (word >= WORD_EVENT) {
        event = &table->event[word - WORD_EVENT];
        status.state = (enum ocsp_state)event->state;
        status.reason = event->reason;
        status.revoked_at = event->revoked_at;
        status.invalid_from = event->invalid_from;
    }
    return status;
}

struct ocsp_status
ocsp_table_find(const struct ocsp_table *table,
                const uint8_t serial[OCSP_INDEX_SERIAL_LEN])
{
    const struct record *record;
    uint32_t word;

    (void)delta_slot(table, serial, &word);
    if (word == WORD_EMPTY) {
        if ((record = record_find(table, serial)) == NULL)
            return (struct ocsp_status){.state = OCSP_STATE_UNKNOWN};
        word = atomic_load_explicit(&record->word, memory_order_relaxed);
    }
    return status_of(table, word);
}

static uint32_t
clamp_time(int64_t at)
{
    return at < 0 ? 0 : at > UINT32_MAX ? UINT32_MAX : (uint32_t)at;
}

static struct event
event_of(const struct ocsp_status *status)
{
    return (struct event){
        .revoked_at = clamp_time(status->revoked_at),
        .invalid_from = clamp_time(status->invalid_from),
        .state = (uint8_t)status->state,
        .reason = status->reason,
    };
}

static int
compare_records(const void *a, const void *b)
{
    return memcmp(((const struct record *)a)->serial,
                  ((const struct record *)b)->serial, OCSP_INDEX_SERIAL_LEN);
}

void
ocsp_table_free(struct ocsp_table *table)
{
    if (table == NULL)
        return;
    free(table->record);
    free(table->directory);
    free(table->delta);
    free(table->event);
    free(table);
}

static void
make_directory(struct ocsp_table *table)
{
    size_t entries, slot = 0, i;

    while (table->bits < DIRECTORY_BITS_MAX &&
           table->count >> (table->bits + BUCKET_BITS) > 0)
        table->bits++;
    entries = (size_t)1 << table->bits;
    table->directory = base_alloc((entries + 1) * sizeof *table->directory);
    for (i = 0; i < table->count; i++)
        while (slot <= directory_slot(table, table->record[i].serial))
            table->directory[slot++] = (uint32_t)i;
    while (slot <= entries)
        table->directory[slot++] = (uint32_t)table->count;
}

/* A table of sorted records; takes both arrays. There is room for as many
 * events as there may be changes until the next one is made. */
static struct ocsp_table *
table_new(struct record *take_record, size_t count, struct event *take_event,
          size_t event_count)
{
    struct ocsp_table *table = base_alloc(sizeof *table);
    size_t changes = DELTA_MIN, slots = 2;

    assert(count < UINT32_MAX - WORD_EVENT);
    if (count / DELTA_SHARE > changes)
        changes = count / DELTA_SHARE;
    while (slots < 2 * changes)
        slots *= 2;
    table->record = take_record;
    table->count = count;
    make_directory(table);
    table->delta = base_alloc(slots * sizeof *table->delta);
    table->delta_mask = slots - 1;
    table->event_count = event_count;
    table->event_max = event_count + changes;
    table->event = realloc(take_event, table->event_max * sizeof *table->event);
    if (table->event == NULL)
        abort();
    return table;
}

/* Copies a record; its event, if any, moves to the end of `event`. */
static void
carry(const struct ocsp_table *from, const struct record *record,
      struct record *to, struct event *event, size_t *event_count)
{
    uint32_t word = atomic_load_explicit(&record->word, memory_order_relaxed);

    memcpy(to->serial, record->serial, sizeof to->serial);
    if (word >= WORD_EVENT) {
        event[*event_count] = from->event[word - WORD_EVENT];
        word = WORD_EVENT + (uint32_t)(*event_count)++;
    }
    atomic_init(&to->word, word);
}

/* The records and the delta in one sorted array. */
struct ocsp_table *
ocsp_table_merge(const struct ocsp_table *old)
{
    struct record *delta = base_alloc(old->delta_used * sizeof(struct record));
    struct record *record =
        base_alloc((old->count + old->delta_used) * sizeof(struct record));
    struct event *event = base_alloc(old->event_count * sizeof(struct event));
    size_t changes = 0, events = 0, count = 0, i = 0, j = 0;
    int order;

    for (i = 0; i <= old->delta_mask; i++)
        if (atomic_load_explicit(&old->delta[i].word, memory_order_relaxed) !=
            WORD_EMPTY)
            memcpy(&delta[changes++], &old->delta[i], sizeof *delta);
    qsort(delta, changes, sizeof *delta, compare_records);
    for (i = 0; i < old->count || j < changes; count++) {
        order = i == old->count ? 1
                : j == changes  ? -1
                                : compare_records(&old->record[i], &delta[j]);
        carry(old, order < 0 ? &old->record[i] : &delta[j], &record[count],
              event, &events);
        i += order <= 0; /* an equal record gives way to its change */
        j += order >= 0;
    }
    free(delta);
    return table_new(record, count, event, events);
}

bool
ocsp_table_is_full(const struct ocsp_table *table)
{
    return table->event_count == table->event_max ||
           2 * (table->delta_used + 1) > table->delta_mask;
}

void
ocsp_table_change(struct ocsp_table *table,
                  const uint8_t serial[OCSP_INDEX_SERIAL_LEN],
                  const struct ocsp_status *status)
{
    struct record *slot;
    uint32_t word = WORD_VALID, before;

    assert(status->state != OCSP_STATE_UNKNOWN && !ocsp_table_is_full(table));
    if (status->state != OCSP_STATE_VALID) {
        table->event[table->event_count] = event_of(status);
        word = WORD_EVENT + (uint32_t)table->event_count++;
    }
    slot = delta_slot(table, serial, &before);
    if (before == WORD_EMPTY) {
        memcpy(slot->serial, serial, OCSP_INDEX_SERIAL_LEN);
        table->delta_used++;
        table->fresh_count += record_find(table, serial) == NULL;
    }
    /* The event and the serial before the word that shows them. */
    atomic_store_explicit(&slot->word, word, memory_order_release);
}

size_t
ocsp_table_count(const struct ocsp_table *table)
{
    return table->count + table->fresh_count;
}

size_t
ocsp_table_size(const struct ocsp_table *table)
{
    return sizeof *table +
           (table->count + table->delta_mask + 1) * sizeof *table->record +
           (((size_t)1 << table->bits) + 1) * sizeof *table->directory +
           table->event_max * sizeof *table->event;
}

struct ocsp_pile {
    struct record *record;
    size_t count, max;
    struct event *event;
    size_t event_count, event_max;
};

struct ocsp_pile *
ocsp_pile_new(void)
{
    return base_alloc(sizeof(struct ocsp_pile));
}

void
ocsp_pile_add(struct ocsp_pile *pile,
              const uint8_t serial[OCSP_INDEX_SERIAL_LEN],
              const struct ocsp_status *status)
{
    uint32_t word = WORD_VALID;

    assert(status->state != OCSP_STATE_UNKNOWN);
    if (status->state != OCSP_STATE_VALID) {
        pile->event = base_grow(pile->event, pile->event_count,
                                &pile->event_max, sizeof *pile->event);
        pile->event[pile->event_count] = event_of(status);
        word = WORD_EVENT + (uint32_t)pile->event_count++;
    }
    pile->record =
        base_grow(pile->record, pile->count, &pile->max, sizeof *pile->record);
    memcpy(pile->record[pile->count].serial, serial, OCSP_INDEX_SERIAL_LEN);
    atomic_init(&pile->record[pile->count].word, word);
    pile->count++;
}

void
ocsp_pile_free(struct ocsp_pile *pile)
{
    if (pile == NULL)
        return;
    free(pile->record);
    free(pile->event);
    free(pile);
}

struct ocsp_table *
ocsp_table_of(struct ocsp_pile *take_pile)
{
    struct ocsp_table *table;

    if (take_pile->count > 0)
        qsort(take_pile->record, take_pile->count, sizeof *take_pile->record,
              compare_records);
    table = table_new(take_pile->record, take_pile->count, take_pile->event,
                      take_pile->event_count);
    free(take_pile);
    return table;
}
