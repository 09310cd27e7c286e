/*
 * What each business needs, read from config/business/NAME.xml under
 * config/schema/business.xsd: fields and which lock, document slots, fee,
 * reviews, mailing, device, timers, notices. What several share stands in
 * config/business/common.xml, and they say <use name="..."/>. The transitions
 * are C (ra/case.h); definition_check() holds one against the other at start.
 * Immutable once loaded; shared by all threads.
 */
#ifndef RA_DEFINITION_H
#define RA_DEFINITION_H

#include <jansson.h>

#include "ra/case.h"

enum {
    DEFINITION_FIELDS_MAX = 40,
    DEFINITION_SLOTS_MAX = 12,
    DEFINITION_PRICES_MAX = 16,
    DEFINITION_TIMERS_MAX = 24,
    DEFINITION_NOTICES_MAX = 96,
    DEFINITION_LANGUAGES = 2, /* 0 zh, 1 en */
};

/* How a field is judged and shown. */
enum definition_type {
    FIELD_TEXT, /* up to `max` characters, none that does not show */
    FIELD_UNIT_NAME,
    FIELD_USCC,      /* GB 32100 */
    FIELD_ID_NUMBER, /* "x_number" is judged by field "x_type": GB 11643 for
                        "id-card" */
    FIELD_MOBILE,    /* 11 digits, or "+" and a foreign number */
    FIELD_EMAIL,
    FIELD_CHOICE, /* one of `choices`; of one alone: a box to tick */
    FIELD_YEARS,  /* 1..5 */
    FIELD_FLAG,   /* "yes" or "no" */
    FIELD_SEALS,  /* [{"type": "official"|"contract", "name"}], 1 or 2, types
                     unique: the array, or its text; kept as text (RFC 8785) */
};

struct definition_text {
    const char *in[DEFINITION_LANGUAGES]; /* 中文, English; never NULL */
};

struct definition_choice {
    const char *value;
    struct definition_text label;
};

struct definition_field {
    const char *name; /* "unit_name", "handler_mobile" */
    enum definition_type type;
    struct definition_text label;
    struct definition_text help; /* "" if none */
    bool is_required;
    bool is_locked;   /* from submission on */
    bool is_personal; /* sealed at rest, every look logged */
    bool is_printed;  /* stands on the form: an edit makes a new revision */
    bool from_record; /* filled from ra.unit, read-only */
    int max;          /* characters */
    const struct definition_choice *choice;
    size_t choice_count;
    const char *when; /* "NAME=VALUE" or "NAME!=VALUE": wanted only then, and
                         left out otherwise; NULL: always */
    const char *otherwise; /* value when nothing is said; NULL: none */
};

struct definition_slot {
    const char *name; /* "certificate-form", "business-licence" */
    struct definition_text label;
    struct definition_text help;
    bool is_required;
    const char *when; /* as of a field: "kind=law-firm", "seal=yes" */
    const char *form; /* "certificate", "seal", ...: has our QR; or NULL */
    bool is_internal; /* put there by customer service: "statement" */
    bool wants_red_seal;
    bool wants_colour;
    int pages_min, pages_max;
    int copies;       /* originals or stamped copies by mail; 0: none */
    bool is_original; /* not a stamped copy */
    const struct definition_text *check; /* the officer's checklist */
    size_t check_count;
};

struct definition_price {
    int64_t from, until; /* instants; until is INT64_MAX for open */
    int64_t amount;      /* fen */
    bool is_per_year;
};

struct definition_timer {
    enum case_state state;
    enum case_event event; /* CASE_EXPIRE or CASE_REMIND */
    int days;              /* after the state was entered */
    bool is_working_days;
};

/*
 * What people are told, one for each channel. Texts hold ${name} of
 *   number business unit_name state: of the case; in the language of the notice
 *   centre hotline: of the service centre, from the settings
 *   remark: of who acted; "" if none
 *   deadline: day of the state's timer, "" if none
 *   code: with an event that draws one (EFFECT_CODE); SMS alone
 * and with the events that are no transition
 *   shipped, delivered: carrier tracking
 *   papers-wanted: wanted
 *   refunded: amount    invoiced: invoice
 *   certificate-expiring, certificate-held, certificate-released,
 *   certificate-revoked: serial not_after days
 *   certificate-left-held: serial
 *   old-keys-ready, old-keys-failed: nothing more
 * definition_check() refuses any other. The text of a webhook goes into its
 * JSON as "text".
 */
struct definition_notice {
    const char *name;      /* "passed", "shipped": as in the XML */
    enum case_event event; /* CASE_EVENT_COUNT: no transition */
    enum case_state to;    /* with this result; CASE_STATE_COUNT: any */
    const char *channel;   /* "sms", "email", "webhook" */
    struct definition_text subject; /* of an e-mail; else "" */
    struct definition_text text;
};

