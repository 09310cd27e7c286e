/* Statements of signet_ra about this part; db/sql_ra.h includes them. */
#ifndef DB_SQL_RA_NOTICE_H
#define DB_SQL_RA_NOTICE_H

#define DB_RA_NOTICE_NAMES

#define DB_RA_NOTICE_STATEMENTS

#endif
