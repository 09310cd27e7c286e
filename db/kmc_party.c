/* Who may call the KMC; see db/kmc_party.h. */
#include "db/kmc_party.h"

#include <stdlib.h>
#include <string.h>

#include "db/sql_kmc.h"

bool
db_kmc_party_insert(struct db *db, const struct db_kmc_party *party,
                    const uint8_t spki_sha256[32], struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, party->name);
    db_bind_text(&p, party->role);
    db_bind_bytes(&p, party->certificate, party->certificate_len);
    db_bind_bytes(&p, spki_sha256, 32);
    db_bind_int32(&p, party->place);
    db_bind_int32(&p, party->needed);
    if (party->share_len > 0)
        db_bind_bytes(&p, party->share, party->share_len);
    else
        db_bind_null(&p);
    if (party->share_len > 0)
        db_bind_bytes(&p, party->share_sha256, sizeof party->share_sha256);
    else
        db_bind_null(&p);
    db_bind_time(&p, party->enrolled_at);
    db_bind_bytes(&p, party->signature, party->signature_len);
    return db_exec(db, DB_KMC_PARTY_INSERT, &p, &changed, err) ||
           error_wrap(err, "enrol %s", party->name);
}

static bool
read_party(const struct db_result *r, size_t row, struct db_kmc_party *out,
           struct error *err)
{
    *out = (struct db_kmc_party){0};
    return db_read_word(r, row, 0, out->name, sizeof out->name, err) &&
           db_read_word(r, row, 1, out->role, sizeof out->role, err) &&
           db_read_octets_up_to(r, row, 2, out->certificate,
                                sizeof out->certificate, &out->certificate_len,
                                err) &&
           db_read_int32(r, row, 3, &out->place, err) &&
           db_read_int32(r, row, 4, &out->needed, err) &&
           (db_is_null(r, row, 5) ||
            db_read_octets_up_to(r, row, 5, out->share, sizeof out->share,
                                 &out->share_len, err)) &&
           (db_is_null(r, row, 6) ||
            db_read_octets(r, row, 6, out->share_sha256, 32, err)) &&
           db_read_time(r, row, 7, &out->enrolled_at, err) &&
           db_read_octets_up_to(r, row, 8, out->signature,
                                sizeof out->signature, &out->signature_len,
                                err);
}

bool
db_kmc_party_list(struct db *db, struct db_kmc_party **out, size_t *count,
                  struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    struct db_kmc_party *parties;
    bool ok = true;

    if (!db_query(db, DB_KMC_PARTY_LIST, &p, &r, err))
        return error_wrap(err, "list the parties");
    parties = base_alloc((db_rows(r) + 1) * sizeof *parties);
    for (size_t i = 0; ok && i < db_rows(r); i++)
        ok = read_party(r, i, &parties[i], err);
    *count = db_rows(r);
    db_result_free(r);
    if (ok)
        *out = parties;
    else
        free(parties);
    return ok;
}

bool
db_kmc_party_by_key(struct db *db, const uint8_t spki_sha256[32],
                    bool *is_there, struct db_kmc_party *out, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    db_bind_bytes(&p, spki_sha256, 32);
    if (!db_query(db, DB_KMC_PARTY_BY_KEY, &p, &r, err))
        return error_wrap(err, "find a party");
    *is_there = db_rows(r) == 1;
    ok = !*is_there || read_party(r, 0, out, err);
    db_result_free(r);
    return ok;
}
