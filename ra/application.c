/* The way of an application: ra/application.h. */
#include "ra/application.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "ra/applicant.h"

#define BY(actor) APPLICATION_BY_##actor
#define ON(event) APPLICATION_##event

static const char complete[] = "record complete, request signed by its key";
static const char remark[] = "a signed decision with a remark";
static const char whole[] = "the same order, as signed";

const struct application_transition application_transitions[] = {
    {ON(DRAFT), ON(CREATE), ON(DRAFT), BY(APPLICANT),
     "no other open application of this account"},
    {ON(DRAFT), ON(EDIT), ON(DRAFT), BY(APPLICANT), "the last revision"},
    {ON(DRAFT), ON(SUBMIT), ON(SUBMITTED), BY(APPLICANT), complete},
    {ON(DRAFT), ON(WITHDRAW), ON(WITHDRAWN), BY(APPLICANT), ""},

    {ON(SUBMITTED), ON(ENTER), ON(ENTERED), BY(INTAKE_CLERK),
     "a signed decision; the CA would issue; no live certificate"},
    {ON(SUBMITTED), ON(RETURN), ON(RETURNED), BY(INTAKE_CLERK), remark},
    {ON(SUBMITTED), ON(WITHDRAW), ON(WITHDRAWN), BY(APPLICANT), ""},

    {ON(ENTERED), ON(PASS_FIRST), ON(FIRST_PASSED), BY(FIRST_REVIEWER),
     "a signed decision; not who entered"},
    {ON(ENTERED), ON(RETURN), ON(RETURNED), BY(FIRST_REVIEWER), remark},
    {ON(ENTERED), ON(REJECT), ON(REJECTED), BY(FIRST_REVIEWER), remark},
    {ON(ENTERED), ON(WITHDRAW), ON(WITHDRAWN), BY(APPLICANT), ""},

    {ON(FIRST_PASSED), ON(PASS_SECOND), ON(ISSUING), BY(SECOND_REVIEWER),
     "a signed decision; neither who entered nor the first reviewer"},
    {ON(FIRST_PASSED), ON(RETURN), ON(RETURNED), BY(SECOND_REVIEWER), remark},
    {ON(FIRST_PASSED), ON(REJECT), ON(REJECTED), BY(SECOND_REVIEWER), remark},
    {ON(FIRST_PASSED), ON(WITHDRAW), ON(WITHDRAWN), BY(APPLICANT), ""},

    {ON(RETURNED), ON(EDIT), ON(RETURNED), BY(APPLICANT),
     "the last revision; locked fields as they were"},
    {ON(RETURNED), ON(SUBMIT), ON(SUBMITTED), BY(APPLICANT), complete},
    {ON(RETURNED), ON(WITHDRAW), ON(WITHDRAWN), BY(APPLICANT), ""},

    {ON(ISSUING), ON(ISSUE), ON(ISSUED), BY(SYSTEM), whole},
    {ON(ISSUING), ON(REFUSE), ON(RETURNED), BY(SYSTEM),
     "the CA refused, and says that it knows no such order"},
};

const size_t application_transition_count =
    sizeof application_transitions / sizeof application_transitions[0];

static const char *const state_names[APPLICATION_STATE_COUNT] = {
    [APPLICATION_DRAFT] = "draft",
    [APPLICATION_SUBMITTED] = "submitted",
    [APPLICATION_ENTERED] = "entered",
    [APPLICATION_FIRST_PASSED] = "first-passed",
    [APPLICATION_ISSUING] = "issuing",
    [APPLICATION_ISSUED] = "issued",
    [APPLICATION_RETURNED] = "returned",
    [APPLICATION_REJECTED] = "rejected",
    [APPLICATION_WITHDRAWN] = "withdrawn",
};

/* As log entries call them: "application.entered". */
static const char *const event_names[APPLICATION_EVENT_COUNT] = {
    [APPLICATION_CREATE] = "created",
    [APPLICATION_EDIT] = "edited",
    [APPLICATION_SUBMIT] = "submitted",
    [APPLICATION_WITHDRAW] = "withdrawn",
    [APPLICATION_ENTER] = "entered",
    [APPLICATION_PASS_FIRST] = "reviewed",
    [APPLICATION_PASS_SECOND] = "approved",
    [APPLICATION_RETURN] = "returned",
    [APPLICATION_REJECT] = "rejected",
    [APPLICATION_ISSUE] = "issued",
    [APPLICATION_REFUSE] = "refused",
};

