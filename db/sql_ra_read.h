/*
 * Statements of signet_ra that only read, for queues, search and overviews;
 * and those of assigning and putting aside. db/sql_ra.h includes them.
 */
#ifndef DB_SQL_RA_READ_H
#define DB_SQL_RA_READ_H

#include "db/sql_ra_case.h"

#define DB_RA_READ_NAMES                                                       \
    DB_RA_QUEUE_OLDEST, DB_RA_QUEUE_NEWEST, DB_RA_QUEUE_DEADLINE,              \
        DB_RA_QUEUE_MINE_COUNT, DB_RA_QUEUE_COUNTS, DB_RA_CASE_ASSIGN,         \
        DB_RA_CASE_HOLD, DB_RA_SEARCH, DB_RA_CERTIFICATES, DB_RA_TURNAROUND,   \
        DB_RA_ISSUED, DB_RA_REVOKED, DB_RA_ENDING,

/*
 * A queue is a list of tasks: what waits in this state of this business, and
 * the step that it waits for. For each task its cases are walked in the order
 * of the index (state, business, changed_at, number) and no further than the
 * page, so the cost is that of the page, not of the queue.
 *
 * $4: mine alone. Not mine is what another has been given, what was put aside,
 * where I took another step of this revision (who takes one takes no other:
 * ra.check_decision()), and what has its maker already.
 * Decisions are counted: of NOT EXISTS PostgreSQL makes a hash of all that
 * there are, and a count is the index of this case's few. And in a CASE,
 * because it takes that for true of every second row, and so walks the index;
 * of a bare comparison it expects next to none, and sorts the whole queue
 * instead. $1 states, $2 businesses, $3 steps, $5 officer, $6 person, $7 now.
 */
#define DB_RA_QUEUE_TASKS                                                      \
    " FROM unnest($1::text[], $2::text[], $3::text[])"                         \
    " AS t (state, business, step) CROSS JOIN LATERAL ("                       \
    "SELECT c.number FROM ra.case_file c"                                      \
    " WHERE c.state = t.state AND c.business = t.business"                     \
    " AND CASE WHEN NOT $4 THEN true WHEN c.held_until > $7 THEN false"        \
    " WHEN c.assigned_to <> $5::uuid THEN false"                               \
    " ELSE 0 = (SELECT count(*) FROM ra.case_decision d"                       \
    " WHERE d.number = c.number AND d.revision = c.revision"                   \
    " AND ((d.step <> t.step"                                                  \
    " AND (d.officer_id = $5::uuid OR d.person = $6))"                         \
    " OR (t.step = 'making' AND d.step = 'making'"                             \
    " AND d.verdict = 'approve'))) END"

/* $8, $9: key and number that ended the last page; $10: how many. */
#define DB_RA_QUEUE_PAGE(key, after, way)                                      \
    "SELECT " DB_RA_CASE_COLUMNS " FROM ra.case_file c WHERE c.number IN "     \
    "(SELECT q.number" DB_RA_QUEUE_TASKS " AND (" key ", c.number) " after     \
    " ($8, $9::text)"                                                          \
    " ORDER BY " key way ", c.number" way " LIMIT $10) AS q)"                  \
    " ORDER BY " key way ", c.number" way " LIMIT $10"

/* What has no deadline comes last. */
#define DB_RA_QUEUE_BY_DEADLINE                                                \
    "coalesce(c.deadline_at, '9999-12-31 23:59:59+00'::timestamptz)"

/* A name's beginning, by the index with text_pattern_ops; U+10FFFF is above all
 * characters. */
