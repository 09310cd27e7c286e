/* Fen as yuan: ra/money.h. */
#include "ra/money.h"

#include <stdio.h>

void
money_format(int64_t fen, char out[MONEY_TEXT_MAX + 1])
{
    (void)snprintf(out, MONEY_TEXT_MAX + 1, "%lld.%02d", (long long)(fen / 100),
                   (int)(fen % 100));
}
