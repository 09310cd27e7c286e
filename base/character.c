/* Kinds of characters; see base/character.h. */
#include "base/character.h"

uint32_t
character_next(const uint8_t **p)
{
    const uint8_t *at = *p;
    unsigned more = at[0] < 0x80 ? 0 : at[0] < 0xe0 ? 1 : at[0] < 0xf0 ? 2 : 3;
    uint32_t c = more == 0 ? at[0] : at[0] & (0x3fU >> more);

    for (unsigned i = 1; i <= more; i++)
        c = c << 6 | (at[i] & 0x3f);
    *p += more + 1;
    return c;
}

bool
character_is_white(uint32_t c)
{
    return c == ' ' || c == 0xa0 || c == 0x3000 || (c >= 0x2000 && c <= 0x200a);
}

bool
character_is_hidden(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xad || c == 0xfeff ||
           (c & 0xfffe) == 0xfffe;
}
