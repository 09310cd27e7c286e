/* Statements of signet_ra about this part; db/sql_ra.h includes them. */
#ifndef DB_SQL_RA_DEVICE_H
#define DB_SQL_RA_DEVICE_H

/* clang-format off */
#define DB_RA_DEVICE_NAMES                                                     \
    DB_RA_CODE_LOCK, DB_RA_CODE_RECENT, DB_RA_CODE_VOID, DB_RA_CODE_ADD,       \
    DB_RA_CODE_TAKE, DB_RA_CODE_GIVE_BACK, DB_RA_CODE_SPEND,                   \
    DB_RA_CODE_FIND,                                                           \
    DB_RA_DEVICE_STOCK, DB_RA_DEVICE_GET, DB_RA_DEVICE_LOCK,                   \
    DB_RA_DEVICE_LIST, DB_RA_DEVICE_OF_CASE, DB_RA_DEVICE_MOVE,                \
    DB_RA_DEVICE_EVENT, DB_RA_DEVICE_PERSONALISE, DB_RA_DEVICE_PIN_NEXT,       \
    DB_RA_DEVICE_PIN_SHIFT,                                                    \
    DB_RA_SHIPMENT_ADD, DB_RA_SHIPMENT_GET, DB_RA_SHIPMENT_BY_TRACKING,        \
    DB_RA_SHIPMENT_MOVE, DB_RA_SHIPMENT_LIST, DB_RA_SHIPMENT_EVENT,            \
    DB_RA_SHIPMENT_EVENTS, DB_RA_PAPER_LIST, DB_RA_PAPER_SET,                  \
    DB_RA_CLIENT_CASE_OF_ORDER, DB_RA_CLIENT_IS_PROVED,

#define DB_RA_DEVICE_COLUMNS                                                   \
    "SELECT serial, model, state, number, account, spki, admin_sealed,"        \
    " admin_next_sealed, batch, changed_at, transport, transport_signature"    \
    " FROM ra.device"
#define DB_RA_SHIPMENT_COLUMNS                                                 \
    "SELECT id::text, number, direction, carrier, tracking, device, state,"    \
    " changed_at FROM ra.shipment"

/* A code counts while it is not spent, has tries left and is not outdated;
 * what is voided has no tries left. */
