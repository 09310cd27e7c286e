/* Statements of signet_ra about this part; db/sql_ra.h includes them. */
#ifndef DB_SQL_RA_FORM_H
#define DB_SQL_RA_FORM_H

#define DB_RA_FORM_NAMES DB_RA_FORM_ADD, DB_RA_FORM_GET, DB_RA_FORM_LIST,

#define DB_RA_FORM_STATEMENTS                                                  \
    [DB_RA_FORM_ADD] = {"ra_form_add",                                         \
                        "INSERT INTO ra.form"                                  \
                        " (number, revision, kind, sealed, sha256, made_at)"   \
                        " VALUES ($1, $2, $3, $4, $5, $6)"},                   \
    [DB_RA_FORM_GET] = {"ra_form_get",                                         \
                        "SELECT sealed, sha256, made_at FROM ra.form"          \
                        " WHERE number = $1 AND revision = $2 AND kind = $3"}, \
    [DB_RA_FORM_LIST] = {"ra_form_list",                                       \
                         "SELECT revision, kind, sha256, made_at FROM ra.form" \
                         " WHERE number = $1 ORDER BY revision, kind"},

#endif
