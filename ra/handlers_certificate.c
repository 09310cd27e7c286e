/* Holders' certificates over HTTP: ra/handlers_queue.h. */
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "db/case_read.h"
#include "db/holder.h"
#include "ra/account.h"
#include "ra/handlers_queue.h"
#include "ra/old_keys.h"

enum { LIST_MAX = 200, PEM_MAX = 64 * 1024 };

struct certificates {
    json_t *list;
    int64_t now;
};

/* A certificate past its end is told as such; no row says so. */
static const char *
state_now(const char *state, int64_t not_after, int64_t now)
{
    return strcmp(state, "revoked") != 0 && not_after < now ? "expired" : state;
}

/* The subject as RFC 4514 writes it, in UTF-8; nothing when there is none to
 * read. */
static void
set_subject(json_t *json, const uint8_t *der, size_t len)
{
    const unsigned char *p = der;
    X509 *cert = d2i_X509(NULL, &p, (long)len);
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    long size;

    if (cert != NULL && bio != NULL &&
        X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0,
                           XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0 &&
        (size = BIO_get_mem_data(bio, &data)) > 0)
        json_object_set_new(json, "subject", json_stringn(data, (size_t)size));
    ERR_clear_error();
    BIO_free(bio);
    X509_free(cert);
}

json_t *
certificate_json(const struct db_certificate_row *row, int64_t now)
{
    json_t *json = json_object();

    json_set_text(json, "issuer", row->issuer);
    json_set_hex(json, "serial", row->serial, sizeof row->serial);
    json_set_int(json, "pair", row->pair);
    json_set_text(json, "number", row->number);
    json_set_text(json, "account", row->account);
    json_set_text(json, "unit_name", row->unit_name);
    set_subject(json, row->der, row->der_len);
    if (row->device != NULL)
        json_set_text(json, "device", row->device);
    json_set_text(json, "state", state_now(row->state, row->not_after, now));
    if (row->reason != NULL)
        json_set_text(json, "reason", row->reason);
    json_set_time(json, "not_before", row->not_before);
    json_set_time(json, "not_after", row->not_after);
    if (row->bound_at != 0)
        json_set_time(json, "bound_at", row->bound_at);
    return json;
}

static bool
certificates_add(const struct db_result *row, void *arg, struct error *err)
{
    struct certificates *all = arg;
    struct db_certificate_row one;

    if (!db_certificates_read(row, 0, &one, err))
        return false;
    json_array_append_new(all->list, certificate_json(&one, all->now));
    return true;
}

/* Accounts see their own; who works with cases sees any account's. */
static bool
may_look(struct ra_worker *worker, const struct http_request *req,
         struct http_response *res, struct caller *caller)
{
    struct error err = {0};

    if (!caller_get(worker, req, res, caller))
        return false;
    if (caller->kind != CALLER_OFFICER || caller_has_one_of(caller, DESK_ROLES))
        return true;
    error_set(&err, ERROR_DENIED,
              "none of your roles has business with certificates");
    http_reply_error(res, req, "certificate", &err);
    return false;
}

void
handle_certificate_list(void *arg, const struct http_request *req,
                        struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct certificates all = {.now = clock_now()};
    char asked[ACCOUNT_NAME_MAX + 1] = "";
    const char *account = asked;
    struct db_certificate_filter filter = {0};
    struct caller caller;
    struct error err = {0};
    json_t *out;

    if (!may_look(worker, req, res, &caller))
        return;
    if (caller.kind == CALLER_ACCOUNT)
        account = caller.account.account;
    else if (!http_query(req, "account", asked, sizeof asked)) {
        error_set(&err, ERROR_INPUT, "account: whose certificates?");
        http_reply_error(res, req, "certificate.list", &err);
        return;
    }
    all.list = json_array();
    filter.account = account;
    if (!db_certificates(worker->db, &filter, LIST_MAX, certificates_add, &all,
                         &err)) {
        json_decref(all.list);
        http_reply_error(res, req, "certificate.list", &err);
        return;
    }
    out = json_object();
    json_object_set_new(out, "certificates", all.list);
    http_reply_json(res, 200, out);
}

static bool
pem_add(json_t *list, const uint8_t *der, size_t len, struct error *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    long size;
    bool ok = false;

    if (bio == NULL ||
        PEM_write_bio(bio, PEM_STRING_X509, "", der, (long)len) <= 0 ||
        (size = BIO_get_mem_data(bio, &data)) <= 0 || size > PEM_MAX)
        error_openssl(err, ERROR_INTERNAL, "PEM of a certificate");
    else
        ok = json_array_append_new(list, json_stringn(data, (size_t)size)) == 0;
    BIO_free(bio);
    return ok;
}

/* Another's is as if there were none. */
static bool
show(struct ra_worker *worker, const struct http_request *req,
     const struct caller *caller, json_t **out, struct error *err)
{
    struct certificates halves = {.now = clock_now()};
    const char *issuer = http_param(req, "issuer");
    struct db_certificate_filter filter = {0};
    struct db_holder holder = {0};
    struct db_case row = {0};
    uint8_t serial[DB_HOLDER_SERIAL_LEN];
    json_t *chain = json_array();
    json_t *old_keys = NULL;
    size_t len = 0;
    bool is_found = false;
    bool ok = false;

    halves.list = json_array();
    if (text_unhex(http_param(req, "serial"), serial, sizeof serial, &len) &&
        len == sizeof serial &&
        !db_holder_get(worker->db, issuer, serial, &is_found, &holder, err))
        goto out;
    if (!is_found || (caller->kind == CALLER_ACCOUNT &&
                      strcmp(holder.account, caller->account.account) != 0)) {
        error_set(err, ERROR_NOT_FOUND, "there is no such certificate");
        goto out;
    }
    filter.number = holder.number;
    if (!db_case_get(worker->db, holder.number, false, &row, err) ||
        !old_keys_json(worker->db, &row, &old_keys, err) ||
        !pem_add(chain, holder.der, holder.der_len, err) ||
        !pem_add(chain, holder.issuer_der, holder.issuer_der_len, err) ||
        !db_certificates(worker->db, &filter, 2, certificates_add, &halves,
                         err))
        goto out;
    /* Its own row is among those of its case. */
    for (size_t i = 0; i < json_array_size(halves.list); i++)
        if (json_integer_value(json_object_get(json_array_get(halves.list, i),
                                               "pair")) == holder.pair)
            *out = json_deep_copy(json_array_get(halves.list, i));
    json_object_set(*out, "chain", chain);
    json_object_set(*out, "halves", halves.list);
    if (caller->kind == CALLER_ACCOUNT)
        json_object_del(old_keys, "problem");
    if (old_keys != NULL)
        json_object_set(*out, "old_keys", old_keys);
    ok = true;
out:
    json_decref(chain);
    json_decref(old_keys);
    json_decref(halves.list);
    db_case_clear(&row);
    db_holder_clear(&holder);
    return ok;
}

void
handle_certificate_show(void *arg, const struct http_request *req,
                        struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    json_t *out = NULL;

    if (!may_look(worker, req, res, &caller))
        return;
    if (show(worker, req, &caller, &out, &err))
        http_reply_json(res, 200, out);
    else
        http_reply_error(res, req, "certificate.show", &err);
}
