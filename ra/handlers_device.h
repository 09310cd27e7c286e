/* Devices, parcels and papers over HTTP (docs/openapi.yaml). */
#ifndef RA_HANDLERS_DEVICE_H
#define RA_HANDLERS_DEVICE_H

#include "ra/handlers.h"

/* ra/handlers_device.c: makers, and clerks for what comes back. */
http_handler handle_device_list;        /* GET /devices */
http_handler handle_device_stock;       /* POST /devices */
http_handler handle_device_allocate;    /* POST /cases/{number}/device */
http_handler handle_device_show;        /* GET /cases/{number}/device */
http_handler handle_device_personalise; /* POST /devices/{serial}/personalise */
http_handler handle_device_state;       /* POST /devices/{serial}/state */

/* ra/handlers_intake.c */
http_handler handle_shipment_create;  /* POST /cases/{number}/shipments */
http_handler handle_shipment_deliver; /* POST /shipments/{id}/delivered */
http_handler handle_courier;          /* POST /callbacks/courier */
http_handler handle_intake;           /* POST /intake */
http_handler handle_papers;           /* POST /cases/{number}/papers */

#endif
