/* The list form of a case: ra/case_json.h. */
#include "ra/case_json.h"

#include "base/json.h"

unsigned
case_actors(const struct caller *caller)
{
    static const struct {
        enum api_role role;
        enum case_actor actor;
    } parts[] = {
        {API_ROLE_FIRST_REVIEWER, CASE_BY_FIRST_REVIEWER},
        {API_ROLE_SECOND_REVIEWER, CASE_BY_SECOND_REVIEWER},
        {API_ROLE_INTAKE_CLERK, CASE_BY_INTAKE_CLERK},
        {API_ROLE_FINANCE, CASE_BY_FINANCE},
        {API_ROLE_CUSTOMER_SERVICE, CASE_BY_CUSTOMER_SERVICE},
    };
    unsigned actors = 0;

    switch (caller->kind) {
    case CALLER_ACCOUNT:
        return 1u << CASE_BY_APPLICANT;
    case CALLER_PLATFORM:
        return 1u << CASE_BY_PLATFORM;
    case CALLER_OFFICER:
        break;
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (caller_has_role(caller, parts[i].role))
            actors |= 1u << parts[i].actor;
    return actors;
}

static json_t *
can_json(enum case_business business, enum case_state state, unsigned actors)
{
    json_t *can = json_array();
    unsigned listed = 0;

    _Static_assert(CASE_EVENT_COUNT <= 32, "events are bits here");
    for (size_t i = 0; i < case_transition_count; i++) {
        const struct case_transition *t = &case_transitions[i];

        if ((t->business & 1u << business) == 0 || t->from != state ||
            (actors & 1u << t->who) == 0 || t->event == CASE_CREATE ||
            (listed & 1u << t->event) != 0)
            continue;
        listed |= 1u << t->event;
        json_array_append_new(can, json_string(case_event_name(t->event)));
    }
    return can;
}

static void
set_time(json_t *json, const char *name, int64_t at)
{
    if (at != 0)
        json_set_time(json, name, at);
}

static void
set_text(json_t *json, const char *name, const char *text)
{
    if (text != NULL)
        json_set_text(json, name, text);
}

json_t *
case_json(const struct db_case *row, unsigned actors)
{
    json_t *json = json_object();
    enum case_business business;
    enum case_state state;

    json_set_text(json, "number", row->number);
    json_set_text(json, "business", row->business);
    json_set_text(json, "account", row->account);
    json_set_text(json, "state", row->state);
    json_set_int(json, "revision", row->revision);
    json_set_text(json, "unit_name", row->unit_name);
    json_set_text(json, "uscc", row->uscc);
    json_set_time(json, "created_at", row->created_at);
    set_time(json, "submitted_at", row->submitted_at);
    json_set_time(json, "changed_at", row->changed_at);
    set_time(json, "deadline_at", row->deadline_at);
    set_time(json, "completed_at", row->completed_at);
    set_text(json, "replaces", row->replaces);
    set_text(json, "device", row->device);
    if (row->predecessor_issuer != NULL) {
        json_t *predecessor = json_object();

        json_set_text(predecessor, "issuer", row->predecessor_issuer);
        json_set_hex(predecessor, "serial", row->predecessor_serial, 16);
        json_object_set_new(json, "predecessor", predecessor);
    }
    json_object_set_new(json, "is_sample", json_boolean(row->is_sample));
    if (case_business_find(row->business, &business) &&
        case_state_find(row->state, &state))
        json_object_set_new(json, "can", can_json(business, state, actors));
    return json;
}
