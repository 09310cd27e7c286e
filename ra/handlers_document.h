/* Documents over HTTP (docs/openapi.yaml). */
#ifndef RA_HANDLERS_DOCUMENT_H
#define RA_HANDLERS_DOCUMENT_H

#include "ra/handlers.h"

/* Of /v1/cases/{number}/documents/{slot}: */
http_handler handle_document_add; /* PUT; ?name=FILE; an http_upload */
http_handler handle_document_remove;
http_handler handle_document_original;
http_handler handle_document_page; /* GET .../pages/{page} */

#endif
