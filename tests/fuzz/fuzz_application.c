/* Bodies of applications and decisions, from anybody with a token or a
 * certificate: what is taken is within its bounds and reads back the same. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "ra/applicant.h"
#include "ra/application.h"
#include "ra/review.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
    if (!holds)
        abort();
}

static void
try_application(const json_t *body, bool is_edit)
{
    struct db_application_content content;
    struct buf csr = BUF_INIT(2 * API_CSR_MAX);
    struct db_applicant again;
    int revision = 0;
    json_t *record;

    if (application_parse(body, is_edit, &content, &csr, &revision, NULL)) {
        must(content.years >= 1 && content.years <= 5);
        must(content.csr_len > 0 && content.csr_len <= API_CSR_MAX);
        must(strlen(content.applicant.uscc) == 18);
        must(!is_edit || revision >= 1);
        record = applicant_json(&content.applicant);
        must(applicant_parse(record, &again, NULL));
        json_decref(record);
    }
    buf_clear(&csr);
}

static void
try_decision(const json_t *body)
{
    struct review_decision decision;
    struct review_decision again;
    struct buf statement = BUF_INIT(16384);
    uint8_t digest[32] = {0};
    json_t *json;

    if (!review_decision_parse(body, &decision, NULL))
        return;
    must((decision.verdict == REVIEW_APPROVE) == (decision.remark[0] == '\0'));
    must(decision.signed_part.signature_len <= API_SIGNATURE_MAX);
    must(review_statement_encode(&decision, "order", digest, &statement, NULL));
    json = review_decision_json(&decision);
    must(review_decision_parse(json, &again, NULL));
    json_decref(json);
    buf_clear(&statement);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *body = NULL;

    if (!json_parse_object(data, size, &body, NULL))
        return 0;
    try_application(body, false);
    try_application(body, true);
    try_decision(body);
    json_decref(body);
    return 0;
}
