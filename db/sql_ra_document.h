/* Statements of signet_ra about documents, findings and looks; db/sql_ra.h
 * includes them. */
#ifndef DB_SQL_RA_DOCUMENT_H
#define DB_SQL_RA_DOCUMENT_H

/* clang-format off */
#define DB_RA_DOCUMENT_NAMES                                                   \
    DB_RA_DOCUMENT_REPLACE,                                                    \
    DB_RA_DOCUMENT_ADD,                                                        \
    DB_RA_DOCUMENT_PAGE_ADD,                                                   \
    DB_RA_DOCUMENT_VOID,                                                       \
    DB_RA_DOCUMENT_GET,                                                        \
    DB_RA_DOCUMENT_LIST,                                                       \
    DB_RA_DOCUMENT_COUNT,                                                      \
    DB_RA_DOCUMENT_FORM,                                                       \
    DB_RA_DOCUMENT_ORIGINAL,                                                   \
    DB_RA_DOCUMENT_PAGE,                                                       \
    DB_RA_FINDING_CLEAR,                                                       \
    DB_RA_FINDING_ADD,                                                         \
    DB_RA_FINDING_LIST,                                                        \
    DB_RA_LOOK_ADD,
/* clang-format on */

/* What db_document_read() reads, in its order. */
#define DB_RA_DOCUMENT_COLUMNS                                                 \
    "SELECT id::text, number, slot, revision, media_type, file_name, len,"     \
    " sha256, page_count, form_state, added_at FROM ra.document"

#define DB_RA_DOCUMENT_STATEMENTS                                              \
    [DB_RA_DOCUMENT_REPLACE] =                                                 \
        {"ra_document_replace",                                                \
         "UPDATE ra.document SET state = 'replaced'"                           \
         " WHERE number = $1 AND slot = $2 AND state = 'current'"},            \
    [DB_RA_DOCUMENT_ADD] =                                                     \
        {"ra_document_add",                                                    \
         "INSERT INTO ra.document (id, number, slot, revision, state,"         \
         " media_type, file_name, len, sha256, sealed, page_count,"            \
         " form_state, added_at) VALUES ($1::uuid, $2, $3, $4, 'current', $5," \
         " $6, $7, $8, $9, $10, $11, $12)"},                                   \
    [DB_RA_DOCUMENT_PAGE_ADD] =                                                \
        {"ra_document_page_add",                                               \
         "INSERT INTO ra.document_page (document, page, width, height,"        \
         " sealed) VALUES ($1::uuid, $2, $3, $4, $5)"},                        \
    [DB_RA_DOCUMENT_VOID] =                                                    \
        {"ra_document_void",                                                   \
         "UPDATE ra.document SET state = 'void'"                               \
         " WHERE number = $1 AND slot = $2 AND state = 'current'"},            \
    [DB_RA_DOCUMENT_GET] =                                                     \
        {"ra_document_get", DB_RA_DOCUMENT_COLUMNS                             \
         " WHERE number = $1 AND slot = $2 AND state = 'current'"},            \
    [DB_RA_DOCUMENT_LIST] =                                                    \
        {"ra_document_list", DB_RA_DOCUMENT_COLUMNS                            \
         " WHERE number = $1 AND state = 'current' ORDER BY slot"},            \
    [DB_RA_DOCUMENT_COUNT] =                                                   \
        {"ra_document_count",                                                  \
         "SELECT count(*) FROM ra.document WHERE number = $1 AND slot = $2"},  \
    [DB_RA_DOCUMENT_FORM] =                                                    \
        {"ra_document_form",                                                   \
         "SELECT NOT EXISTS (SELECT FROM ra.document d"                        \
         " JOIN ra.case_file c USING (number) WHERE d.number = $1"             \
         " AND d.state = 'current' AND (d.form_state = 'other'"                \
         " OR (d.form_state <> 'none' AND d.revision <> c.revision)))"},       \
    [DB_RA_DOCUMENT_ORIGINAL] =                                                \
        {"ra_document_original",                                               \
         "SELECT sealed, 0, 0 FROM ra.document WHERE id = $1::uuid"},          \
    [DB_RA_DOCUMENT_PAGE] =                                                    \
        {"ra_document_page",                                                   \
         "SELECT sealed, width, height FROM ra.document_page"                  \
         " WHERE document = $1::uuid AND page = $2"},                          \
    [DB_RA_FINDING_CLEAR] =                                                    \
        {"ra_finding_clear",                                                   \
         "DELETE FROM ra.finding"                                              \
         " WHERE number = $1 AND revision = $2 AND subject = $3"},             \
    [DB_RA_FINDING_ADD] = {"ra_finding_add",                                   \
                           "INSERT INTO ra.finding (number, revision, "        \
                           "subject, code, level,"                             \
                           " detail, found_at) VALUES ($1, $2, $3, $4, $5, "   \
                           "$6, $7)"}, /* Documents that are still current     \
                                          count, whenever they came. */        \
        [DB_RA_FINDING_LIST] =                                                 \
            {"ra_finding_list",                                                \
             "SELECT f.subject, f.code, f.level, f.detail FROM ra.finding f"   \
             " JOIN ra.case_file c USING (number) WHERE f.number = $1"         \
             " AND CASE WHEN f.subject LIKE 'document:%' THEN EXISTS ("        \
             "SELECT FROM ra.document d WHERE d.number = f.number"             \
             " AND 'document:' || d.slot = f.subject AND d.state = 'current'"  \
             " AND d.revision = f.revision) ELSE f.revision = c.revision END"  \
             " ORDER BY array_position(ARRAY['warning', 'note', 'ok'], "       \
             "f.level),"                                                       \
             " f.subject, f.code"},                                            \
    [DB_RA_LOOK_ADD] = {"ra_look_add",                                         \
                        "INSERT INTO ra.look (at, officer_id, number, what)"   \
                        " VALUES ($1, $2::uuid, $3, $4)"},

#endif
