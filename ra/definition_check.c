/* Whether the XML of a business and the table of transitions (ra/case.c) say
 * the same: ra/definition.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ra/calendar.h"
#include "ra/definition_internal.h"
#include "ra/field.h"

/* ---- The table
 * ---------------------------------------------------------------- */

/* The first transition of the business that satisfies all that is asked;
 * CASE_STATE_COUNT and its kin: anything. */
static const struct case_transition *
transition(const struct definition *d, enum case_state from,
           enum case_event event, enum case_state to, enum case_actor who)
{
    for (size_t i = 0; i < case_transition_count; i++) {
        const struct case_transition *t = &case_transitions[i];

        if ((t->business & 1u << d->business) != 0 &&
            (from == CASE_STATE_COUNT || t->from == from) &&
            (event == CASE_EVENT_COUNT || t->event == event) &&
            (to == CASE_STATE_COUNT || t->to == to) &&
            (who == CASE_ACTOR_COUNT || t->who == who))
            return t;
    }
    return NULL;
}

static bool
has_state(const struct definition *d, enum case_state state)
{
    return transition(d, CASE_STATE_COUNT, CASE_EVENT_COUNT, state,
                      CASE_ACTOR_COUNT) != NULL;
}

static unsigned
all_effects(const struct definition *d)
{
    unsigned all = 0;

    for (size_t i = 0; i < case_transition_count; i++)
        if ((case_transitions[i].business & 1u << d->business) != 0)
            all |= case_transitions[i].effect;
    return all;
}

static bool
wrong(struct error *err, const char *what)
{
    return error_set(err, ERROR_INPUT, "%s", what);
}

/* ---- Head, reviews, mailing, fee
 * ------------------------------------------------ */

static bool
reviews_check(const struct definition *d, struct error *err)
{
    int reviews = has_state(d, CASE_SECOND_REVIEW)  ? 2
                  : has_state(d, CASE_FIRST_REVIEW) ? 1
                  : has_state(d, CASE_IN_REVIEW)    ? 1
                                                    : 0;

    if (d->reviews != reviews)
        return error_set(err, ERROR_INPUT,
                         "reviews: %d, but the way of a case has %d",
                         d->reviews, reviews);
    if ((d->profile != NULL) != ((all_effects(d) & EFFECT_ISSUE) != 0))
        return wrong(err, "a profile belongs to a business that issues a "
                          "certificate");
    if ((d->encryption != NULL) != (d->encryption_key != NULL) ||
        (d->encryption != NULL && d->profile == NULL))
        return wrong(err, "encryption and encryption-key go together, beside "
                          "a profile");
    return true;
}

static bool
mailing_check(const struct definition *d, struct error *err)
{
    bool has_papers = d->returns_device;

    for (size_t i = 0; i < d->slot_count; i++)
        has_papers = has_papers || d->slot[i].copies > 0;
    if (has_papers != has_state(d, CASE_AWAITING_ORIGINALS))
        return wrong(err, "copies by mail belong to a business that waits for "
                          "originals");
    if (d->sends_device != has_state(d, CASE_ACTIVATION_ALLOWED))
        return wrong(err, "a device is sent in a business that ends in "
                          "activation");
    return !d->sends_after_second || d->returns_device ||
           wrong(err, "a device goes out after the second review only if the "
                      "old one comes back before");
}

static bool
fee_check(const struct definition *d, struct error *err)
{
    bool is_per_year = false;

    for (size_t i = 0; i < d->price_count; i++)
        is_per_year = is_per_year || d->price[i].is_per_year;
    if (d->price_count > 0 && !has_state(d, CASE_AWAITING_PAYMENT))
        return wrong(err, "a fee, but no state that waits for payment");
    if (is_per_year && definition_field_find(d, "years") == NULL)
        return wrong(err, "a fee by years, but no field \"years\"");
    return true;
}

/* ---- Fields and slots
 * -------------------------------------------------------------- */

/* A `when` names a field among the first `count` and a value that it can have.
 */
static bool
when_check(const struct definition *d, const char *when, size_t count,
           struct error *err)
{
    const char *value;
    size_t len;