static const char *const actor_names[APPLICATION_ACTOR_COUNT] = {
    [APPLICATION_BY_APPLICANT] = "applicant",
    [APPLICATION_BY_INTAKE_CLERK] = "intake-clerk",
    [APPLICATION_BY_FIRST_REVIEWER] = "first-reviewer",
    [APPLICATION_BY_SECOND_REVIEWER] = "second-reviewer",
    [APPLICATION_BY_SYSTEM] = "system",
};

const char *
application_state_name(enum application_state state)
{
    return state_names[state];
}

const char *
application_event_name(enum application_event event)
{
    return event_names[event];
}

const char *
application_actor_name(enum application_actor actor)
{
    return actor_names[actor];
}

bool
application_state_find(const char *name, enum application_state *out)
{
    for (int i = 0; i < APPLICATION_STATE_COUNT; i++)
        if (strcmp(state_names[i], name) == 0) {
            *out = (enum application_state)i;
            return true;
        }
    return false;
}

bool
application_transition_get(enum application_state from,
                           enum application_event event,
                           enum application_actor who,
                           const struct application_transition **out,
                           struct error *err)
{
    const struct application_transition *other = NULL;

    for (size_t i = 0; i < application_transition_count; i++) {
        const struct application_transition *t = &application_transitions[i];

        if (t->from != from || t->event != event)
            continue;
        if (t->who == who) {
            *out = t;
            return true;
        }
        other = t;
    }
    if (other != NULL)
        return error_set(err, ERROR_DENIED,
                         "an application that is %s waits for the %s",
                         state_names[from], actor_names[other->who]);
    return error_set(err, ERROR_CONFLICT,
                     "an application that is %s cannot be %s",
                     state_names[from], event_names[event]);
}

/* DER of a PEM request, or false. Text around it is refused: what is sent is
 * what is judged. */
static bool
csr_from_pem(const char *text, struct buf *der)
{
    BIO *bio = BIO_new_mem_buf(text, (int)strlen(text));
    char *name = NULL;
    char *header = NULL;
    unsigned char *data = NULL;
    long len = 0;
    bool ok = bio != NULL &&
              PEM_read_bio(bio, &name, &header, &data, &len) == 1 &&
              (strcmp(name, PEM_STRING_X509_REQ) == 0 ||
               strcmp(name, PEM_STRING_X509_REQ_OLD) == 0) &&
              header[0] == '\0' && BIO_pending(bio) == 0 &&
              buf_add(der, data, (size_t)len);

    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    BIO_free(bio);
    return ok;
}

bool
application_csr_parse(const char *text, struct buf *der, struct error *err)
{
    const unsigned char *p;
    X509_REQ *req = NULL;
    EVP_PKEY *key; /* borrowed from req */
    size_t len = strlen(text);
    bool ok = false;

    if (!(strncmp(text, "-----BEGIN ", 11) == 0
              ? csr_from_pem(text, der)
              : text_unbase64(text, len, der)) ||
        der->len == 0 || der->len > API_CSR_MAX) {
        error_openssl(err, ERROR_INPUT,
                      "csr: neither one PEM request nor base64 of DER, of at "
                      "most %d octets",
                      API_CSR_MAX);
        goto out;
    }
    p = der->data;
    req = d2i_X509_REQ(NULL, &p, (long)der->len);
    if (req == NULL || p != der->data + der->len) {
        error_openssl(err, ERROR_INPUT,
                      "csr: not exactly one PKCS #10 request");
        goto out;
    }
    /* RFC 2986, section 3: the signature proves possession of the key. */
    if ((key = X509_REQ_get0_pubkey(req)) == NULL ||
        X509_REQ_verify(req, key) != 1) {
        error_openssl(err, ERROR_INPUT, "csr: not signed by its own key");
        goto out;
    }
    ok = true;
out:
    X509_REQ_free(req);
    return ok;
}

