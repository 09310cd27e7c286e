/*
 * Statements of the role signet_ra, which is that of signet-ra.
 * Each is used by the file of its noun in db/; they stand by noun here too.
 */
#ifndef DB_SQL_RA_H
#define DB_SQL_RA_H

#include "db/sql_log.h"
#include "db/sql_ra_case.h"
#include "db/sql_ra_device.h"
#include "db/sql_ra_document.h"
#include "db/sql_ra_form.h"
#include "db/sql_ra_job.h"
#include "db/sql_ra_notice.h"
#include "db/sql_ra_payment.h"
#include "db/sql_ra_read.h"
#include "db/sql_ra_session.h"
#include "db/sql_ra_unit.h"
#include "db/sql_ra_vault.h"

enum db_ra_statement {
    DB_RA_BEFORE = DB_LOG_STATEMENT_COUNT - 1, /* the log's come first */
    DB_RA_ACCOUNT_CREATE,
    DB_RA_ACCOUNT_BY_TOKEN,
    DB_RA_ACCOUNT_LIST,
    /* clang-format off */
    DB_RA_CASE_NAMES
    DB_RA_READ_NAMES
    DB_RA_DOCUMENT_NAMES
    DB_RA_FORM_NAMES
    DB_RA_UNIT_NAMES
    DB_RA_VAULT_NAMES
    DB_RA_DEVICE_NAMES
    DB_RA_PAYMENT_NAMES
    DB_RA_NOTICE_NAMES
    DB_RA_SESSION_NAMES
    DB_RA_JOB_NAMES
                    /* clang-format on */
                    DB_RA_STATEMENT_COUNT,
};

extern const struct db_statement db_ra_statements[DB_RA_STATEMENT_COUNT];

#endif
