/* What a payment provider may say: the first octet chooses the reader. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ra/payment_provider_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char id[] = "00000000-0000-4000-8000-000000000001";

static void
fuzz_order(const uint8_t *data, size_t len)
{
    struct provider_order *order = base_alloc(sizeof *order);
    struct error err = {0};

    if (provider_order_read(data, len, id, order, &err))
        for (size_t i = 0; i < order->event_count; i++) {
            assert(order->event[i].amount >= 1);
            assert(order->event[i].event_id[0] != '\0');
        }
    free(order);
}

static void
fuzz_statement(const uint8_t *data, size_t len)
{
    struct provider_statement statement;
    struct error err = {0};

    if (provider_statement_parse(data, len, &statement, &err)) {
        for (size_t i = 1; i < statement.count; i++)
            assert(strcmp(statement.line[i - 1].event_id,
                          statement.line[i].event_id) < 0);
        provider_statement_clear(&statement);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct provider_callback callback;
    struct provider_refund refund;
    struct error err = {0};

    if (len == 0)
        return 0;
    switch (data[0] % 4) {
    case 0:
        fuzz_order(data + 1, len - 1);
        break;
    case 1:
        (void)!provider_refund_read(data + 1, len - 1, id, &refund, &err);
        break;
    case 2:
        if (provider_callback_parse(data + 1, len - 1, &callback, &err))
            assert(callback.event.amount >= 1);
        break;
    default:
        fuzz_statement(data + 1, len - 1);
        break;
    }
    return 0;
}