struct definition {
    enum case_business business;
    struct definition_text name; /* 新申请, New certificate */
    struct definition_text summary;
    struct definition_text notice; /* 供应商须知: paragraphs, each on a line */
    const char *notice_version; /* accepted with the case; NULL: none asked
                                   for (unlock) */
    struct definition_text agreement; /* 电子认证服务协议, which the field
                                         "agreement" accepts; "" if none */
    const char *agreement_version;    /* NULL if none */
    const char *profile;    /* of the certificate; NULL: none issued */
    const char *encryption; /* profile of the other half of the pair, for a key
                               of the key management centre; NULL: none */
    const char *encryption_key; /* type of that key: "rsa-2048" */
    int reviews;                /* 0, 1, 2 */
    bool wants_live;         /* a live certificate; else there must be none */
    bool wants_device_proof; /* the device is plugged in and signs */
    bool asks_files;         /* encrypted-files question, of the present
                                certificate */
    int window_days;         /* renew: from so many days before the end */
    bool sends_device;       /* outbound */
    bool sends_after_second; /* only after the second review */
    bool returns_device;     /* the old device comes by mail */
    struct definition_field field[DEFINITION_FIELDS_MAX];
    size_t field_count;
    struct definition_slot slot[DEFINITION_SLOTS_MAX];
    size_t slot_count;
    struct definition_price price[DEFINITION_PRICES_MAX];
    size_t price_count;
    struct definition_timer timer[DEFINITION_TIMERS_MAX];
    size_t timer_count;
    struct definition_notice notices[DEFINITION_NOTICES_MAX];
    size_t notice_count;
};

struct definitions; /* of all businesses */

/* Reads all of them from the folder; ERROR_INPUT names file and line. */
bool definitions_load(const char *folder, const char *schema_dir,
                      struct definitions **out, struct error *err) MUST_CHECK;
void definitions_free(struct definitions *all); /* NULL is nothing */
const struct definition *definition_get(const struct definitions *all,
                                        enum case_business business);

/* Of a case's row, by its name; ERROR_INTERNAL for one that there is not. */
bool definition_of(const struct definitions *all, const char *business,
                   const struct definition **out, struct error *err) MUST_CHECK;

/* Whether the XML and the table of transitions say the same: reviews that lead
 * nowhere, a fee without a payment state, timers of states that have none. */
bool definition_check(const struct definition *definition,
                      struct error *err) MUST_CHECK;

const struct definition_field *
definition_field_find(const struct definition *definition, const char *name);
const struct definition_slot *
definition_slot_find(const struct definition *definition, const char *name);

/* Judges all fields of a case: {"name": "value", ...}, texts normalised in
 * place (ra/field.h); empty ones and those not wanted (`when`) are taken out,
 * defaults put in. `is_whole`: required ones must be there (submission); else
 * what is there must be right. ERROR_INPUT with "NAME: 中文 / English": the
 * field, and what is wrong and what to do, in both languages; a page shows the
 * half of its reader beside the field. */
bool definition_fields_check(const struct definition *definition,
                             json_t *fields, bool is_whole,
                             struct error *err) MUST_CHECK;

/* Whether a `when` condition (NULL: always) holds for these fields. */
bool definition_when(const char *when, const json_t *fields);

/* The notice of an event that is no transition: "shipped" by "sms"; NULL if
 * there is none. */
const struct definition_notice *
definition_notice_find(const struct definition *definition, const char *name,
                       const char *channel);

/* What the business costs for these fields at this time, in fen; 0: free. */
int64_t definition_price(const struct definition *definition,
                         const json_t *fields, int64_t at);

/* For GET /v1/businesses: everything that the pages need. The caller owns it.
 * {"business", "name", "summary", "notice"?: {"version", "zh", "en"},
 * "agreement"?: the same, "reviews", "wants_live", "wants_device_proof",
 * "asks_files", "window_days", "sends_device", "sends_after_second",
 * "returns_device", "fields": [{"name", "type", "label", "help"?,
 * "is_required", "is_locked", "is_personal", "is_printed", "from_record",
 * "max", "when"?, "default"?, "choices"?: [{"value", "label"}]}], "slots":
 * [{"slot", "label", "help"?, "is_required", "when"?, "form"?,
 * "wants_red_seal", "wants_colour", "pages_min", "pages_max", "copies",
 * "is_original", "checks": [{"zh", "en"}]}] without internal ones, "price"?:
 * {"amount", "is_per_year"}, "timers": [{"state", "event", "days",
 * "is_working_days"}]}; texts are {"zh", "en"}; types "text", "unit-name",
 * "uscc", "id-number", "mobile", "email", "choice", "years", "flag", "seals".
 */
json_t *definition_json(const struct definition *definition, int64_t at);

#endif
