/* Statements of signet_ra about this part; db/sql_ra.h includes them. */
#ifndef DB_SQL_RA_CASE_H
#define DB_SQL_RA_CASE_H

#define DB_RA_CASE_NAMES

#define DB_RA_CASE_STATEMENTS

#endif
