/* POST /v1/log/manifests of signet-ca's internal API. */
#include "base/clock.h"
#include "ca-core/audit.h"
#include "ca-core/handlers.h"
#include "db/log_key.h"

/* The log key as the register names it and the token has it. */
static bool
get_key(struct ca_worker *worker, const struct hsm_key **key,
        enum hsm_scheme *scheme, struct error *err)
{
    struct db_log_key row = {0};

    if (!db_log_key_get(worker->db, &row, err))
        return false;
    if (!hsm_scheme_find(row.scheme, scheme))
        return error_set(err, ERROR_INTERNAL, "the log key's scheme '%s'",
                         row.scheme);
    return hsm_key_get(worker->service->hsm, row.key_id, row.key_id_len, key,
                       err) ||
           error_wrap(err, "get the log key");
}

static bool
read_times(const struct http_request *req, int64_t *from, int64_t *to,
           struct error *err)
{
    static const char *const names[] = {"from", "to", NULL};
    json_t *json = NULL;
    bool ok;

    ok = http_json(req, &json, err) && json_only(json, names, err) &&
         json_get_time(json, "from", from, err) &&
         json_get_time(json, "to", to, err);
    json_decref(json);
    return ok;
}

void
ca_post_manifest(void *arg, const struct http_request *req,
                 struct http_response *res)
{
    struct ca_worker *worker = arg;
    const struct hsm_key *key;
    enum hsm_scheme scheme;
    struct error err = {0};
    json_t *answer = NULL;
    int64_t from, to;

    if (read_times(req, &from, &to, &err) &&
        get_key(worker, &key, &scheme, &err) &&
        audit_manifest(worker->db, worker->service->hsm, key, scheme, from, to,
                       clock_now(), &answer, &err))
        http_reply_json(res, 200, answer);
    else
        http_reply_error(res, req, "log.manifest", &err);
}
