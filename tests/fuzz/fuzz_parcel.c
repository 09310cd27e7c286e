/* What couriers and intake clerks tell: what is taken is whole and in bounds.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "ra/intake.h"
#include "ra/shipment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { NOW = 1795500000 };

static void
judge_news(const json_t *json)
{
    static const char *const states[] = {"announced", "shipped", "delivered",
                                         "failed"};
    struct shipment_news news;
    struct error err = {0};

    if (!shipment_news_parse(json, NOW, &news, &err)) {
        assert(err.code == ERROR_INPUT);
        return;
    }
    assert(news.event_id[0] != '\0' && news.at <= NOW + 300);
    assert(shipment_names_check(news.carrier, news.tracking, &err));
    /* What arrived stays arrived. */
    assert(strcmp(shipment_next("delivered", news.status), "delivered") == 0);
    for (size_t i = 0; i < 4; i++) {
        const char *next = shipment_next(states[i], news.status);

        assert(strcmp(next, states[i]) == 0 || strcmp(next, "announced") != 0);
    }
}

static void
judge_intake(const json_t *json)
{
    struct intake intake;
    struct error err = {0};

    if (!intake_parse(json, &intake, &err)) {
        assert(err.code == ERROR_INPUT);
        return;
    }
    assert(intake.received_count <= INTAKE_SLOTS_MAX &&
           intake.defective_count <= INTAKE_SLOTS_MAX &&
           intake.received_count + intake.defective_count > 0);
    for (size_t i = 0; i < intake.received_count; i++)
        assert(intake.received[i] != NULL);
    for (size_t i = 0; i < intake.defective_count; i++)
        assert(intake.defective[i].remark[0] != '\0' &&
               strlen(intake.defective[i].remark) <= INTAKE_REMARK_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    json_t *json = NULL;
    struct error err = {0};

    if (json_parse_object(data, len, &json, &err)) {
        judge_news(json);
        judge_intake(json);
    }
    json_decref(json);
    return 0;
}
