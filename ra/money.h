/* Fen as yuan for people and invoices: "200.00". */
#ifndef RA_MONEY_H
#define RA_MONEY_H

#include <stdint.h>

enum { MONEY_TEXT_MAX = 24 };

/* `fen` is not negative. */
void money_format(int64_t fen, char out[MONEY_TEXT_MAX + 1]);

#endif
