/* Statements of signet_ra about jobs, timers and the calendar; db/sql_ra.h
 * includes them. */
#ifndef DB_SQL_RA_JOB_H
#define DB_SQL_RA_JOB_H

#define DB_RA_JOB_NAMES                                                        \
    DB_RA_LEASE_TAKE, DB_RA_LEASE_RELEASE, DB_RA_TIMER_DUE, DB_RA_TIMER_STOP,  \
        DB_RA_HOLD_RUN_OUT, DB_RA_EXPIRING, DB_RA_EXPIRING_DONE,               \
        DB_RA_CALENDAR_LIST, DB_RA_CALENDAR_SET, DB_RA_CALENDAR_DELETE,        \
        DB_RA_CASE_UNCHECKED,

/* expiring: the newest certificate of an account alone, for what was renewed or
 * reissued needs no reminder; `reminded` counts the reminders sent, of which
 * there are three. handler_case: who is to be told is the handler of record. */
#define DB_RA_JOB_STATEMENTS                                                   \
    [DB_RA_CASE_UNCHECKED] =                                                   \
        {"ra_case_unchecked",                                                  \
         "SELECT c.number FROM ra.case_file c WHERE c.state = 'first-review'"  \
         " AND NOT EXISTS (SELECT FROM ra.finding f WHERE"                     \
         " f.number = c.number AND f.revision = c.revision"                    \
         " AND f.subject = 'case' AND f.code = 'ca-check')"                    \
         " ORDER BY c.changed_at, c.number LIMIT $1"},                         \
    [DB_RA_LEASE_TAKE] =                                                       \
        {"ra_lease_take",                                                      \
         "WITH me AS (SELECT set_config('application_name', $2::text, false)"  \
         " AS holder) INSERT INTO ra.lease (job, holder, until) SELECT $1,"    \
         " me.holder::uuid, clock_timestamp() + $3 * interval '1 second'"      \
         " FROM me ON CONFLICT (job) DO UPDATE SET holder = excluded.holder,"  \
         " until = excluded.until WHERE lease.holder = excluded.holder"        \
         " OR lease.until < clock_timestamp() OR NOT EXISTS (SELECT FROM"      \
         " pg_stat_activity WHERE application_name = lease.holder::text)"},    \
    [DB_RA_LEASE_RELEASE] = {"ra_lease_release",                               \
                             "UPDATE ra.lease SET until = '-infinity'"         \
                             " WHERE job = $1 AND holder = $2::uuid"},         \
    [DB_RA_TIMER_DUE] = {"ra_timer_due",                                       \
                         "SELECT c.number, c.business, c.state, c.changed_at," \
                         " c.deadline_at FROM ra.case_file c"                  \
                         " WHERE c.deadline_at <= $1 ORDER BY c.deadline_at,"  \
                         " c.number LIMIT $2"},                                \
    [DB_RA_TIMER_STOP] = {"ra_timer_stop",                                     \
                          "UPDATE ra.case_file SET deadline_at = $4"           \
                          " WHERE number = $1 AND state = $2"                  \
                          " AND deadline_at = $3"},                            \
    [DB_RA_HOLD_RUN_OUT] = {"ra_hold_run_out",                                 \
                            "SELECT c.number FROM ra.case_file c"              \
                            " WHERE c.held_until <= $1 ORDER BY c.held_until"  \
                            " LIMIT $2"},                                      \
    [DB_RA_EXPIRING] =                                                         \
        {"ra_expiring",                                                        \
         "SELECT h.issuer, h.serial, coalesce(h.handler_case, h.number),"      \
         " h.not_after FROM ra.holder_certificate h"                           \
         " WHERE h.pair = 1 AND h.state <> 'revoked' AND h.not_after > $1"     \
         " AND h.not_after <= $2 AND h.reminded < CASE"                        \
         " WHEN h.not_after <= $4 THEN 3 WHEN h.not_after <= $3 THEN 2"        \
         " ELSE 1 END AND NOT EXISTS (SELECT FROM ra.holder_certificate o"     \
         " WHERE o.account = h.account AND o.pair = 1"                         \
         " AND o.state <> 'revoked' AND o.not_after > h.not_after)"            \
         " ORDER BY h.not_after, h.issuer, h.serial LIMIT $5"},                \
    [DB_RA_EXPIRING_DONE] =                                                    \
        {"ra_expiring_done",                                                   \
         "UPDATE ra.holder_certificate SET reminded = $3::integer::smallint"   \
         " WHERE issuer = $1 AND serial = $2"                                  \
         " AND reminded < $3::integer::smallint"},                             \
    [DB_RA_CALENDAR_LIST] =                                                    \
        {"ra_calendar_list",                                                   \
         "SELECT day::text, is_working, note FROM ra.calendar"                 \
         " WHERE day >= $1::text::date AND day <= $2::text::date"              \
         " ORDER BY day"},                                                     \
    [DB_RA_CALENDAR_SET] =                                                     \
        {"ra_calendar_set",                                                    \
         "INSERT INTO ra.calendar (day, is_working, note)"                     \
         " VALUES ($1::text::date, $2, $3) ON CONFLICT (day) DO UPDATE"        \
         " SET is_working = excluded.is_working, note = excluded.note"},       \
    [DB_RA_CALENDAR_DELETE] = {"ra_calendar_delete",                           \
                               "DELETE FROM ra.calendar"                       \
                               " WHERE day = $1::text::date"},

#endif
