/* `signet business list|check|graph` and `signet calendar import`. */
#include "ra/cli/cli_business.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "ra/calendar.h"
#include "ra/cli/ra_client.h"
#include "ra/definition.h"

enum { GRAPH_MAX = 256 * 1024 };

/* ---- Definitions ------------------------------------------------------------
 */

/* From the folder given, or the installed one. */
static bool
load(struct cli *cli, const char *folder, struct definitions **out,
     struct error *err)
{
    return definitions_load(
        folder == NULL ? config_path(cli->config, "ra.business_dir") : folder,
        config_path(cli->config, "schema_dir"), out, err);
}

static void
print_one(const struct definition *definition, int64_t now)
{
    json_t *json = definition_json(definition, now);
    const json_t *price = json_object_get(json, "price");
    long long amount =
        (long long)json_integer_value(json_object_get(price, "amount"));
    bool is_per_year = json_is_true(json_object_get(price, "is_per_year"));
    char fee[32] = "-";

    if (amount > 0)
        snprintf(fee, sizeof fee, "%lld.%02lld%s", amount / 100, amount % 100,
                 is_per_year ? "/year" : "");
    printf("%s\t%s\t%s\treviews %d\tfee %s\tfields %zu\tslots %zu\n",
           case_business_name(definition->business), definition->name.in[0],
           definition->name.in[1], definition->reviews, fee,
           definition->field_count, definition->slot_count);
    json_decref(json);
}

static int
run_list(struct cli *cli)
{
    bool is_json = cli_flag(cli, "--json");
    struct definitions *all = NULL;
    json_t *list = json_array();
    struct error err = {0};
    int64_t now = clock_now();

    if (!cli_rest(cli, 0)) {
        json_decref(list);
        return 2;
    }
    if (!load(cli, NULL, &all, &err)) {
        json_decref(list);
        return cli_fail(cli, &err);
    }
    for (int i = 0; i < BUSINESS_COUNT; i++) {
        const struct definition *one =
            definition_get(all, (enum case_business)i);

        if (is_json)
            json_array_append_new(list, definition_json(one, now));
        else
            print_one(one, now);
    }
    if (is_json)
        ra_client_print(list);
    json_decref(list);
    definitions_free(all);
    return 0;
}

static int
run_check(struct cli *cli)
{
    struct definitions *all = NULL;
    struct error err = {0};

    if (cli->argc > 1 || !cli_rest(cli, -1))
        return 2;
    if (!load(cli, cli->argc == 1 ? cli->argv[0] : NULL, &all, &err))
        return cli_fail(cli, &err);
    definitions_free(all);
    printf("the businesses agree with their schema and with the table of "
           "transitions\n");
    return 0;
}

/* ---- The picture
 * ---------------------------------------------------------------- */

static bool
is_of(const struct case_transition *t, enum case_business business)
{
    return (t->business & 1u << business) != 0;
}

/* " [a, b]" or "": the names of the bits that are set. */
static void
add_guards(struct buf *out, unsigned guard)
{
    const char *between = "\\n[";

    for (unsigned bit = 1; bit != 0 && bit <= guard; bit <<= 1)
        if ((guard & bit) != 0) {
            buf_addf(out, "%s%s", between,
                     case_guard_name((enum case_guard)bit));
            between = ", ";
        }
    if (guard != 0)
        buf_add_text(out, "]");
}

static void
add_effects(struct buf *out, unsigned effect)
{
    const char *between = "\\n/ ";

    for (unsigned bit = 1; bit != 0 && bit <= effect; bit <<= 1)
        if ((effect & bit) != 0) {
            buf_addf(out, "%s%s", between,
                     case_effect_name((enum case_effect)bit));
            between = ", ";
        }
}

/* Whoever acts has a colour. */
static const char *
colour(enum case_actor who)
{
    switch (who) {
    case CASE_BY_APPLICANT:
    case CASE_BY_HOLDER:
        return "#1f5fa8";
    case CASE_BY_FIRST_REVIEWER:
    case CASE_BY_SECOND_REVIEWER:
    case CASE_BY_INTAKE_CLERK:
        return "#a03c1f";
    case CASE_BY_FINANCE:
    case CASE_BY_CUSTOMER_SERVICE:
    case CASE_BY_PLATFORM:
        return "#2f7a3d";
    default:
        return "#666666";
    }
}

/* Whether a transition before this one goes the same way. */
static bool
is_drawn(size_t at, enum case_business business)
{
    const struct case_transition *t = &case_transitions[at];

    for (size_t i = 0; i < at; i++)
        if (is_of(&case_transitions[i], business) &&
            case_transitions[i].from == t->from &&
            case_transitions[i].to == t->to)
            return true;
    return false;
}

