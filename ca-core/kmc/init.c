/* How a key management centre begins; see ca-core/kmc/init.h. */
#include "ca-core/kmc/init.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>

#include "base/hash.h"
#include "base/pem.h"
#include "ca-core/entry.h"
#include "ca-core/kmc/mark.h"
#include "ca-core/kmc/share.h"

enum { CKA_ID_LEN = 16, PAGE = 200 };

/* ---- The plan --------------------------------------------------------------
 */

bool
init_plan_add(struct init_plan *plan, enum kmc_role role, const char *text,
              struct error *err)
{
    const char *equals = strchr(text, '=');
    size_t len = equals == NULL ? 0 : (size_t)(equals - text);
    struct init_party *party = &plan->party[plan->count];

    if (plan->count == INIT_PARTIES_MAX)
        return error_set(err, ERROR_INPUT, "more than %d parties",
                         INIT_PARTIES_MAX);
    if (len == 0 || len >= sizeof party->name)
        return error_set(err, ERROR_INPUT,
                         "%s: NAME=FILE is wanted, the name of at most %zu "
                         "octets",
                         text, sizeof party->name - 1);
    (void)snprintf(party->name, sizeof party->name, "%.*s", (int)len, text);
    party->role = role;
    if (!pem_certificate_read(equals + 1, &party->certificate, err))
        return false;
    plan->count++;
    return true;
}

void
init_plan_clear(struct init_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        X509_free(plan->party[i].certificate);
    plan->count = 0;
}

static bool
is_sound(const struct init_plan *plan, unsigned *operators, struct error *err)
{
    *operators = 0;
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->party[i].role == KMC_OPERATOR)
            ++*operators;
        for (size_t j = 0; j < i; j++)
            if (strcmp(plan->party[i].name, plan->party[j].name) == 0)
                return error_set(err, ERROR_INPUT, "%s is named twice",
                                 plan->party[i].name);
    }
    if (plan->needed < 2 || plan->needed > *operators ||
        *operators > SHAMIR_PLACES_MAX)
        return error_set(err, ERROR_INPUT,
                         "%u of %u operators: at least 2 are needed, at most "
                         "%d there",
                         plan->needed, *operators, SHAMIR_PLACES_MAX);
    return true;
}

/* ---- Rows ------------------------------------------------------------------
 */

/* A row and the digest of its key. */
struct row {
    struct db_kmc_party party;
    uint8_t spki_sha256[32];
};

static bool
fill_certificate(struct row *row, X509 *certificate, struct error *err)
{
    unsigned char *der = NULL, *spki = NULL;
    int der_len = i2d_X509(certificate, &der);
    int spki_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &spki);
    bool ok = false;

    if (der_len <= 0 || spki_len <= 0 ||
        (size_t)der_len > sizeof row->party.certificate) {
        error_openssl(err, ERROR_INPUT, "%s: certificate too long",
                      row->party.name);
    } else {
        memcpy(row->party.certificate, der, (size_t)der_len);
        row->party.certificate_len = (size_t)der_len;
        ok = hash_sha256(spki, (size_t)spki_len, row->spki_sha256, err);
    }
    OPENSSL_free(der);
    OPENSSL_free(spki);
    return ok;
}

static bool
fill_share(struct row *row, const struct share *share, X509 *certificate,
           unsigned needed, struct error *err)
{
    struct buf cms = BUF_INIT(sizeof row->party.share);
    bool ok =
        share_envelop(share->octet, SHARE_LEN, certificate, &cms, err) &&
        hash_sha256(share->octet, SHARE_LEN, row->party.share_sha256, err);

    if (ok) {
        memcpy(row->party.share, cms.data, cms.len);
        row->party.share_len = cms.len;
        row->party.place = share->octet[0];
        row->party.needed = (int32_t)needed;
    }
    buf_clear(&cms);
    return ok || error_wrap(err, "%s", row->party.name);
}

