/* Statements of signet_ra about this part; db/sql_ra.h includes them. */
#ifndef DB_SQL_RA_JOB_H
#define DB_SQL_RA_JOB_H

#define DB_RA_JOB_NAMES

#define DB_RA_JOB_STATEMENTS

#endif
