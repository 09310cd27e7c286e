/*
 * Octets that grow up to a limit given when the buffer is made. Adding past
 * the limit adds nothing and marks the buffer: writers add freely and ask
 * buf_is_full() once at the end.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct buf {
    uint8_t *data; /* owned; NULL while empty; NUL follows the last octet */
    size_t len;
    size_t cap;
    size_t limit;
    bool is_overrun;
};

#define BUF_INIT(max)                                                          \
    {                                                                          \
        .limit = (max)                                                         \
    }

bool buf_add(struct buf *buf, const void *data, size_t len);
bool buf_add_byte(struct buf *buf, uint8_t octet);
bool buf_add_text(struct buf *buf, const char *text);
bool buf_addf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

/* True once something did not fit; what is there is then incomplete. */
bool buf_is_full(const struct buf *buf);

/* The content as text: never NULL, NUL-terminated. Borrowed. */
const char *buf_text(const struct buf *buf);

/* Empties, keeps the memory and the limit. */
void buf_reset(struct buf *buf);

/* Frees. The buffer may be used again. */
void buf_clear(struct buf *buf);

/* As buf_clear(), overwriting the octets first: for secrets. */
void buf_cleanse(struct buf *buf);

/* Hands the octets (malloc'd) to the caller and leaves the buffer empty. */
uint8_t *buf_take(struct buf *buf, size_t *len);

/* malloc and friends that abort for want of memory: sizes are bounded first. */
void *base_alloc(size_t size); /* zeroed */
void *base_copy(const void *data, size_t len);
char *base_text_copy(const char *text); /* NULL gives NULL */
/* An array with room for one more than `count`: it is doubled when it is full.
 * `*room` elements of `size` octets; NULL and 0 begin one. What is new is not
 * zeroed. */
void *base_grow(void *take_array, size_t count, size_t *room, size_t size);

#endif
