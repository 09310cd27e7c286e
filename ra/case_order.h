/*
 * Orders of cases for the CA core (docs/architecture.md, "The order" and
 * "Orders that a device completes"): building what officers sign, and putting
 * orders into ra.case_order. Sending them and what answers do stands in
 * ra/case_send.h. All in the caller's transaction, which has locked the case.
 *
 *   business            the order of the case             further orders
 *   new                 issue, activation                 recover
 *   reissue             reissue, activation, keep; the    hold (lost), release,
 *                       old one revoked: superseded       recover
 *   change              change, activation, keep; the     recover
 *                       old one revoked: affiliationChanged
 *   revoke              revoke                            hold, release
 *   renew               none: the device makes it when    issue (renew),
 *                       it signs (case_order_renewal())   supersede (revoke)
 *   recover             recover, by document
 *   seal, unlock        what is decided, as JSON; the core never sees it
 */
#ifndef RA_CASE_ORDER_H
#define RA_CASE_ORDER_H

#include "db/case_order.h"
#include "ra/case_apply.h"

enum {
    CASE_ORDER_MAX = 256 * 1024, /* octets of an order or envelope */
    /* Days that an order stands open for its device: all timers on the way
     * together. At most ca.activation_max_days, by default as many. */
    CASE_ORDER_ACTIVATION_DAYS = 240,
};

/* Draws an id, makes the order of this revision (or, for seal and unlock, what
 * is decided) and writes it into the case. */
bool case_order_make(struct db *db, const struct db_case *row,
                     const struct definition *definition, const json_t *fields,
                     int64_t at, struct error *err) MUST_CHECK;

/* Whether the documents that an applicant has given are those that were there
 * when the order was made; true of orders of the core, which name none. */
bool case_order_is_current(struct db *db, const struct db_case *row,
                           const struct definition *definition, bool *out,
                           struct error *err) MUST_CHECK;

/* The order itself, pure; the caller owns the result. */
json_t *case_order_json(const struct db_case *row,
                        const struct definition *definition,
                        const json_t *fields, const char *order_id, int64_t at);

/* The hold that goes with the decision of a first reviewer: queued. */
bool case_order_hold(struct db *db, const struct db_case *row,
                     const struct case_decided *decided, int64_t at,
                     struct error *err) MUST_CHECK;
/* Whether this case holds the certificate, or is about to: what its hold was
 * not refused for. */
bool case_order_has_held(struct db *db, const char *number, bool *out,
                         struct error *err) MUST_CHECK;
/* The release of what this case has held, with the rejection of a second
 * reviewer: queued. Nothing if nothing was held. */
bool case_order_release(struct db *db, const struct db_case *row,
                        const struct case_decided *decided, int64_t at,
                        struct error *err) MUST_CHECK;
/* The order of the case with its decisions, as they stand: queued for this
 * purpose, "revoke" or "recover". */
bool case_order_decided(struct db *db, const struct db_case *row,
                        const char *purpose, int64_t at,
                        struct error *err) MUST_CHECK;

/* The device of the case into an order to recover, as {"carrier"}: who gets the
 * keys. ERROR_CONFLICT for a device without transport key. */
bool case_order_carrier(struct db *db, const struct db_case *row, json_t *order,
                        struct error *err) MUST_CHECK;

/* What the device adds to an order with activation; its transport key comes
 * from ra.device. */
struct case_completion {
    const char *device;  /* its serial number */
    const uint8_t *spki; /* its own key, DER */
    size_t spki_len;
    const uint8_t *csr; /* PKCS #10, DER */
    size_t csr_len;
    const uint8_t *signature; /* over {"csr_sha256", "device", "order_id"} */
    size_t signature_len;
};
/* The order of the case with its decisions and this, waiting; the transition
 * ACTIVATE (EFFECT_ISSUE) sends it on its way. Call it from `change`.
 * ERROR_CONFLICT when a pair is to be made for a device without transport key.
 */
bool case_order_complete(struct db *db, const struct db_case *row,
                         const struct case_completion *completion, int64_t at,
                         struct error *err) MUST_CHECK;

/* The two orders of a renewal, as the holder is to sign them: purpose "issue"
 * (renew: extend by the years of the case, for the transport key of the
 * device's row) and "supersede" (revoke superseded). Not stored. The caller
 * owns the orders. ERROR_CONFLICT for a device without transport key. */
struct case_order_draft {
    const char *purpose;
    char order_id[TEXT_UUID_LEN + 1];
    json_t *order;
    uint8_t digest[32];
};
bool case_order_renewal(struct db *db, const struct db_case *row,
                        const struct definition *definition,
                        const json_t *fields, const uint8_t *csr,
                        size_t csr_len, int64_t at,
                        struct case_order_draft out[2],
                        struct error *err) MUST_CHECK;

/* Stores an order, waiting: {"order", "decisions"} and the members of `more`
 * (NULL: none). Given again while it waits, the last one counts. SIGN sends
 * "issue" on its way, INSTALL "supersede". */
bool case_order_put(struct db *db, const char *number, const char *purpose,
                    const json_t *order, const json_t *decisions,
                    const json_t *more, int64_t at,
                    struct error *err) MUST_CHECK;

/* The same, queued: it goes now. */
bool case_order_send(struct db *db, const char *number, const char *purpose,
                     const json_t *order, const json_t *decisions, int64_t at,
                     struct error *err) MUST_CHECK;

/* The last waiting or refused order of this purpose goes now. ERROR_INTERNAL
 * when there is none. */
bool case_order_queue(struct db *db, const char *number, const char *purpose,
                      int64_t at, struct error *err) MUST_CHECK;

/* The approvals of the case's revision as the core wants them, an array. The
 * caller owns *out. */
bool case_order_decisions(struct db *db, const struct db_case *row,
                          json_t **out, struct error *err) MUST_CHECK;

#endif
