/* Calls about sessions, officers and their cases, and the pages. */
#ifndef RA_HANDLERS_SESSION_H
#define RA_HANDLERS_SESSION_H

#include "ra/handlers.h"

http_handler handle_session_ticket;
http_handler handle_session_passkey_options;
http_handler handle_session_passkey;
http_handler handle_session_show;
http_handler handle_session_end;
http_handler handle_session_list;
http_handler handle_session_end_other;

http_handler handle_officer_list;
http_handler handle_officer_case_create;
http_handler handle_officer_case_list;
http_handler handle_officer_case_show;
http_handler handle_officer_case_invitation;
http_handler handle_officer_case_credential;
http_handler handle_officer_case_decide;
http_handler handle_officer_case_withdraw;

http_handler handle_static; /* portal and console: ra/static.h */

#endif
