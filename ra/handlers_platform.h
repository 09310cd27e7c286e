/* Calls of the host platform (docs/platform.md), and forms of cases. */
#ifndef RA_HANDLERS_PLATFORM_H
#define RA_HANDLERS_PLATFORM_H

#include "ra/handlers.h"

http_handler handle_platform_account_put;
http_handler handle_platform_account_show;
http_handler handle_platform_import;
http_handler handle_platform_session;
http_handler handle_platform_progress;
http_handler handle_platform_bind;
http_handler handle_platform_unbind;

http_handler handle_form_show;

#endif
