/* Statements of signet_ra about this part; db/sql_ra.h includes them. */
#ifndef DB_SQL_RA_UNIT_H
#define DB_SQL_RA_UNIT_H

#include "db/sql_ra_case.h"

#define DB_RA_UNIT_NAMES                                                       \
    DB_RA_UNIT_ACCOUNT, DB_RA_UNIT_LOCK, DB_RA_UNIT_GET, DB_RA_UNIT_ADD,       \
        DB_RA_UNIT_CHANGE, DB_RA_UNIT_BIND, DB_RA_UNIT_PROGRESS,

#define DB_RA_UNIT_STATEMENTS                                                  \
    [DB_RA_UNIT_ACCOUNT] =                                                     \
        {"ra_unit_account",                                                    \
         "INSERT INTO ra.account (account, created_at)"                        \
         " VALUES ($1, $2) ON CONFLICT DO NOTHING"}, /* Cases that are filed   \
                                                        meanwhile only share   \
                                                        the key of this row.   \
                                                      */                       \
        [DB_RA_UNIT_LOCK] =                                                    \
            {"ra_unit_lock",                                                   \
             "SELECT account FROM ra.account WHERE account = $1"               \
             " FOR NO KEY UPDATE"},                                            \
    [DB_RA_UNIT_GET] =                                                         \
        {"ra_unit_get",                                                        \
         "SELECT revision, unit_name, uscc, kind, country, province,"          \
         " locality, street, language, changed_at FROM ra.unit"                \
         " WHERE account = $1"},                                               \
    [DB_RA_UNIT_ADD] =                                                         \
        {"ra_unit_add",                                                        \
         "INSERT INTO ra.unit (account, revision, unit_name, uscc, kind,"      \
         " country, province, locality, street, language, changed_at)"         \
         " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"},            \
    [DB_RA_UNIT_CHANGE] =                                                      \
        {"ra_unit_change",                                                     \
         "UPDATE ra.unit SET revision = $2, unit_name = $3, uscc = $4,"        \
         " kind = $5, country = $6, province = $7, locality = $8,"             \
         " street = $9, language = $10, changed_at = $11"                      \
         " WHERE account = $1 AND revision = $2 - 1"}, /* Both halves of the   \
                                                          pair that the case   \
                                                          issued. */           \
        [DB_RA_UNIT_BIND] =                                                    \
            {"ra_unit_bind",                                                   \
             "UPDATE ra.holder_certificate SET bound_at = $2,"                 \
             " changed_at = $3 WHERE number = $1"}, /* With what was last said \
                                                       to the applicant. */    \
        [DB_RA_UNIT_PROGRESS] = {                                              \
            "ra_unit_progress",                                                \
            "SELECT " DB_RA_CASE_COLUMNS                                       \
            ", (SELECT h.body FROM ra.case_history h WHERE h.number = "        \
            "c.number"                                                         \
            " AND h.event IN ('returned', 'rejected', 'supplement-asked',"     \
            " 'closed') ORDER BY h.seq DESC LIMIT 1)"                          \
            " FROM ra.case_file c WHERE c.account = $1"                        \
            " ORDER BY c.created_at DESC, c.number DESC LIMIT $2"},

#endif
