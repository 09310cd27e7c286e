/* Statements of signet_ra about this part; db/sql_ra.h includes them. */
#ifndef DB_SQL_RA_FORM_H
#define DB_SQL_RA_FORM_H

#define DB_RA_FORM_NAMES

#define DB_RA_FORM_STATEMENTS

#endif
