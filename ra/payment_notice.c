/* Notices about money: ra/payment_notice.h. */
#include "ra/payment_notice.h"

#include <stdio.h>

#include "base/json.h"
#include "ra/notice.h"

static const struct notice_text partial = {
    .event = "payment.partial",
    .subject = {"业务单 ${number} 尚未付清",
                "Case ${number} is not wholly paid"},
    .text =
        {"业务单 ${number}：已收到 ${amount} 元，还需支付 ${wanted} "
         "元，付清后业务继续办理。",
         "Case ${number}: ${amount} yuan received, ${wanted} yuan are still "
         "to be paid; then the case goes on."},
};

static const struct notice_text overpaid = {
    .event = "payment.overpaid",
    .subject = {"业务单 ${number} 多付款项将退回",
                "Case ${number}: the surplus is paid back"},
    .text = {"业务单 ${number}：多收到 ${amount} 元，将按原支付方式退回。",
             "Case ${number}: ${amount} yuan more than asked for were received "
             "and go back the way they came."},
};

static const struct notice_text late = {
    .event = "payment.late",
    .subject = {"业务单 ${number} 已关闭，款项将退回",
                "Case ${number} is closed: the payment is paid back"},
    .text =
        {"业务单 ${number} 已关闭，收到的 ${amount} "
         "元将按原支付方式退回。",
         "Case ${number} is closed; the ${amount} yuan received go back the "
         "way they came."},
};

static const struct notice_text refunded = {
    .event = "payment.refunded",
    .subject = {"业务单 ${number} 退款完成", "Case ${number}: refunded"},
    .text =
        {"业务单 ${number}：${amount} 元已按原支付方式退回。",
         "Case ${number}: ${amount} yuan were paid back the way they came."},
};

static const struct notice_text invoice = {
    .event = "invoice.issued",
    .subject = {"业务单 ${number} 的电子发票", "Invoice for case ${number}"},
    .text = {"业务单 ${number} 的电子发票（号码 ${invoice}，金额 ${amount} "
             "元）已开具，请登录办理进度查询下载。",
             "The invoice ${invoice} over ${amount} yuan for case ${number} is "
             "ready; download it on the page of the case."},
};

void
money_format(int64_t fen, char out[MONEY_TEXT_MAX + 1])
{
    (void)snprintf(out, MONEY_TEXT_MAX + 1, "%lld.%02d", (long long)(fen / 100),
                   (int)(fen % 100));
}

static bool
tell(const struct business *business, struct db *db, const char *number,
     const struct notice_text *text, const char *round, json_t *take_values,
     int64_t at, struct error *err)
{
    bool ok;

    json_set_text(take_values, "number", number);
    ok = notice_handler(db, business->vault, number, text, round, take_values,
                        at, err);
    json_decref(take_values);
    return ok;
}

static json_t *
values_of(const char *name, int64_t fen)
{
    json_t *values = json_object();
    char text[MONEY_TEXT_MAX + 1];

    money_format(fen, text);
    json_set_text(values, name, text);
    return values;
}

bool
payment_notice_partial(const struct business *business, struct db *db,
                       const char *number, int64_t came, int64_t wanted,
                       const char *event_id, int64_t at, struct error *err)
{
    json_t *values = values_of("amount", came);
    char text[MONEY_TEXT_MAX + 1];

    money_format(wanted, text);
    json_set_text(values, "wanted", text);
    return tell(business, db, number, &partial, event_id, values, at, err);
}

bool
payment_notice_surplus(const struct business *business, struct db *db,
                       const char *number, int64_t surplus, bool is_late,
                       const char *event_id, int64_t at, struct error *err)
{
    return tell(business, db, number, is_late ? &late : &overpaid, event_id,
                values_of("amount", surplus), at, err);
}

bool
payment_notice_refunded(const struct business *business, struct db *db,
                        const char *number, int64_t amount,
                        const char *refund_id, int64_t at, struct error *err)
{
    return tell(business, db, number, &refunded, refund_id,
                values_of("amount", amount), at, err);
}

bool
payment_notice_invoice(const struct business *business, struct db *db,
                       const char *number, int64_t amount,
                       const char *invoice_number, int64_t at,
                       struct error *err)
{
    json_t *values = values_of("amount", amount);

    json_set_text(values, "invoice", invoice_number);
    return tell(business, db, number, &invoice, "", values, at, err);
}
