/*
 * Admission of an issuing order: every rule is checked, and the complete
 * TBSCertificate built and linted, before anything is recorded. Judging is
 * pure; order_plan() reads what the judges need. Which rules:
 * docs/architecture.md, "Messages"; the profile says the rest.
 */
#ifndef CA_CORE_ORDER_H
#define CA_CORE_ORDER_H

#include "ca-core/api.h"
#include "ca-core/issuer.h"
#include "ca-core/profile.h"
#include "ca-core/serial.h"
#include "ca-core/validity.h"
#include "db/certificate.h"

/* What is the same for all orders. Borrowed. */
struct order_world {
    const struct profile_set *profiles;
    const char *publish_url;
    int64_t clock_tolerance_s;
    int64_t activation_max_s;    /* from an order to its activation */
    const char *passkey_origins; /* with spaces between; "": none */
    bool makes_pairs;            /* it has a key management centre */
};

/* A certificate to be recorded; owns its octets. */
struct order_plan {
    const struct profile *profile; /* borrowed from the world */
    const struct issuer *issuer;   /* borrowed from the set */
    struct serial serial;
    struct validity_period period;
    struct buf subject;      /* DER Name */
    struct buf subject_text; /* RFC 4514 */
    struct buf tbs;
    uint8_t spki_sha256[32];
    struct db_certificate *predecessor; /* NULL: none */
    struct db_certificate *mate; /* the predecessor's other half, whose fate is
                                    its own; NULL: none, or a second plan */
    /* What was counted; -1 where the profile has no such rule. */
    int64_t key_all, subject_all;
};

/* ---- The judges -------------------------------------------------------- */

/* What the order says by itself: validity rules that its kind allows, dates
 * that are no nonsense. ERROR_INPUT. */
bool order_check_shape(const struct api_order *order, int64_t now,
                       int64_t tolerance_s, struct error *err) MUST_CHECK;

/* Whether officers may order this kind under this profile. ERROR_INPUT. */
bool order_check_profile(const struct profile *profile, enum api_kind kind,
                         struct error *err) MUST_CHECK;

/* The issuer of that name (NULL: the newest active one that the profile
 * allows). ERROR_INPUT: none such, or the profile does not allow it;
 * ERROR_CONFLICT: not active; ERROR_BUSY: its key is not there now. */
bool order_choose_issuer(const struct issuer_set *set,
                         const struct profile *profile, const char *name,
                         const struct issuer **out,
                         struct error *err) MUST_CHECK;

/*
 * A predecessor is valid and not expired; a held one may be reissued and
 * rekeyed only (the holder lost the token: it is held first, domain.md, 1.8
 * #15), and then not held again. It is of the same profile, the same account
 * and an issuer of the same family: one that the profile allows. ERROR_CONFLICT
 * for its state, ERROR_INPUT for what it is, ERROR_DENIED for whose it is.
 */
bool order_check_predecessor(const struct api_order *order,
                             const struct profile *profile,
                             const struct issuer *issuer_of_predecessor,
                             const struct db_certificate *predecessor,
                             int64_t now, struct error *err) MUST_CHECK;

/* Rules of uniqueness, and that a reissue or rekey has a new key. */
bool order_check_key(const struct api_order *order,
                     const struct profile *profile,
                     const struct db_certificate *predecessor,
                     const uint8_t spki_sha256[32],
                     const struct db_certificate_count *key,
                     struct error *err) MUST_CHECK;
bool order_check_subject(const struct profile *profile,
                         const struct db_certificate_count *subject,
                         struct error *err) MUST_CHECK;

/* What an order may say about a pair, `first` being the profile of the one for
 * signing: another profile, for a key that signs nothing, since it is kept
 * elsewhere; and this CA makes pairs. ERROR_INPUT. */
bool order_check_pair(const struct order_world *world,
                      const struct api_order *order,
                      const struct profile *first, const struct profile *second,
                      struct error *err) MUST_CHECK;

/* A transport key that others are wrapped for: RSA of 2048 to 4096 bits, DER,
 * and no worse than those that are certified. ERROR_INPUT. */
bool order_check_transport(struct der spki, struct error *err) MUST_CHECK;

/* Whether an order that waits for its device waits no longer than it may.
 * ERROR_INPUT. */
bool order_check_activation(const struct api_order *order, int64_t max_s,
                            struct error *err) MUST_CHECK;

/* ---- The plan ---------------------------------------------------------- */

/* Judges an issuing order and builds its certificate, for the request that the
 * order has, or else for `csr` (PKCS #10; NULL: for a key that is made up, to
 * see whether the order could be carried out). Clear `out` with
 * order_plan_clear(), whatever is returned. */
bool order_plan(const struct order_world *world, const struct issuer_set *set,
                struct db *db, const struct api_order *order,
                const struct der *csr, int64_t now, struct order_plan *out,
                struct error *err) MUST_CHECK;
/*
 * The other half of a pair (docs/architecture.md, "Pairs"): subject, names,
 * organisation code, period and issuer of the first, by the rules of the
 * profile for encryption; the predecessor's other half as its predecessor.
 * `spki` is the key that the centre made, NULL: one that stands for it, to see
 * whether it could be certified before any is made. Clear `out`, whatever is
 * returned.
 */
bool order_plan_second(const struct order_world *world,
                       const struct issuer_set *set, struct db *db,
                       const struct api_order *order,
                       const struct order_plan *first, const struct der *spki,
                       int64_t now, struct order_plan *out,
                       struct error *err) MUST_CHECK;
void order_plan_clear(struct order_plan *plan); /* zeroed is nothing */

#endif