#define DB_RA_READ_STATEMENTS                                                  \
    [DB_RA_QUEUE_OLDEST] = {"ra_queue_oldest",                                 \
                            DB_RA_QUEUE_PAGE("c.changed_at", ">", "")},        \
    [DB_RA_QUEUE_NEWEST] = {"ra_queue_newest",                                 \
                            DB_RA_QUEUE_PAGE("c.changed_at", "<", " DESC")},   \
    [DB_RA_QUEUE_DEADLINE] = {"ra_queue_deadline",                             \
                              DB_RA_QUEUE_PAGE(DB_RA_QUEUE_BY_DEADLINE, ">",   \
                                               "")},                           \
    [DB_RA_QUEUE_MINE_COUNT] =                                                 \
        {"ra_queue_mine_count",                                                \
         "SELECT count(*) FROM (SELECT DISTINCT q.number" DB_RA_QUEUE_TASKS    \
         " LIMIT $8) AS q LIMIT $8) AS mine"},                                 \
    [DB_RA_QUEUE_COUNTS] =                                                     \
        {"ra_queue_counts",                                                    \
         "SELECT c.state, c.business, count(*) FROM ra.case_file c"            \
         " WHERE c.state = ANY ($1::text[]) GROUP BY 1, 2 ORDER BY 1, 2"},     \
    [DB_RA_CASE_ASSIGN] =                                                      \
        {"ra_case_assign",                                                     \
         "UPDATE ra.case_file SET assigned_to = $2::text::uuid"                \
         " WHERE number = $1"},                                                \
    [DB_RA_CASE_HOLD] = {"ra_case_hold",                                       \
                         "UPDATE ra.case_file SET held_by = $2::text::uuid,"   \
                         " held_until = $3 WHERE number = $1"},                \
    [DB_RA_SEARCH] =                                                           \
        {"ra_search",                                                          \
         "SELECT " DB_RA_CASE_COLUMNS                                          \
         " FROM ra.case_file c WHERE c.number IN ("                            \
         "SELECT $1::text"                                                     \
         " UNION (SELECT a.number FROM ra.case_file a"                         \
         " WHERE a.unit_name ~>=~ $2 AND a.unit_name ~<~ ($2 || chr(1114111))" \
         " LIMIT 1000)"                                                        \
         " UNION SELECT a.number FROM ra.case_file a WHERE a.uscc = $3"        \
         " UNION SELECT a.number FROM ra.case_file a WHERE a.device = $4"      \
         " UNION SELECT a.number FROM ra.case_file a WHERE a.account = $5"     \
         " UNION SELECT h.number FROM ra.holder_certificate h"                 \
         " WHERE h.serial = $6"                                                \
         " UNION SELECT a.number FROM ra.case_file a"                          \
         " WHERE a.predecessor_serial = $6"                                    \
         " UNION SELECT f.number FROM ra.case_field f"                         \
         " WHERE f.blind = $7 OR f.blind = $8)"                                \
         " ORDER BY c.created_at DESC, c.number DESC LIMIT $9"},               \
    [DB_RA_CERTIFICATES] =                                                     \
        {"ra_certificates",                                                    \
         "SELECT h.issuer, h.serial, h.pair::integer, h.number, h.account,"    \
         " h.device, h.state, h.reason, h.not_before, h.not_after,"            \
         " h.bound_at, c.unit_name, h.der"                                     \
         " FROM ra.holder_certificate h JOIN ra.case_file c USING (number)"    \
         " WHERE ($1::text IS NULL OR h.account = $1)"                         \
         " AND ($2::text IS NULL OR h.number = $2)"                            \
         " AND ($3::text IS NULL OR h.device = $3)"                            \
         " AND ($4::bytea = '' OR h.serial = $4)"                              \
         " ORDER BY h.not_before DESC, h.number DESC, h.pair LIMIT $5"},       \
    [DB_RA_TURNAROUND] =                                                       \
        {"ra_turnaround",                                                      \
         "SELECT (c.completed_at AT TIME ZONE INTERVAL '8 "                    \
         "hours')::date::text,"                                                \
         " percentile_cont(0.5) WITHIN GROUP (ORDER BY"                        \
         " extract(epoch FROM c.completed_at - c.submitted_at)::float8)"       \
         "::bigint FROM ra.case_file c WHERE c.completed_at > $1"              \
         " AND c.submitted_at IS NOT NULL GROUP BY 1 ORDER BY 1"},             \
    [DB_RA_ISSUED] =                                                           \
        {"ra_issued",                                                          \
         "SELECT (h.stored_at AT TIME ZONE INTERVAL '8 hours')::date::text,"   \
         " count(*) FROM ra.holder_certificate h WHERE h.pair = 1"             \
         " AND h.stored_at > $1 GROUP BY 1 ORDER BY 1"},                       \
    [DB_RA_REVOKED] =                                                          \
        {"ra_revoked",                                                         \
         "SELECT (h.changed_at AT TIME ZONE INTERVAL '8 hours')::date::text,"  \
         " count(*) FROM ra.holder_certificate h WHERE h.pair = 1"             \
         " AND h.state = 'revoked' AND h.changed_at > $1"                      \
         " GROUP BY 1 ORDER BY 1"},                                            \
    [DB_RA_ENDING] = {                                                         \
        "ra_ending",                                                           \
        "SELECT to_char(h.not_after AT TIME ZONE INTERVAL '8 hours',"          \
        " 'YYYY-MM'), count(*) FROM ra.holder_certificate h"                   \
        " WHERE h.pair = 1 AND h.state <> 'revoked' AND h.not_after > $1"      \
        " AND h.not_after <= $2 GROUP BY 1 ORDER BY 1"},

#endif
