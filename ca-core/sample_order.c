/* Samples that officers order: every profile, key type and kind of name. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ca-core/ceremony_internal.h"
#include "ca-core/sample.h"

enum { VALUE_MAX = 1024, NAME_TEXT_MAX = 256, DAY_S = 86400 };

/* A code that GB 32100-2015 gives a check character for. */
static const char organization_code[] = "91350100M000100Y43";

enum variant { PLAIN, SHORT_CHINESE, LONG_CHINESE, AT_THE_BOUND };

static const char *const variant_names[] = {
    "", "--short-chinese-name", "--long-chinese-name", "--names-at-the-bound"};

/* ---- Names ------------------------------------------------------------- */

/* A subject and what its texts stand in. */
struct subject {
    struct api_subject name;
    char value[API_ATTRIBUTE_COUNT][VALUE_MAX];
};

static void
set(struct subject *out, enum api_attribute attribute, const char *value)
{
    (void)snprintf(out->value[attribute], VALUE_MAX, "%s", value);
    out->name.attribute[attribute] = out->value[attribute];
}

/* `characters` characters that end in `tail` (ASCII). */
static void
fill(struct subject *out, enum api_attribute attribute, const char *character,
     size_t characters, const char *tail)
{
    char text[VALUE_MAX] = "";
    size_t used = 0, i, head;

    if (characters > 128) /* of street and kin; enough to be long */
        characters = 128;
    head = characters - strlen(tail);
    for (i = 0; i < head; i++)
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s", character);
    (void)snprintf(text + used, sizeof text - used, "%s", tail);
    set(out, attribute, text);
}

static bool
takes(const struct profile *profile, enum api_attribute attribute)
{
    enum profile_presence presence = profile->subject[attribute].presence;

    return presence == PROFILE_OPTIONAL || presence == PROFILE_REQUIRED;
}

/* Every attribute that the profile takes, as long as it may be. */
static void
fill_to_the_bound(struct subject *out, const struct profile *profile,
                  const char *tail)
{
    int i;

    for (i = 0; i < API_ATTRIBUTE_COUNT; i++) {
        size_t max = profile->subject[i].max;

        if (!takes(profile, i) || i == API_COUNTRY || i == API_EMAIL)
            continue;
        /* serialNumber is a PrintableString. */
        fill(out, i, i == API_SERIAL_NUMBER ? "8" : "永", max,
             max > strlen(tail) ? tail : "");
    }
}

static void
make_subject(struct subject *out, const struct profile *profile,
             enum variant variant, const char *tag)
{
    if (takes(profile, API_COUNTRY))
        set(out, API_COUNTRY, "CN");
    switch (variant) {
    case PLAIN:
        set(out, API_ORGANIZATION, "Sample Ltd");
        set(out, API_COMMON_NAME, "Sample");
        break;
    case SHORT_CHINESE:
        set(out, API_ORGANIZATION, "甲");
        set(out, API_COMMON_NAME, "乙");
        break;
    case LONG_CHINESE:
        fill(out, API_ORGANIZATION, "龘", 58, "");
        set(out, API_COMMON_NAME,
            "广西壮族自治区桂林市龙胜各族自治县伟江乡潘寨村农业生产资料供销合作"
            "社联合社第一分社");
        break;
    case AT_THE_BOUND:
        fill_to_the_bound(out, profile, tag);
        return;
    }
    if (takes(profile, API_ORGANIZATIONAL_UNIT))
        set(out, API_ORGANIZATIONAL_UNIT, tag); /* subjects are unique */
    if (profile->subject[API_SERIAL_NUMBER].presence == PROFILE_REQUIRED)
        set(out, API_SERIAL_NUMBER, tag);
}

/* A server's common name is its DNS name. */
static void
name_server(struct subject *out, enum variant variant, const char *tag,
            struct api_san *san)
{
    char text[NAME_TEXT_MAX];

    if (variant == AT_THE_BOUND) /* 64 characters: ub-common-name */
        (void)snprintf(text, sizeof text, "%s-%0*d.example.cn", tag,
                       64 - (int)strlen(tag) - 12, 0);
    else
        (void)snprintf(text, sizeof text, "%s.example.cn", tag);
    set(out, API_COMMON_NAME, text);
    san->type = API_SAN_DNS;
    san->value = out->value[API_COMMON_NAME];
}

/* ---- Requests and orders ----------------------------------------------- */

static bool
make_request(enum hsm_key_type type, struct buf *out, struct error *err)
{
    X509_REQ *request = X509_REQ_new();
    EVP_PKEY *key = NULL;
    const EVP_MD *digest = hsm_scheme_digest(hsm_scheme_default(type));
    unsigned char *der = NULL;
    int len;
    bool ok = false;

    if (!ceremony_soft_key(type, &key, err))
        goto out;
    if (request == NULL || X509_REQ_set_version(request, 0) != 1 ||
        X509_REQ_set_pubkey(request, key) != 1 ||
        X509_REQ_sign(request, key, digest) <= 0 ||
        (len = i2d_X509_REQ(request, &der)) <= 0) {
        error_openssl(err, ERROR_INTERNAL, "make a request");
        goto out;
    }
    ok = buf_add(out, der, (size_t)len);
out:
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    X509_REQ_free(request);
    return ok;
}