    if (when == NULL)
        return true;
    value = strchr(when, '=') + 1;
    len = strcspn(when, "!=");
    for (size_t i = 0; i < count; i++) {
        const struct definition_field *field = &d->field[i];

        if (strlen(field->name) != len || strncmp(field->name, when, len) != 0)
            continue;
        if (field->type == FIELD_FLAG &&
            (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0))
            return true;
        for (size_t k = 0; k < field->choice_count; k++)
            if (strcmp(field->choice[k].value, value) == 0)
                return true;
    }
    return error_set(err, ERROR_INPUT,
                     "when \"%s\": no field before it that can have this value",
                     when);
}

static bool
field_check(const struct definition *d, size_t i, struct error *err)
{
    const struct definition_field *field = &d->field[i];
    struct buf clean = BUF_INIT(FIELD_VALUE_MAX);
    json_t *value;
    bool ok = true;

    if (!when_check(d, field->when, i, err))
        return error_wrap(err, "field %s", field->name);
    if (field->type == FIELD_UNIT_NAME && field->max > 64)
        return error_set(err, ERROR_INPUT,
                         "field %s: a name in a certificate has at most 64 "
                         "characters (RFC 5280, appendix A.1)",
                         field->name);
    if (field->otherwise == NULL)
        return true;
    value = json_string(field->otherwise);
    ok = field_judge(field, NULL, value, &clean, err) ||
         error_wrap(err, "field %s: default", field->name);
    json_decref(value);
    buf_clear(&clean);
    return ok;
}

static bool
fields_check(const struct definition *d, struct error *err)
{
    /* For lists and search, and to tell people. */
    static const char *const needed[] = {"unit_name", "uscc", "handler_mobile"};

    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (definition_field_find(d, needed[i]) == NULL)
            return error_set(err, ERROR_INPUT, "field \"%s\" is missing",
                             needed[i]);
    for (size_t i = 0; i < d->field_count; i++)
        if (!field_check(d, i, err))
            return false;
    if ((d->agreement_version != NULL) !=
        (definition_field_find(d, "agreement") != NULL))
        return wrong(err, "an agreement is accepted by a field \"agreement\"");
    return true;
}

static bool
slots_check(const struct definition *d, struct error *err)
{
    bool has_form = false;

    for (size_t i = 0; i < d->slot_count; i++) {
        if (!when_check(d, d->slot[i].when, d->field_count, err))
            return error_wrap(err, "slot %s", d->slot[i].name);
        has_form = has_form || d->slot[i].form != NULL;
    }
    return has_form == has_state(d, CASE_FORM_READY) ||
           wrong(err, "a form belongs to a business that waits for documents");
}

/* ---- Timers
 * -----------------------------------------------------------------------------
 */

static bool
timers_check(const struct definition *d, struct error *err)
{
    for (size_t i = 0; i < d->timer_count; i++) {
        const struct definition_timer *timer = &d->timer[i];

        if (transition(d, timer->state, timer->event, CASE_STATE_COUNT,
                       CASE_BY_TIMER) == NULL)
            return error_set(
                err, ERROR_INPUT, "a timer in state %s, which cannot be %s",
                case_state_name(timer->state), case_event_name(timer->event));
        if (timer->is_working_days && timer->days > CALENDAR_WORKING_MAX)
            return error_set(err, ERROR_INPUT,
                             "a timer in state %s of more than %d working days",
                             case_state_name(timer->state),
                             CALENDAR_WORKING_MAX);
    }
    /* Where a timer is to act, there is one: no case stands for ever. */
    for (size_t i = 0; i < case_transition_count; i++) {
        const struct case_transition *t = &case_transitions[i];
        bool has_timer = false;

        if ((t->business & 1u << d->business) == 0 || t->who != CASE_BY_TIMER)
            continue;
        for (size_t k = 0; k < d->timer_count; k++)
            has_timer = has_timer || (d->timer[k].state == t->from &&
                                      d->timer[k].event == t->event);
        if (!has_timer)
            return error_set(
                err, ERROR_INPUT, "state %s wants a timer by which it is %s",
                case_state_name(t->from), case_event_name(t->event));
    }
    return true;
}

