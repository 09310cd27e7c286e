/*
 * The job that sends orders which the CA has not answered: after a crash of
 * either side, a cut line, a token that was away. It runs in every signet-ra;
 * a row is taken by one of them at a time.
 */
#ifndef RA_OUTBOX_H
#define RA_OUTBOX_H

#include "ra/handlers.h"

struct outbox;

/* Starts the thread. `ra` is borrowed. */
bool outbox_start(struct ra *ra, struct outbox **out,
                  struct error *err) MUST_CHECK;
/* Ends it after the order it is at. NULL is nothing. */
void outbox_stop(struct outbox *outbox);

#endif