/* All transitions from one state to another are one line. */
static void
add_edge(struct buf *out, size_t at, enum case_business business)
{
    const struct case_transition *first = &case_transitions[at];
    const char *between = "";

    buf_addf(out, "  \"%s\" -> \"%s\" [color=\"%s\", label=\"",
             case_state_name(first->from), case_state_name(first->to),
             colour(first->who));
    for (size_t i = at; i < case_transition_count; i++) {
        const struct case_transition *t = &case_transitions[i];

        if (!is_of(t, business) || t->from != first->from || t->to != first->to)
            continue;
        buf_addf(out, "%s%s: %s", between, case_event_name(t->event),
                 case_actor_name(t->who));
        add_guards(out, t->guard);
        add_effects(out, t->effect);
        between = "\\n";
    }
    buf_add_text(out, "\"];\n");
}

static void
add_states(struct buf *out, enum case_business business)
{
    bool is_there[CASE_STATE_COUNT] = {false};

    for (size_t i = 0; i < case_transition_count; i++)
        if (is_of(&case_transitions[i], business)) {
            is_there[case_transitions[i].from] = true;
            is_there[case_transitions[i].to] = true;
        }
    for (int i = 0; i < CASE_STATE_COUNT; i++)
        if (is_there[i])
            buf_addf(out, "  \"%s\"%s;\n", case_state_name((enum case_state)i),
                     case_state_is_final((enum case_state)i)
                         ? " [peripheries=2]"
                         : "");
}

static void
graph(enum case_business business, struct buf *out)
{
    buf_addf(out,
             "digraph \"%s\" {\n"
             "  graph [fontname=\"sans-serif\", nodesep=0.5, ranksep=0.6];\n"
             "  node [shape=box, style=\"rounded,filled\", "
             "fillcolor=\"#f6f6f2\", color=\"#444444\", "
             "fontname=\"sans-serif\", fontsize=12];\n"
             "  edge [fontname=\"sans-serif\", fontsize=9, "
             "fontcolor=\"#333333\", arrowsize=0.7];\n",
             case_business_name(business));
    add_states(out, business);
    for (size_t i = 0; i < case_transition_count; i++)
        if (is_of(&case_transitions[i], business) && !is_drawn(i, business))
            add_edge(out, i, business);
    buf_add_text(out, "}\n");
}

static int
run_graph(struct cli *cli)
{
    struct buf out = BUF_INIT(GRAPH_MAX);
    enum case_business business;
    struct error err = {0};
    bool is_wrong = false;
    const char *format = cli_option(cli, "--format", &is_wrong);

    if (is_wrong || !cli_rest(cli, 1) ||
        (format != NULL && strcmp(format, "dot") != 0))
        return 2;
    if (!case_business_find(cli->argv[0], &business)) {
        error_set(&err, ERROR_NOT_FOUND, "no business \"%s\"", cli->argv[0]);
        return cli_fail(cli, &err);
    }
    graph(business, &out);
    fputs(buf_text(&out), stdout);
    buf_clear(&out);
    return 0;
}

/* ---- Calendar
 * ------------------------------------------------------------------------ */

static int
run_import(struct cli *cli)
{
    bool is_wrong = false;
    const char *folder = cli_option(cli, "--officer", &is_wrong);
    struct buf csv = BUF_INIT(CALENDAR_CSV_MAX);
    struct http_client *client = NULL;
    struct http_answer answer = {0};
    struct error err = {0};
    size_t count = 0;
    bool ok = false;

    if (is_wrong || folder == NULL || !cli_rest(cli, 1))
        return 2;
    /* Judged here too: a wrong line is told without a service. */
    if (text_file_read(cli->argv[0], CALENDAR_CSV_MAX, &csv, &err) &&
        calendar_parse(buf_text(&csv), csv.len, NULL, NULL, &count, &err) &&
        ra_client_for_officer(cli, folder, &client, &err))
        ok = http_client_call(client, HTTP_POST, "/v1/calendar/import",
                              "text/csv", csv.data, csv.len, &answer, &err) &&
             (answer.status < 400 || http_answer_error(&answer, &err));
    if (ok)
        printf("%zu days\n", count);
    http_answer_clear(&answer);
    http_client_free(client);
    buf_clear(&csv);
    return ok ? 0 : cli_fail(cli, &err);
}

const struct cli_verb business_verbs[] = {
    {"business list", "[--json]", "The businesses, their fees and reviews.",
     true, run_list},
    {"business check", "[FOLDER]", "Judges the definitions of the businesses.",
     true, run_check},
    {"business graph", "NAME [--format dot]",
     "The way of a case, from the table of transitions, for Graphviz.", false,
     run_graph},
    {"calendar import", "FILE --officer FOLDER",
     "Takes holidays and make-up days from a CSV.", true, run_import},
    {0},
};