/* `shares` NULL: nobody gets one. */
static bool
fill_rows(const struct init_plan *plan, const struct mark *mark,
          const struct share *shares, int64_t now, struct row *rows,
          struct error *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < plan->count; i++) {
        const struct init_party *from = &plan->party[i];
        struct row *row = &rows[i];

        row->party = (struct db_kmc_party){.enrolled_at = now};
        memcpy(row->party.name, from->name, sizeof row->party.name);
        (void)snprintf(row->party.role, sizeof row->party.role, "%s",
                       kmc_role_name(from->role));
        ok = fill_certificate(row, from->certificate, err);
        if (ok && from->role == KMC_OPERATOR && shares != NULL)
            ok =
                fill_share(row, shares++, from->certificate, plan->needed, err);
        ok = ok && mark_party_set(mark, &row->party, err);
    }
    return ok;
}

struct storing {
    const struct db_kmc_recovery_key *recovery_key; /* NULL: none */
    const struct hsm_key *record_key;
    const struct row *rows;
    size_t count;
    unsigned needed;
    int64_t now;
};

static bool
store_party(struct db *db, const struct row *row, int64_t now,
            struct error *err)
{
    json_t *members = json_object();
    int64_t index;
    bool ok;

    json_set_text(members, "role", row->party.role);
    json_set_bytes(members, "certificate", row->party.certificate,
                   row->party.certificate_len);
    if (row->party.place > 0)
        json_set_int(members, "place", row->party.place);
    ok = db_kmc_party_insert(db, &row->party, row->spki_sha256, err) &&
         entry_append(db, now, "kmc.party-enrolled", row->party.name, members,
                      &index, err);
    json_decref(members);
    return ok;
}

/* db_run */
static bool
store(struct db *db, void *arg, struct error *err)
{
    const struct storing *storing = arg;
    const struct db_kmc_recovery_key *key = storing->recovery_key;
    char id[2 * DB_KMC_CKA_ID_MAX + 1];
    json_t *members = json_object();
    int64_t index;
    bool ok = true;

    for (size_t i = 0; ok && i < storing->count; i++)
        ok = store_party(db, &storing->rows[i], storing->now, err);
    if (ok && key != NULL) {
        text_hex(key->cka_id, key->cka_id_len, id);
        json_set_bytes(members, "recovery_key", key->spki, key->spki_len);
        json_set_bytes(members, "record_key", storing->record_key->spki,
                       storing->record_key->spki_len);
        json_set_int(members, "needed", storing->needed);
        ok = db_kmc_recovery_key_insert(db, key, err) &&
             entry_append(db, storing->now, "kmc.initialised", id, members,
                          &index, err);
    }
    json_decref(members);
    return ok;
}

/* ---- The act ---------------------------------------------------------------
 */

/* A new token, its first key, and the PIN in shares. */
static bool
begin_krec(const struct hsm_options *options, unsigned needed,
           unsigned operators, struct share *shares,
           struct db_kmc_recovery_key *key, struct error *err)
{
    char pin[HSM_RECOVERY_PIN_LEN + 1] = "";
    struct hsm_recovery *recovery = NULL;
    bool ok;

    key->cka_id_len = CKA_ID_LEN;
    if (RAND_bytes(key->cka_id, CKA_ID_LEN) != 1)
        return error_openssl(err, ERROR_INTERNAL, "no random octets");
    ok = hsm_recovery_init(options, pin, err) &&
         hsm_recovery_open(options, pin, &recovery, err) &&
         hsm_recovery_make_key(recovery, key->cka_id, key->cka_id_len,
                               key->spki, &key->spki_len, err) &&
         share_split(pin, needed, operators, shares, err);
    hsm_recovery_close(recovery);
    OPENSSL_cleanse(pin, sizeof pin);
    return ok;
}

static bool
is_new(struct db *db, struct error *err)
{
    struct db_kmc_recovery_key *keys = NULL;
    size_t count = 0;
    bool ok = db_kmc_recovery_key_list(db, &keys, &count, err);

    free(keys);
    return ok && (count == 0 ||
                  error_set(err, ERROR_CONFLICT,
                            "this key management centre has begun before"));
}

