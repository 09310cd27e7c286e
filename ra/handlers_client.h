/* The holder's client and its pages over HTTP (docs/openapi.yaml). */
#ifndef RA_HANDLERS_CLIENT_H
#define RA_HANDLERS_CLIENT_H

#include "ra/handlers.h"

/* Of the account, in its page: POST /cases/{number}/... */
http_handler handle_client_code;     /* client-code */
http_handler handle_activation_code; /* activation-code */
http_handler handle_handler_code;    /* handler-code */
http_handler handle_handler_confirm; /* handler-confirmation */

/* Of the client: /client/... */
http_handler handle_client_challenge;       /* POST challenges */
http_handler handle_client_proof;           /* POST proofs */
http_handler handle_client_activation_open; /* POST activations */
http_handler handle_client_activate;        /* POST activations/{id} */
http_handler handle_client_activation_show; /* GET activations/{id} */
http_handler handle_client_renewal_request; /* POST renewals/{number}/request */
http_handler handle_client_renewal_sign;    /* .../signature */
http_handler handle_client_renewal_installed; /* .../installed */
http_handler handle_client_keys;              /* POST keys */
http_handler handle_client_keys_received;     /* POST keys/received */
http_handler handle_client_unlock_code;       /* POST unlocks/{number}/code */
http_handler handle_client_unlock_verify;     /* .../verification */
http_handler handle_client_unlock_release;    /* .../administrator-pin */
http_handler handle_client_unlock_done;       /* .../done */
http_handler handle_client_unlock_failed;     /* .../failed */
http_handler handle_client_recovery_begin;    /* POST recoveries */
http_handler handle_client_seal_installed; /* POST seals/{number}/installed */

#endif
