/* base64 in a URL, without allocation; see ocsp/target.h. */
#include "ocsp/target.h"

enum { PAD = 64, IS = 0x80, BAD = 255 };

/* Digits carry a mark, so that what is not in the table is none. */
static const uint8_t digit_of[256] = {
    ['A'] = IS | 0,   ['B'] = IS | 1,  ['C'] = IS | 2,  ['D'] = IS | 3,
    ['E'] = IS | 4,   ['F'] = IS | 5,  ['G'] = IS | 6,  ['H'] = IS | 7,
    ['I'] = IS | 8,   ['J'] = IS | 9,  ['K'] = IS | 10, ['L'] = IS | 11,
    ['M'] = IS | 12,  ['N'] = IS | 13, ['O'] = IS | 14, ['P'] = IS | 15,
    ['Q'] = IS | 16,  ['R'] = IS | 17, ['S'] = IS | 18, ['T'] = IS | 19,
    ['U'] = IS | 20,  ['V'] = IS | 21, ['W'] = IS | 22, ['X'] = IS | 23,
    ['Y'] = IS | 24,  ['Z'] = IS | 25, ['a'] = IS | 26, ['b'] = IS | 27,
    ['c'] = IS | 28,  ['d'] = IS | 29, ['e'] = IS | 30, ['f'] = IS | 31,
    ['g'] = IS | 32,  ['h'] = IS | 33, ['i'] = IS | 34, ['j'] = IS | 35,
    ['k'] = IS | 36,  ['l'] = IS | 37, ['m'] = IS | 38, ['n'] = IS | 39,
    ['o'] = IS | 40,  ['p'] = IS | 41, ['q'] = IS | 42, ['r'] = IS | 43,
    ['s'] = IS | 44,  ['t'] = IS | 45, ['u'] = IS | 46, ['v'] = IS | 47,
    ['w'] = IS | 48,  ['x'] = IS | 49, ['y'] = IS | 50, ['z'] = IS | 51,
    ['0'] = IS | 52,  ['1'] = IS | 53, ['2'] = IS | 54, ['3'] = IS | 55,
    ['4'] = IS | 56,  ['5'] = IS | 57, ['6'] = IS | 58, ['7'] = IS | 59,
    ['8'] = IS | 60,  ['9'] = IS | 61, ['+'] = IS | 62, ['/'] = IS | 63,
    ['='] = IS | PAD,
};

static uint8_t
value_of(uint8_t c)
{
    return digit_of[c] == 0 ? BAD : (uint8_t)(digit_of[c] - IS);
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* The next base64 digit, of one character or of a triplet. */
static uint8_t
take_digit(struct http_span *in)
{
    int high, low;
    uint8_t c;

    if (in->len == 0)
        return BAD;
    c = (uint8_t)in->data[0];
    if (c != '%') {
        in->data++;
        in->len--;
        return value_of(c);
    }
    if (in->len < 3 || (high = hex_digit(in->data[1])) < 0 ||
        (low = hex_digit(in->data[2])) < 0)
        return BAD;
    in->data += 3;
    in->len -= 3;
    return value_of((uint8_t)(high << 4 | low));
}

/* The last quartet, with one or two octets; unused bits are zero (RFC 4648,
 * 3.5), so that one request has one form. */
static bool
take_end(struct http_span *in, const uint8_t digit[4], uint8_t *out,
         size_t *len)
{
    if (in->len != 0 || digit[0] >= PAD || digit[1] >= PAD || digit[3] != PAD)
        return false;
    out[(*len)++] = (uint8_t)(digit[0] << 2 | digit[1] >> 4);
    if (digit[2] == PAD)
        return (digit[1] & 0x0f) == 0;
    out[(*len)++] = (uint8_t)(digit[1] << 4 | digit[2] >> 2);
    return digit[2] < PAD && (digit[2] & 0x03) == 0;
}

bool
ocsp_target_decode(struct http_span path, uint8_t out[TARGET_DER_MAX],
                   size_t *len)
{
    uint8_t digit[4];
    uint32_t bits;
    int i;

    *len = 0;
    while (path.len > 0) {
        if (*len + 3 > TARGET_DER_MAX)
            return false;
        for (i = 0; i < 4; i++)
            if ((digit[i] = take_digit(&path)) == BAD)
                return false;
        if ((digit[0] | digit[1] | digit[2] | digit[3]) >= PAD)
            return take_end(&path, digit, out, len);
        bits = (uint32_t)digit[0] << 18 | (uint32_t)digit[1] << 12 |
               (uint32_t)digit[2] << 6 | digit[3];
        out[(*len)++] = (uint8_t)(bits >> 16);
        out[(*len)++] = (uint8_t)(bits >> 8);
        out[(*len)++] = (uint8_t)bits;
    }
    return true;
}