static bool
decide(const struct sample_officer *officer, enum api_step step,
       const struct api_order *order, const uint8_t digest[32], json_t *list,
       struct error *err)
{
    struct api_decision decision = {.step = step, .decided_at = clock_now()};

    memcpy(decision.officer_id, officer->officer_id,
           sizeof decision.officer_id);
    if (!api_decision_sign(&decision, order->order_id, digest,
                           officer->certificate, officer->certificate_len,
                           officer->key, err))
        return false;
    json_array_append_new(list, api_decision_json(&decision));
    return true;
}

bool
sample_order(struct sample *sample, struct api_order *order,
             struct api_answer *answer, struct error *err)
{
    json_t *envelope = json_object(), *decisions = json_array();
    json_t *json = NULL, *reply = NULL;
    uint8_t digest[32];
    bool ok = false;

    order->created_at = clock_now();
    if (!text_uuid_draw(order->order_id, err))
        goto out;
    json = api_order_json(order);
    if (!api_order_digest(json, digest, err) ||
        !decide(&sample->first, API_STEP_FIRST_REVIEW, order, digest, decisions,
                err) ||
        !decide(&sample->second, API_STEP_SECOND_REVIEW, order, digest,
                decisions, err))
        goto out;
    json_object_set(envelope, "order", json);
    json_object_set(envelope, "decisions", decisions);
    if (!http_client_json(sample->ca, HTTP_POST, "/v1/orders", envelope, &reply,
                          err) ||
        !api_answer_parse(reply, answer, err))
        goto out;
    if (answer->state != API_DONE) {
        error_set(err, ERROR_INTERNAL, "order %s is not done", order->order_id);
        goto out;
    }
    ok = true;
out:
    json_decref(reply);
    json_decref(json);
    json_decref(decisions);
    json_decref(envelope);
    return ok;
}

static struct api_validity
validity_of(const struct profile *profile)
{
    if (profile->validity.rule[API_VALIDITY_YEARS].is_allowed)
        return (struct api_validity){API_VALIDITY_YEARS, 1};
    return (struct api_validity){API_VALIDITY_DAYS, 365};
}

static bool
order_one(struct sample *sample, const struct profile *profile,
          enum hsm_key_type type, enum variant variant,
          struct api_answer *answer, struct error *err)
{
    struct subject *subject = base_alloc(sizeof *subject);
    struct buf csr = BUF_INIT(API_CSR_MAX);
    struct api_san san = {API_SAN_EMAIL, "sample@example.cn"};
    struct api_order order = {.kind = API_ISSUE, .has_subject = true};
    char tag[NAME_TEXT_MAX];
    bool ok;

    (void)snprintf(tag, sizeof tag, "%s-%zu", sample->tag,
                   sample->order_count++);
    make_subject(subject, profile, variant, tag);
    if (profile->san[API_SAN_DNS].presence != PROFILE_FORBIDDEN)
        name_server(subject, variant, tag, &san);
    if (profile->san[san.type].presence != PROFILE_FORBIDDEN) {
        order.san = &san;
        order.san_count = 1;
    }
    if (profile->organization_code.presence != PROFILE_FORBIDDEN)
        order.organization_code = organization_code;
    order.account = tag;
    order.person = tag;
    order.profile = profile->name;
    order.subject = subject->name;
    order.validity = validity_of(profile);
    ok = make_request(type, &csr, err);
    order.csr = csr.data;
    order.csr_len = csr.len;
    ok = ok && sample_order(sample, &order, answer, err);
    buf_clear(&csr);
    free(subject);
    return ok || error_wrap(err, "%s %s%s", profile->name,
                            hsm_key_type_name(type), variant_names[variant]);
}

bool
sample_one(struct sample *sample, struct api_answer *answer, struct error *err)
{
    const struct profile *profile =
        profile_set_find(&sample->profiles, "organisation-signing");

    if (profile == NULL)
        return error_set(err, ERROR_INPUT,
                         "there is no profile organisation-signing");
    return order_one(sample, profile, HSM_KEY_EC_P256, PLAIN, answer, err);
}

static bool
make_file(struct sample *sample, const struct profile *profile,
          enum hsm_key_type type, enum variant variant, struct error *err)
{
    struct api_answer answer = {0};
    char name[NAME_TEXT_MAX];
    bool ok;

    (void)snprintf(name, sizeof name, "%s--%s%s", profile->name,
                   hsm_key_type_name(type), variant_names[variant]);
    ok = order_one(sample, profile, type, variant, &answer, err) &&
         sample_write_certificate(sample, name, answer.certificate[0].der,
                                  answer.certificate[0].der_len, err);
    api_answer_clear(&answer);
    return ok;
}

bool
sample_certificates(struct sample *sample, struct error *err)
{
    size_t i;
    int type, variant;

    for (i = 0; i < sample->profiles.count; i++) {
        const struct profile *profile = sample->profiles.at[i];

        if (profile->ordered_by != PROFILE_BY_OFFICERS)
            continue;
        for (type = 0; type < HSM_KEY_TYPE_COUNT; type++)
            if (profile->is_key_allowed[type] &&
                !make_file(sample, profile, type, PLAIN, err))
                return false;
        for (variant = SHORT_CHINESE; variant <= AT_THE_BOUND; variant++)
            if (!make_file(sample, profile, HSM_KEY_EC_P256, variant, err))
                return false;
    }
    return true;
}
