/* Cases as the API gives them: the list form (docs/openapi.yaml, Case). */
#ifndef RA_CASE_JSON_H
#define RA_CASE_JSON_H

#include <jansson.h>

#include "db/case_file.h"
#include "ra/caller.h"
#include "ra/case.h"

/* Whose part in the table of transitions a caller plays: bits, 1 << enum
 * case_actor. An officer plays one for each role. */
unsigned case_actors(const struct caller *caller);

/* {"number", "business", "account", "state", "revision", "unit_name", "uscc",
 * "created_at", "submitted_at"?, "changed_at", "deadline_at"?, "completed_at"?,
 * "replaces"?, "device"?, "predecessor"?: {"issuer", "serial"}, "is_sample",
 * "can": [names of events]}; `can` says what the table offers these actors in
 * this state, guards not judged. The caller owns it. */
json_t *case_json(const struct db_case *row, unsigned actors);

#endif