bool
init_run(const struct init_world *world, const struct init_plan *plan,
         int64_t now, struct error *err)
{
    struct db_kmc_recovery_key key = {.made_at = now};
    struct share shares[SHAMIR_PLACES_MAX] = {{{0}}};
    struct row *rows = base_alloc((plan->count + 1) * sizeof *rows);
    struct db *db = NULL;
    struct mark mark;
    unsigned operators;
    bool ok;

    /* All that can be wrong is judged before the token is made: it is made
     * once. The rows without shares are the rehearsal. */
    ok = is_sound(plan, &operators, err) && db_open(&world->db, &db, err) &&
         is_new(db, err) && mark_open(world->kgen, true, &mark, err) &&
         fill_rows(plan, &mark, shares, now, rows, err) &&
         begin_krec(&world->krec, plan->needed, operators, shares, &key, err) &&
         mark_recovery_key_set(&mark, &key, err) &&
         fill_rows(plan, &mark, shares, now, rows, err);
    OPENSSL_cleanse(shares, sizeof shares);
    if (ok) {
        struct storing storing = {&key,        mark.key,     rows,
                                  plan->count, plan->needed, now};

        ok = db_transaction(db, store, &storing, err);
    }
    db_close(db);
    free(rows);
    return ok;
}

bool
init_enrol(const struct init_world *world, const struct init_plan *plan,
           int64_t now, struct error *err)
{
    struct row *rows = base_alloc((plan->count + 1) * sizeof *rows);
    struct storing storing = {.rows = rows, .count = plan->count, .now = now};
    struct db *db = NULL;
    struct mark mark;
    bool ok = true;

    for (size_t i = 0; i < plan->count; i++)
        if (plan->party[i].role == KMC_OPERATOR)
            ok = error_set(err, ERROR_INPUT,
                           "operators are enrolled at the beginning, when the "
                           "shares are dealt out");
    ok = ok && db_open(&world->db, &db, err) &&
         mark_open(world->kgen, false, &mark, err) &&
         fill_rows(plan, &mark, NULL, now, rows, err) &&
         db_transaction(db, store, &storing, err);
    db_close(db);
    free(rows);
    return ok;
}

/* ---- Marks of all ----------------------------------------------------------
 */

static void
judge(bool is_right, const struct error *why, void (*tell)(const char *),
      struct init_check *out)
{
    if (is_right)
        return;
    tell(why->what);
    out->wrong++;
}

static bool
verify_keys(struct db *db, const struct mark *mark, void (*tell)(const char *),
            struct init_check *out, struct error *err)
{
    char after[TEXT_UUID_LEN + 1] = "";
    size_t count = PAGE;

    while (count == PAGE) {
        struct db_kmc_key *keys = NULL;

        if (!db_kmc_key_page(db, 0, after, PAGE, &keys, &count, err))
            return false;
        for (size_t i = 0; i < count; i++) {
            struct error why = {0};

            judge(mark_key_check(mark, &keys[i], &why), &why, tell, out);
            memcpy(after, keys[i].id, sizeof after);
        }
        out->keys += (int64_t)count;
        free(keys);
    }
    return true;
}

bool
init_verify(const struct init_world *world, void (*tell)(const char *what),
            struct init_check *out, struct error *err)
{
    struct db_kmc_recovery_key *recovery_keys = NULL;
    struct db_kmc_party *parties = NULL;
    size_t recovery_count = 0, party_count = 0;
    struct error why = {0};
    struct db *db = NULL;
    struct mark mark;
    bool ok;

    *out = (struct init_check){0};
    ok = db_open(&world->db, &db, err) &&
         mark_open(world->kgen, false, &mark, err) &&
         db_kmc_recovery_key_list(db, &recovery_keys, &recovery_count, err) &&
         db_kmc_party_list(db, &parties, &party_count, err);
    for (size_t i = 0; ok && i < recovery_count; i++)
        judge(mark_recovery_key_check(&mark, &recovery_keys[i], &why), &why,
              tell, out);
    for (size_t i = 0; ok && i < party_count; i++)
        judge(mark_party_check(&mark, &parties[i], &why), &why, tell, out);
    ok = ok && verify_keys(db, &mark, tell, out, err);
    out->recovery_keys = (int64_t)recovery_count;
    out->parties = (int64_t)party_count;
    free(recovery_keys);
    free(parties);
    db_close(db);
    return ok;
}
