/* OIDs of the types we exchange (PostgreSQL's pg_type.dat; they never change)
 * and its time: microseconds since 2000-01-01. */
#ifndef DB_DB_TYPE_H
#define DB_DB_TYPE_H

#include <stdint.h>

enum {
    DB_TYPE_BOOL = 16,
    DB_TYPE_BYTEA = 17,
    DB_TYPE_NAME = 19,
    DB_TYPE_INT8 = 20,
    DB_TYPE_INT2 = 21,
    DB_TYPE_INT4 = 23,
    DB_TYPE_TEXT = 25,
    DB_TYPE_VARCHAR = 1043,
    DB_TYPE_TIMESTAMPTZ = 1184,
    DB_TYPE_BYTEA_ARRAY = 1001,
    DB_TYPE_TEXT_ARRAY = 1009,
    DB_TYPE_INT8_ARRAY = 1016,

    DB_TIME_EPOCH = 946684800, /* seconds since 1970 */
    DB_TIME_UNIT = 1000000,
};

#define DB_TIME_MAX INT64_C(253402300799) /* the end of the year 9999 */

#endif
