/* Invoices: ra/invoice.h. */
#include "ra/invoice.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/xml.h"
#include "db/invoice.h"
#include "db/payment.h"
#include "ra/calendar.h"
#include "ra/case_tell.h"
#include "ra/money.h"
#include "ra/notice.h"

int64_t
invoice_net(int64_t total, int percent)
{
    int64_t whole = 100 + percent;

    return (total * 100 * 2 + whole) / (2 * whole);
}

/* ---- The document ----------------------------------------------------------
 */

/* Text between tags (XML 1.0, 2.2 and 2.4). */
static bool
add_text(struct buf *out, const char *text, struct error *err)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ')
            return error_set(err, ERROR_INPUT,
                             "invoice: a character that does not show");
        if (*c == '&')
            (void)buf_add_text(out, "&amp;");
        else if (*c == '<')
            (void)buf_add_text(out, "&lt;");
        else if (*c == '>')
            (void)buf_add_text(out, "&gt;");
        else
            (void)buf_add_byte(out, (uint8_t)*c);
    }
    return true;
}

static bool
add_party(struct buf *out, const char *element, const char *name,
          const char *tax_number, struct error *err)
{
    (void)buf_addf(out, "  <%s>\n    <name>", element);
    if (!add_text(out, name, err))
        return false;
    (void)buf_add_text(out, "</name>\n    <tax-number>");
    if (!add_text(out, tax_number, err))
        return false;
    (void)buf_addf(out, "</tax-number>\n  </%s>\n", element);
    return true;
}

bool
invoice_encode(const struct invoice *invoice, struct buf *out,
               struct error *err)
{
    int64_t net_fen = invoice_net(invoice->total, invoice->percent);
    char issued[CLOCK_TEXT_LEN + 1];
    char total[MONEY_TEXT_MAX + 1], net[MONEY_TEXT_MAX + 1];
    char tax[MONEY_TEXT_MAX + 1];

    clock_format(invoice->issued_at, issued);
    money_format(invoice->total, total);
    money_format(net_fen, net);
    money_format(invoice->total - net_fen, tax);
    (void)buf_addf(out,
                   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                   "<invoice xmlns=\"urn:signet:invoice:1\" number=\"%0*lld\" "
                   "issued=\"%s\" currency=\"CNY\">\n",
                   INVOICE_NUMBER_LEN, (long long)invoice->number, issued);
    if (!add_party(out, "seller", invoice->seller_name,
                   invoice->seller_tax_number, err) ||
        !add_party(out, "buyer", invoice->buyer_name, invoice->buyer_tax_number,
                   err))
        return false;
    (void)buf_addf(out, "  <item case=\"%s\">\n    <name>",
                   invoice->case_number);
    if (!add_text(out, invoice->item, err))
        return false;
    (void)buf_addf(out,
                   "</name>\n    <total>%s</total>\n  </item>\n"
                   "  <net>%s</net>\n  <tax percent=\"%d\">%s</tax>\n"
                   "  <total>%s</total>\n</invoice>\n",
                   total, net, invoice->percent, tax, total);
    return !buf_is_full(out) ||
           error_set(err, ERROR_INTERNAL, "invoice: too long");
}

/* ---- Issuing ---------------------------------------------------------------
 */

struct issuing {
    const struct business *business;
    const char *number;
    int64_t now;
    int64_t invoice_number; /* 0: none was made */
};

static const char *
item_of(const struct business *business, const struct db_case *row)
{
    enum case_business kind;

    if (business->definitions == NULL ||
        !case_business_find(row->business, &kind))
        return row->business;
    return definition_get(business->definitions, kind)->name.in[0];
}

/* The document is judged by its schema before it is stored. */
static bool
document_make(const struct issuing *issuing, const struct db_case *row,
              const struct db_payment *payment, struct buf *out,
              struct error *err)
{
    const struct config *config = issuing->business->config;
    struct invoice invoice = {
        .number = issuing->invoice_number,
        .issued_at = issuing->now,
        .seller_name = config_text(config, "ra.invoice_seller_name"),
        .seller_tax_number =
            config_text(config, "ra.invoice_seller_tax_number"),
        .buyer_name = payment->invoice_title,
        .buyer_tax_number = payment->invoice_tax_number,
        .case_number = row->number,
        .item = item_of(issuing->business, row),
        .total = payment->amount,
        .percent = (int)config_int(config, "ra.invoice_tax_percent"),
    };
    struct buf schema = BUF_INIT(4096);
    struct xml *xml = NULL;
    bool ok;

    if (invoice.buyer_name == NULL || invoice.buyer_name[0] == '\0')
        invoice.buyer_name = row->unit_name;
    if (invoice.buyer_tax_number == NULL)
        invoice.buyer_tax_number = row->uscc;
    (void)buf_addf(&schema, "%s/invoice.xsd",
                   config_path(config, "schema_dir"));
    ok =
        invoice_encode(&invoice, out, err) &&
        xml_parse(out->data, out->len, "invoice", buf_text(&schema), &xml, err);
    xml_free(xml);
    buf_clear(&schema);
    return ok;
}

