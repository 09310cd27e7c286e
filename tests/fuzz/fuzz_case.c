/* Bodies of decisions on cases, from anybody with a certificate or a session:
 * what is taken is within its bounds and reads back the same. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "ra/case_review.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
    if (!holds)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct case_review review = {0};
    struct case_review again = {0};
    json_t *body = NULL;
    json_t *sent;

    if (size > 65536 || !json_parse_object(data, size, &body, NULL))
        return 0;
    if (case_review_parse(body, &review, NULL)) {
        must(review.decision.signature_len <= API_SIGNATURE_MAX);
        must((review.decision.verdict == API_APPROVE) ==
             (review.decision.remark[0] == '\0'));
        sent = api_decision_json(&review.decision);
        must(case_review_parse(sent, &again, NULL));
        must(again.decision.step == review.decision.step &&
             again.decision.verdict == review.decision.verdict &&
             again.decision.decided_at == review.decision.decided_at &&
             strcmp(again.decision.remark, review.decision.remark) == 0);
        must(again.detail == NULL);
        json_decref(sent);
        case_review_clear(&again);
    }
    case_review_clear(&review);
    json_decref(body);
    return 0;
}