/* ---- Notices
 * ------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    const char *values; /* each with a blank on both sides */
} other_events[] = {
    {"shipped", " carrier tracking "},
    {"delivered", " carrier tracking "},
    {"papers-wanted", " wanted "},
    {"payment-partial", " amount wanted "},
    {"payment-surplus", " amount "},
    {"payment-late", " amount "},
    {"refunded", " amount "},
    {"invoiced", " invoice "},
    {"certificate-expiring", " serial not_after days "},
    {"certificate-held", " serial not_after days "},
    {"certificate-released", " serial not_after days "},
    {"certificate-revoked", " serial not_after days "},
    {"certificate-left-held", " serial "},
    {"old-keys-ready", ""},
    {"old-keys-failed", ""},
};

static bool
is_among(const char *list, const char *name, size_t len)
{
    char word[40];

    if (len > sizeof word - 3)
        return false;
    snprintf(word, sizeof word, " %.*s ", (int)len, name);
    return strstr(list, word) != NULL;
}

/* Every ${name} of a text is one that can be filled in here. */
static bool
values_check(const char *text, const char *more, struct error *err)
{
    static const char always[] = " number business unit_name state centre "
                                 "hotline remark deadline ";
    const char *at = text;

    while ((at = strstr(at, "${")) != NULL) {
        size_t len = strcspn(at + 2, "}");

        if (at[2 + len] != '}' ||
            (!is_among(always, at + 2, len) && !is_among(more, at + 2, len)))
            return error_set(err, ERROR_INPUT, "${%.*s}: not known here",
                             (int)(len > 40 ? 40 : len), at + 2);
        at += 2 + len;
    }
    return true;
}

/* What besides the usual can be filled in; NULL when there is no such event. */
static const char *
notice_values(const struct definition *d, const struct definition_notice *n)
{
    if (n->event == CASE_EVENT_COUNT) {
        for (size_t i = 0; i < sizeof other_events / sizeof other_events[0];
             i++)
            if (strcmp(other_events[i].name, n->name) == 0)
                return other_events[i].values;
        return NULL;
    }
    for (size_t i = 0; i < case_transition_count; i++) {
        const struct case_transition *t = &case_transitions[i];

        if ((t->business & 1u << d->business) != 0 && t->event == n->event &&
            (n->to == CASE_STATE_COUNT || t->to == n->to))
            /* A code goes to a telephone, and nowhere else. */
            return (t->effect & EFFECT_CODE) != 0 &&
                           strcmp(n->channel, "sms") == 0
                       ? " code "
                       : "";
    }
    return NULL;
}

static bool
notice_check(const struct definition *d, const struct definition_notice *n,
             struct error *err)
{
    const char *values = notice_values(d, n);

    if (values == NULL)
        return error_set(err, ERROR_INPUT, "nothing leads to it");
    for (int i = 0; i < DEFINITION_LANGUAGES; i++)
        if (!values_check(n->text.in[i], values, err) ||
            !values_check(n->subject.in[i], values, err))
            return false;
    return true;
}

/* Where a code is drawn, a text message brings it. */
static bool
codes_check(const struct definition *d, struct error *err)
{
    for (size_t i = 0; i < case_transition_count; i++) {
        const struct case_transition *t = &case_transitions[i];
        bool is_told = false;

        if ((t->business & 1u << d->business) == 0 ||
            (t->effect & EFFECT_CODE) == 0)
            continue;
        for (size_t k = 0; k < d->notice_count; k++) {
            const struct definition_notice *n = &d->notices[k];

            is_told =
                is_told || (n->event == t->event &&
                            (n->to == t->to || n->to == CASE_STATE_COUNT) &&
                            strstr(n->text.in[0], "${code}") != NULL &&
                            strstr(n->text.in[1], "${code}") != NULL);
        }
        if (!is_told)
            return error_set(err, ERROR_INPUT,
                             "no text message brings the code when a case "
                             "that is %s is %s",
                             case_state_name(t->from),
                             case_event_name(t->event));
    }
    return true;
}

bool
definition_check(const struct definition *d, struct error *err)
{
    if (!reviews_check(d, err) || !mailing_check(d, err) ||
        !fee_check(d, err) || !fields_check(d, err) || !slots_check(d, err) ||
        !timers_check(d, err))
        return false;
    for (size_t i = 0; i < d->notice_count; i++)
        if (!notice_check(d, &d->notices[i], err))
            return error_wrap(err, "notice of %s by %s", d->notices[i].name,
                              d->notices[i].channel);
    return codes_check(d, err);
}
