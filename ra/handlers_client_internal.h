/* What the files of ra/handlers_client*.c share. */
#ifndef RA_HANDLERS_CLIENT_INTERNAL_H
#define RA_HANDLERS_CLIENT_INTERNAL_H

#include "base/http.h"
#include "ra/case.h"

enum { CLIENT_CODE_TEXT_MAX = 32 }; /* as typed, with blanks and hyphens */

/* An answer that no cache keeps. */
void client_reply_secret(struct http_response *res, int status,
                         json_t *take_object);
/* {"number", "state"}. */
json_t *client_state_json(const char *number, enum case_state state);

#endif