static bool
note_and_tell(struct db *db, const struct db_case *row,
              const struct issuing *issuing, struct error *err)
{
    char number[INVOICE_NUMBER_LEN + 16];
    json_t *values = json_object();
    bool ok;

    (void)snprintf(number, sizeof number, "%0*lld", INVOICE_NUMBER_LEN,
                   (long long)issuing->invoice_number);
    json_set_text(values, "invoice", number);
    ok = case_note(db, row, "invoiced", "signet-ra", values, issuing->now,
                   err) &&
         case_tell(issuing->business, db, row, "invoiced", "", values,
                   issuing->now, err);
    json_decref(values);
    return ok;
}

/* Whoever is to have it at the buyer's, beside the handler. */
static bool
mail_to_buyer(struct db *db, const struct db_case *row,
              const struct db_payment *payment, const struct issuing *issuing,
              struct error *err)
{
    bool is_english = strcmp(row->language, "en") == 0;
    char dedupe[64], subject[128], text[512];
    struct notice notice = {.number = row->number,
                            .event = "invoice.issued",
                            .channel = "email",
                            .language = is_english ? "en" : "zh",
                            .dedupe = dedupe,
                            .to = payment->invoice_email,
                            .subject = subject,
                            .text = text};

    if (payment->invoice_email == NULL || payment->invoice_email[0] == '\0')
        return true;
    (void)snprintf(dedupe, sizeof dedupe, "%s/invoice/buyer", row->number);
    (void)snprintf(subject, sizeof subject,
                   is_english ? "Invoice %0*lld" : "电子发票 %0*lld",
                   INVOICE_NUMBER_LEN, (long long)issuing->invoice_number);
    (void)snprintf(
        text, sizeof text,
        is_english ? "The invoice %0*lld for case %s is ready; the account "
                     "of the unit can download it."
                   : "电子发票 %0*lld（业务单 %s）已开具，"
                     "请登录单位账号下载。",
        INVOICE_NUMBER_LEN, (long long)issuing->invoice_number, row->number);
    return notice_queue(db, issuing->business->vault, &notice, issuing->now,
                        err);
}

/* The number last: whoever waits for the counter's row waits for little. */
static bool
issue_locked(struct db *db, const struct db_case *row,
             const struct db_payment *payment, struct issuing *issuing,
             struct error *err)
{
    struct buf xml = BUF_INIT(INVOICE_XML_MAX);
    bool ok =
        db_invoice_next(db, &issuing->invoice_number, err) &&
        document_make(issuing, row, payment, &xml, err) &&
        db_invoice_add(db, issuing->invoice_number, row->number, payment->id,
                       payment->amount, &xml, issuing->now, err) &&
        note_and_tell(db, row, issuing, err) &&
        mail_to_buyer(db, row, payment, issuing, err);

    buf_clear(&xml);
    return ok;
}

static bool
issue(struct db *db, void *arg, struct error *err)
{
    struct issuing *issuing = arg;
    struct db_payment payment = {0};
    struct db_case row = {0};
    int64_t known = 0;
    bool is_there = false;
    bool ok;

    issuing->invoice_number = 0;
    ok = db_case_get(db, issuing->number, true, &row, err) &&
         db_payment_of_case(db, issuing->number, true, &payment, &is_there,
                            err) &&
         db_invoice_get(db, issuing->number, &known, NULL, err);
    if (ok && row.completed_at == 0)
        ok = error_set(err, ERROR_CONFLICT, "case %s is not completed",
                       issuing->number);
    if (ok && known == 0 && is_there && strcmp(payment.state, "paid") == 0)
        ok = issue_locked(db, &row, &payment, issuing, err);
    db_payment_clear(&payment);
    db_case_clear(&row);
    return ok;
}

bool
invoice_issue(const struct business *business, struct db *db,
              const char *number, int64_t now, struct error *err)
{
    struct issuing issuing = {
        .business = business, .number = number, .now = now};

    if (!db_transaction(db, issue, &issuing, err))
        return error_wrap(err, "invoice of %s", number);
    if (issuing.invoice_number != 0)
        log_event(LOG_LEVEL_INFO, "invoice.issued", LOG_TEXT("case", number),
                  LOG_INT("invoice", issuing.invoice_number));
    return true;
}

bool
invoice_job(struct ra_job *job, int64_t now, struct error *err)
{
    int days = (int)config_int(job->config, "ra.invoice_working_days");
    struct db_invoice_due *due = base_alloc(sizeof *due);
    struct error problem = {0};
    /* A working day has 24 hours: what is younger than that cannot be due. */
    int64_t oldest = days > 0 ? now - (int64_t)(days - 1) * 86400 : now;
    int64_t due_at = 0;
    bool ok = db_invoice_due(job->db, oldest, due, err);

    for (size_t i = 0; ok && i < due->count; i++) {
        ok = calendar_add(job->db, due->completed_at[i], days, &due_at, err);
        if (!ok || due_at > now)
            continue;
        /* One that cannot be made does not hold up the others. */
        if (!invoice_issue(job->business, job->db, due->number[i], now,
                           &problem))
            log_failure("invoice.issue", &problem);
    }
    free(due);
    return ok;
}
