/* Tasks of the work queue: ra/queue.h. */
#include "ra/queue.h"

#include <string.h>

struct filter {
    const char *state;
    const char *business;
};

static void
task_add(struct db_queue *queue, const struct filter *filter,
         enum case_business business, enum case_state state, const char *step)
{
    const char *state_name = case_state_name(state);
    const char *business_name = case_business_name(business);

    if ((filter->state != NULL && strcmp(filter->state, state_name) != 0) ||
        (filter->business != NULL &&
         strcmp(filter->business, business_name) != 0))
        return;
    for (size_t i = 0; i < queue->count; i++)
        if (queue->state[i] == state_name &&
            queue->business[i] == business_name && queue->step[i] == step)
            return;
    if (queue->count == DB_QUEUE_TASKS_MAX)
        return; /* 7 businesses of some 20 states: never */
    queue->state[queue->count] = state_name;
    queue->business[queue->count] = business_name;
    queue->step[queue->count++] = step;
}

/* The step of a decision that an officer takes in this transition; "" for what
 * is none, NULL for what no officer's queue waits for. */
static const char *
step_of(const struct case_transition *t, unsigned roles)
{
    static const char first[] = "first-review", second[] = "second-review";
    static const char entry[] = "entry", none[] = "";

    switch (t->who) {
    case CASE_BY_FIRST_REVIEWER:
        return (roles & 1u << API_ROLE_FIRST_REVIEWER) != 0 ? first : NULL;
    case CASE_BY_SECOND_REVIEWER:
        return (roles & 1u << API_ROLE_SECOND_REVIEWER) != 0 ? second : NULL;
    case CASE_BY_INTAKE_CLERK:
        return (roles & 1u << API_ROLE_INTAKE_CLERK) != 0 ? entry : NULL;
    case CASE_BY_FINANCE:
        return (roles & 1u << API_ROLE_FINANCE) != 0 ? none : NULL;
    case CASE_BY_CUSTOMER_SERVICE:
        /* They may close nearly all; what waits for them is to be retried. */
        return t->event == CASE_RETRY &&
                       (roles & 1u << API_ROLE_CUSTOMER_SERVICE) != 0
                   ? none
                   : NULL;
    default:
        return NULL;
    }
}

/* A device is made while the originals are on their way, or, where the old one
 * is written anew, after the second review. */
static void
add_making(const struct definition *definition, const struct filter *filter,
           struct db_queue *queue)
{
    static const char making[] = "making";
    static const enum case_state before[] = {
        CASE_AWAITING_ORIGINALS, CASE_SECOND_REVIEW, CASE_SUPPLEMENT};

    if (!definition->sends_device)
        return;
    for (size_t i = 0; !definition->sends_after_second &&
                       i < sizeof before / sizeof before[0];
         i++)
        task_add(queue, filter, definition->business, before[i], making);
    task_add(queue, filter, definition->business, CASE_ACTIVATION_ALLOWED,
             making);
}

static void
add_open(enum case_business business, const struct filter *filter,
         struct db_queue *queue)
{
    for (size_t i = 0; i < case_transition_count; i++)
        if ((case_transitions[i].business & 1u << business) != 0 &&
            !case_state_is_final(case_transitions[i].from))
            task_add(queue, filter, business, case_transitions[i].from, "");
}

void
queue_tasks(const struct definitions *definitions, unsigned roles,
            const char *state, const char *business, struct db_queue *queue)
{
    const struct filter filter = {state, business};

    queue->count = 0;
    for (int b = 0; b < BUSINESS_COUNT; b++) {
        enum case_business one = (enum case_business)b;

        if (!queue->is_mine) {
            add_open(one, &filter, queue);
            continue;
        }
        for (size_t i = 0; i < case_transition_count; i++) {
            const struct case_transition *t = &case_transitions[i];
            const char *step;

            if ((t->business & 1u << one) == 0 ||
                (step = step_of(t, roles)) == NULL)
                continue;
            task_add(queue, &filter, one, t->from, step);
        }
        if ((roles & 1u << API_ROLE_MAKER) != 0)
            add_making(definition_get(definitions, one), &filter, queue);
    }
}
