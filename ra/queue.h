/*
 * The officers' work queue: what waits where for whom, from the table of
 * transitions and the definitions. Pure; db/case_read.h asks.
 */
#ifndef RA_QUEUE_H
#define RA_QUEUE_H

#include "ca-core/api.h"
#include "db/case_read.h"
#include "ra/definition.h"

/* Fills in the tasks of the queue. `is_mine` of it: those of `roles` (bits: 1
 * << enum api_role); else every state that is not final. `state` and `business`
 * (NULL: any) narrow it. */
void queue_tasks(const struct definitions *definitions, unsigned roles,
                 const char *state, const char *business,
                 struct db_queue *queue);

#endif