#define DB_RA_DEVICE_STATEMENTS                                                \
    [DB_RA_CODE_LOCK] =                                                        \
        {"ra_code_lock",                                                       \
         "SELECT id::text FROM ra.code"                                        \
         " WHERE ($3::bytea IS NULL AND number = $1 AND purpose = $2)"         \
         " OR destination = $3 ORDER BY made_at DESC, id LIMIT 1 FOR UPDATE"}, \
    [DB_RA_CODE_RECENT] =                                                      \
        {"ra_code_recent",                                                     \
         "SELECT (SELECT max(made_at) FROM ra.code"                            \
         " WHERE number = $1 AND purpose = $2),"                               \
         " (SELECT made_at FROM ra.code WHERE made_at > $4"                    \
         " AND (($3::bytea IS NULL AND number = $1 AND purpose = $2)"          \
         " OR destination = $3)"                                               \
         " ORDER BY made_at DESC OFFSET $5 LIMIT 1)"},                         \
    [DB_RA_CODE_VOID] =                                                        \
        {"ra_code_void",                                                       \
         "UPDATE ra.code SET tries_left = 0 WHERE number = $1"                 \
         " AND purpose = $2 AND used_at IS NULL AND tries_left > 0"},          \
    [DB_RA_CODE_ADD] =                                                         \
        {"ra_code_add",                                                        \
         "INSERT INTO ra.code (id, number, purpose, hash, destination,"        \
         " expires_at, tries_left, made_at)"                                   \
         " VALUES ($1::uuid, $2, $3, $4, $5, $6, $7, $8)"},                    \
    [DB_RA_CODE_TAKE] =                                                        \
        {"ra_code_take",                                                       \
         "UPDATE ra.code SET tries_left = tries_left - 1"                      \
         " WHERE number = $1 AND purpose = $2 AND used_at IS NULL"             \
         " AND tries_left > 0 AND expires_at > $3"                             \
         " RETURNING id::text, hash"},                                         \
    [DB_RA_CODE_GIVE_BACK] =                                                   \
        {"ra_code_give_back",                                                  \
         "UPDATE ra.code SET tries_left = tries_left + 1"                      \
         " WHERE id = $1::uuid AND used_at IS NULL"},                          \
    [DB_RA_CODE_SPEND] =                                                       \
        {"ra_code_spend",                                                      \
         "UPDATE ra.code SET used_at = $3 WHERE number = $1"                   \
         " AND purpose = $2 AND used_at IS NULL AND tries_left > 0"            \
         " AND expires_at > $3"},                                              \
    [DB_RA_CODE_FIND] =                                                        \
        {"ra_code_find",                                                       \
         "SELECT number FROM ra.code WHERE purpose = $1 AND hash = $2"         \
         " AND used_at IS NULL AND tries_left > 0 AND expires_at > $3"},       \
                                                                               \
    [DB_RA_DEVICE_STOCK] =                                                     \
        {"ra_device_stock",                                                    \
         "INSERT INTO ra.device (serial, model, state, batch, changed_at)"     \
         " SELECT s, $2, 'in-stock', $3, $4 FROM unnest($1::text[]) AS s"      \
         " ON CONFLICT DO NOTHING"},                                           \
    [DB_RA_DEVICE_GET] = {"ra_device_get", DB_RA_DEVICE_COLUMNS                \
                          " WHERE serial = $1"},                               \
    [DB_RA_DEVICE_LOCK] = {"ra_device_lock", DB_RA_DEVICE_COLUMNS              \
                           " WHERE serial = $1 FOR UPDATE"},                   \
    [DB_RA_DEVICE_LIST] =                                                      \
        {"ra_device_list", DB_RA_DEVICE_COLUMNS                                \
         " WHERE ($1::text IS NULL OR state = $1) AND serial > $2"             \
         " ORDER BY serial LIMIT $3"},                                         \
    [DB_RA_DEVICE_OF_CASE] = {"ra_device_of_case", DB_RA_DEVICE_COLUMNS        \
                              " WHERE number = $1 ORDER BY serial"},           \
    [DB_RA_DEVICE_MOVE] =                                                      \
        {"ra_device_move",                                                     \
         "UPDATE ra.device SET state = $3, number = $4, account = $5,"         \
         " changed_at = $6 WHERE serial = $1 AND state = $2"},                 \
    [DB_RA_DEVICE_EVENT] =                                                     \
        {"ra_device_event",                                                    \
         "INSERT INTO ra.device_event (serial, seq, at, from_state, to_state," \
         " actor, number) SELECT $1, coalesce(max(seq), 0) + 1, $2, $3, $4,"   \
         " $5, $6 FROM ra.device_event WHERE serial = $1"},                    \
    [DB_RA_DEVICE_PERSONALISE] =                                               \
        {"ra_device_personalise",                                              \
         "UPDATE ra.device SET spki = $2, admin_sealed = $3,"                  \
         " admin_next_sealed = NULL, transport = $4, transport_signature = $5" \
         " WHERE serial = $1"},                                                \
    [DB_RA_DEVICE_PIN_NEXT] =                                                  \
        {"ra_device_pin_next",                                                 \
         "UPDATE ra.device SET admin_next_sealed = $2 WHERE serial = $1"       \
         " AND admin_next_sealed IS NULL"},                                    \
    [DB_RA_DEVICE_PIN_SHIFT] =                                                 \
        {"ra_device_pin_shift",                                                \
         "UPDATE ra.device SET admin_sealed = $2, admin_next_sealed = NULL"    \
         " WHERE serial = $1 AND admin_next_sealed IS NOT NULL"},              \
                                                                               \
    [DB_RA_SHIPMENT_ADD] =                                                     \
        {"ra_shipment_add",                                                    \
         "INSERT INTO ra.shipment (id, number, direction, carrier, tracking,"  \
         " device, state, changed_at)"                                         \
         " VALUES ($1::uuid, $2, $3, $4, $5, $6, $7, $8)"                      \
         " ON CONFLICT (carrier, tracking) DO NOTHING"},                       \
    [DB_RA_SHIPMENT_GET] = {"ra_shipment_get", DB_RA_SHIPMENT_COLUMNS          \
                            " WHERE id = $1::uuid FOR UPDATE"},                \
    [DB_RA_SHIPMENT_BY_TRACKING] =                                             \
        {"ra_shipment_by_tracking", DB_RA_SHIPMENT_COLUMNS                     \
         " WHERE carrier = $1 AND tracking = $2 FOR UPDATE"},                  \
    [DB_RA_SHIPMENT_MOVE] =                                                    \
        {"ra_shipment_move",                                                   \
         "UPDATE ra.shipment SET state = $3, changed_at = $4"                  \
         " WHERE id = $1::uuid AND state = $2"},                               \
    [DB_RA_SHIPMENT_LIST] = {"ra_shipment_list", DB_RA_SHIPMENT_COLUMNS        \
                             " WHERE number = $1 ORDER BY changed_at, id"},    \
    [DB_RA_SHIPMENT_EVENT] =                                                   \
        {"ra_shipment_event",                                                  \
         "INSERT INTO ra.shipment_event (shipment, event_id, at, status,"      \
         " place) VALUES ($1::uuid, $2, $3, $4, $5) ON CONFLICT DO NOTHING"},  \
    [DB_RA_SHIPMENT_EVENTS] =                                                  \
        {"ra_shipment_events",                                                 \
         "SELECT e.shipment::text, e.event_id, e.at, e.status, e.place"        \
         " FROM ra.shipment_event e JOIN ra.shipment s ON s.id = e.shipment"   \
         " WHERE s.number = $1 ORDER BY e.at, e.event_id"},                    \
                                                                               \
    [DB_RA_PAPER_LIST] =                                                       \
        {"ra_paper_list",                                                      \
         "SELECT slot, state, remark, changed_at FROM ra.paper"                \
         " WHERE number = $1 ORDER BY slot"},                                  \
    [DB_RA_PAPER_SET] =                                                        \
        {"ra_paper_set",                                                       \
         "UPDATE ra.paper SET state = $3, remark = $4, officer_id = $5::uuid," \
         " changed_at = $6 WHERE number = $1 AND slot = $2"},                  \
                                                                               \
    [DB_RA_CLIENT_CASE_OF_ORDER] =                                             \
        {"ra_client_case_of_order",                                            \
         "SELECT number FROM ra.case_file WHERE order_id = $1::uuid"           \
         " UNION SELECT number FROM ra.case_order"                             \
         " WHERE order_id = $1::uuid LIMIT 1"},                                \
    [DB_RA_CLIENT_IS_PROVED] =                                                 \
        {"ra_client_is_proved",                                                \
         "SELECT EXISTS (SELECT FROM ra.case_history WHERE number = $1"        \
         " AND event = 'device-proved')"},

/* clang-format on */

#endif
