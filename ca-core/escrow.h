/*
 * signet-ca as a client of signet-kmc, the key management centre: keys for
 * certificates of encryption, made and kept there, and the recovery of those
 * that a holder had before. HTTPS both ways known by certificates; answers are
 * bounded and read strictly; nothing here is ever in clear.
 */
#ifndef CA_CORE_ESCROW_H
#define CA_CORE_ESCROW_H

#include "base/config.h"
#include "base/http_client.h"
#include "base/text.h"
#include "ca-core/public_key.h"

enum {
    ESCROW_HOLDER_MAX = 128, /* octets: an account */
    ESCROW_STATE_MAX = 16,
    ESCROW_WRAPPED_MAX = 4096,    /* octets: PKCS #8 of RSA-4096 and more */
    ESCROW_CONTENT_KEY_MAX = 512, /* octets: under RSA-4096 */
    ESCROW_KEYS_MAX = 64,         /* in one case: ca-core/kmc/case.h */
    ESCROW_LIST_MAX = 1000,       /* keys of one holder */
};

/* Where it is; url NULL: this CA makes no pairs. Borrowed for life. */
struct escrow_options {
    const char *url;
    const char *trust_file, *certificate_file, *key_file;
};

/* ca.kmc_url and what goes with it. ERROR_INPUT: a file is missing. */
bool escrow_options_load(const struct config *config,
                         struct escrow_options *out,
                         struct error *err) MUST_CHECK;

struct escrow; /* for one thread; keeps its connection */

/* *out stays NULL when there is no url. */
bool escrow_new(const struct escrow_options *options, struct escrow **out,
                struct error *err) MUST_CHECK;
void escrow_free(struct escrow *escrow); /* NULL is nothing */

/* Whether the last call of any thread found it away. */
bool escrow_seems_away(void);

struct escrow_key {
    char id[TEXT_UUID_LEN + 1]; /* "" where nothing was found */
    bool is_history;
    enum hsm_key_type type;
    char holder[ESCROW_HOLDER_MAX + 1];
    uint8_t spki[PUBLIC_KEY_SPKI_MAX];
    size_t spki_len;
    /* For the device, until it was received; else both lengths are 0. */
    uint8_t wrapped[ESCROW_WRAPPED_MAX];
    size_t wrapped_len;
    uint8_t content_key[ESCROW_CONTENT_KEY_MAX];
    size_t content_key_len;
};

/*
 * All of these: ERROR_BUSY when the centre is away or says so (ask again),
 * ERROR_NOT_FOUND and ERROR_CONFLICT as it says, ERROR_INTERNAL for whatever
 * else it says, which is a matter between it and us. `escrow` NULL is
 * ERROR_INPUT: this CA makes no pairs.
 */

/* The key of a request, made now if there is none: the same request gets the
 * same. `transport` is DER. ERROR_CONFLICT: it was made with other content. */
bool escrow_key_ask(struct escrow *escrow, const char *request_id,
                    enum hsm_key_type type, const char *holder,
                    struct der transport, struct escrow_key *out,
                    struct error *err) MUST_CHECK;
/* The key of a request, if there is one: out->id. Makes none. */
bool escrow_key_find(struct escrow *escrow, const char *request_id,
                     struct escrow_key *out, struct error *err) MUST_CHECK;
/* All of a holder. The caller frees *out. */
bool escrow_keys_of(struct escrow *escrow, const char *holder,
                    struct escrow_key **out, size_t *count,
                    struct error *err) MUST_CHECK;
/* The device has it; it goes into history. Again is nothing. */
bool escrow_key_received(struct escrow *escrow, const char *key_id,
                         struct error *err) MUST_CHECK;
bool escrow_key_retire(struct escrow *escrow, const char *key_id,
                       struct error *err) MUST_CHECK;

/* ---- Recovery ---------------------------------------------------------- */

/* What a case of kind `customer` is opened with. Borrowed. */
struct escrow_request {
    const char *id; /* of the case, a UUID: the order's */
    const char *requester;
    const char *reason;
    const char *document;
    const char *holder;
    const char *key_id[ESCROW_KEYS_MAX];
    size_t key_count;
    struct der target; /* transport key of the device */
};

struct escrow_case {
    char state[ESCROW_STATE_MAX + 1]; /* "open", "approved", "done", "refused",
                                        "expired", "aborted" */
    int64_t expires_at;
    bool has_answer;
};

/* The same again is the same case. */
bool escrow_case_open(struct escrow *escrow,
                      const struct escrow_request *request,
                      struct error *err) MUST_CHECK;
/* *is_there is false when nobody opened it. */
bool escrow_case_find(struct escrow *escrow, const char *id, bool *is_there,
                      struct escrow_case *out, struct error *err) MUST_CHECK;
/* The keys of a case that has_answer, wrapped for the device: without state and
 * holder. ERROR_NOT_FOUND once they were received. The caller frees *out. */
bool escrow_case_answer(struct escrow *escrow, const char *id,
                        struct escrow_key **out, size_t *count,
                        struct error *err) MUST_CHECK;
bool escrow_case_received(struct escrow *escrow, const char *id,
                          struct error *err) MUST_CHECK;

/* ---- What it says ------------------------------------------------------ */

/* For tests: the answers themselves. A key of POST and GET /v1/keys; a case;
 * the keys of an answer. ERROR_INTERNAL tells what is wrong with them. */
bool escrow_key_parse(const json_t *json, struct escrow_key *out,
                      struct error *err) MUST_CHECK;
bool escrow_case_parse(const json_t *json, const char *id,
                       struct escrow_case *out, struct error *err) MUST_CHECK;
bool escrow_answer_parse(const json_t *json, struct escrow_key **out,
                         size_t *count, struct error *err) MUST_CHECK;

#endif