bool
application_parse(const json_t *object, bool is_edit,
                  struct db_application_content *out, struct buf *csr,
                  int *revision, struct error *err)
{
    static const char *const new_names[] = {"applicant", "years", "csr", NULL};
    static const char *const edit_names[] = {"applicant", "years", "csr",
                                             "revision", NULL};
    json_t *applicant;
    const char *text;
    int64_t years;
    int64_t number = 0;

    memset(out, 0, sizeof *out);
    if (!json_only(object, is_edit ? edit_names : new_names, err) ||
        !json_get_object(object, "applicant", &applicant, err) ||
        !applicant_parse(applicant, &out->applicant, err) ||
        !json_get_int(object, "years", 1, 5, &years, err) ||
        !json_get_text(object, "csr", 2 * API_CSR_MAX, &text, err) ||
        !application_csr_parse(text, csr, err) ||
        (is_edit &&
         !json_get_int(object, "revision", 1, INT32_MAX, &number, err)))
        return false;
    out->years = (int)years;
    out->csr = csr->data;
    out->csr_len = csr->len;
    *revision = (int)number;
    return true;
}

bool
application_order(const struct db_application *application,
                  const char *order_id, int64_t at, struct buf *body,
                  uint8_t digest[32], struct error *err)
{
    const struct db_applicant *record = &application->applicant;
    struct api_order order = {
        .kind = API_ISSUE,
        .created_at = at,
        .account = application->account,
        .person = record->handler_person,
        .profile = "organisation-signing",
        .has_subject = true,
        .organization_code = record->uscc,
        .csr = application->csr,
        .csr_len = application->csr_len,
        .validity = {API_VALIDITY_YEARS, application->years},
    };
    const char **attribute = order.subject.attribute;
    json_t *json = NULL;
    bool ok;

    memcpy(order.order_id, order_id, TEXT_UUID_LEN + 1);
    /* domain.md, 1.8 #21: the domicile is ST, L and streetAddress. */
    attribute[API_COUNTRY] = record->country;
    attribute[API_STATE] = record->province;
    attribute[API_LOCALITY] = record->locality;
    attribute[API_STREET] = record->street;
    attribute[API_ORGANIZATION] = record->unit_name;
    attribute[API_COMMON_NAME] = record->unit_name;
    json = api_order_json(&order);
    ok = json_canonical(json, body, err) && api_order_digest(json, digest, err);
    json_decref(json);
    return ok;
}

json_t *
application_json(const struct db_application *application, bool is_whole)
{
    json_t *object = json_object();

    json_set_text(object, "number", application->number);
    json_set_text(object, "account", application->account);
    json_set_text(object, "state", application->state);
    json_set_int(object, "revision", application->revision);
    json_set_int(object, "years", application->years);
    json_set_text(object, "unit_name", application->applicant.unit_name);
    json_set_time(object, "created_at", application->created_at);
    json_set_time(object, "changed_at", application->changed_at);
    if (application->order_id != NULL)
        json_set_text(object, "order_id", application->order_id);
    if (is_whole) {
        json_object_set_new(object, "applicant",
                            applicant_json(&application->applicant));
        json_set_bytes(object, "csr", application->csr, application->csr_len);
    }
    return object;
}

bool
application_step_encode(const struct application_step *step,
                        const uint8_t previous[32], struct buf *body,
                        uint8_t hash[32], struct error *err)
{
    json_t *json = json_object();
    size_t len = 0;
    bool ok;

    json_set_text(json, "number", step->number);
    json_set_int(json, "seq", step->seq);
    json_set_time(json, "at", step->at);
    json_set_int(json, "revision", step->revision);
    json_set_text(json, "event", event_names[step->transition->event]);
    json_set_text(json, "from", state_names[step->transition->from]);
    json_set_text(json, "to", state_names[step->transition->to]);
    json_set_text(json, "role", actor_names[step->transition->who]);
    json_set_text(json, "actor", step->actor);
    if (step->remark != NULL)
        json_set_text(json, "remark", step->remark);
    if (step->statement != NULL) {
        json_set_bytes(json, "statement", step->statement, step->statement_len);
        json_set_bytes(json, "signature", step->signature, step->signature_len);
        json_set_hex(json, "credential_id", step->credential_id, 32);
    }
    json_set_hex(json, "previous", previous, 32);
    ok = json_canonical(json, body, err);
    if (ok && (EVP_Q_digest(NULL, "SHA256", NULL, body->data, body->len, hash,
                            &len) != 1 ||
               len != 32))
        ok = error_openssl(err, ERROR_INTERNAL, "hash of a history");
    json_decref(json);
    return ok;
}
