/*
 * Short cuts through cases for tests: each act happens, or is refused in the
 * way that is said, or the test fails. Who includes this includes
 * tests/unit/fake_ca.h too, whose key is that of acts_begin().
 */
#ifndef TESTS_UNIT_CASE_ACTS_H
#define TESTS_UNIT_CASE_ACTS_H

#include "ra/case_review.h"
#include "tests/unit/case_parts.h"

/* The cases that all of a test program's tests are about. */
extern struct case_parts acts;

/* For the group: PostgreSQL, and `acts`. The key is that of the device's
 * request; the caller frees it. */
EVP_PKEY *acts_begin(void);
void acts_end(void);

void acts_assert_state(const char *number, const char *wanted);
/* Each link holds the hash of the one before; each step has its entry. */
void acts_assert_chained(void);
/* The answer to a question that is put together. */
const char *acts_ask(const char *format, ...) PRINTF_LIKE(1, 2);

void acts_create(enum case_business business,
                 char number[DB_CASE_NUMBER_MAX + 1]);
/* Another value of one field, in a draft. */
void acts_set(const char *number, enum case_business business, const char *name,
              const char *value);
void acts_act(const char *number, enum case_event event, enum case_actor who);
void acts_refused(const char *number, enum case_event event,
                  enum case_actor who, enum error_code code);
void acts_decide(const char *number, const struct case_officer *officer,
                 enum api_step step, enum api_verdict verdict);
void acts_decide_refused(const char *number, const struct case_officer *officer,
                         enum api_step step, enum api_verdict verdict,
                         enum error_code code);
/* What is due goes to the CA. */
void acts_send_orders(void);
/* The device's request, by the way of ra/case_order.h. */
bool acts_activate(const char *number, struct error *err);

/* From a draft to the officers' door; and past both reviewers. */
void acts_hand_in(const char *number);
void acts_pass_both(const char *number);

#endif
