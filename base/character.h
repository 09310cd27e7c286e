/* Characters as people see them: what shows, and what only seems to. */
#ifndef BASE_CHARACTER_H
#define BASE_CHARACTER_H

#include <stdbool.h>
#include <stdint.h>

/* The code point at *p of well-formed UTF-8 (base/text.h: text_utf8); moves
 * past it. */
uint32_t character_next(const uint8_t **p);

/* Spaces of any width. */
bool character_is_white(uint32_t c);

/* Does not show, or turns what stands around it: controls (a terminal obeys
 * them), zero-width marks, directional overrides (UAX #9), line separators. */
bool character_is_hidden(uint32_t c);

#endif
