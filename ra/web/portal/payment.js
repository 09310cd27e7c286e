// Paying: the user's click "paid" only starts a question to the provider; what
// counts is the provider's own answer.

import { get, post } from '/web/api.js';
import { button, checkAll, el, facts, field, fill, notice, toast, toastError } from '/web/ui.js';
import { both, say, words } from '/web/i18n.js';
import { money } from '/web/words.js';

words({
    'pay.title': ['缴费', 'Payment'],
    'pay.amount': ['应付', 'To be paid'],
    'pay.received': ['已收到', 'Received so far'],
    'pay.method': ['支付类型', 'How to pay'],
    'pay.online': ['在线支付', 'Online'],
    'pay.transfer': ['银行转账', 'Bank transfer'],
    'pay.invoice': ['发票信息', 'Invoice'],
    'pay.invoice.title': ['发票抬头', 'Invoice title'],
    'pay.invoice.tax': ['纳税人识别号', 'Tax number'],
    'pay.invoice.email': ['接收邮箱', 'E-mail for the invoice'],
    'pay.go': ['下一步', 'Next'],
    'pay.open': ['去支付', 'Pay now'],
    'pay.done': ['支付成功', 'I have paid'],
    'pay.again': ['更改支付方式', 'Choose again'],
    'pay.not-yet': ['还没有收到付款。如果已经支付，请稍候再查询。', 'No payment has arrived yet. If you have paid, ask again in a moment.'],
    'pay.part': ['只收到部分款项，请补足差额。', 'Only a part has arrived: pay the rest.'],
    'pay.transfer.text': ['请从单位账户转账，并在附言中填写业务编号。到账后由财务确认，一般为一个工作日。', 'Transfer it from the unit’s account and give the case number as reference. Finance confirms it, usually within one working day.'],
    'pay.reference': ['附言', 'Reference'],
    'pay.account': ['收款账户', 'Account'],
    'pay.got': ['支付成功', 'Paid'],
});

export function paymentPanel(one, definitions, reload) {
    const box = el('section.card.pay');
    const payment = one.payment;
    const choose = () => {
        const method = field({
            name: 'method', label: say('pay.method'), type: 'radio', value: payment?.method || 'online', required: true,
            choices: ['online', 'transfer'].map((value) => ({ value, label: say(`pay.${value}`) })),
        });
        const invoice = {
            title: field({ name: 'invoice_title', label: say('pay.invoice.title'), required: true, max: 100, value: payment?.invoice_title || one.unit_name }),
            tax_number: field({ name: 'invoice_tax', label: say('pay.invoice.tax'), required: true, max: 20, value: payment?.invoice_tax_number || one.uscc }),
            email: field({ name: 'invoice_email', label: say('pay.invoice.email'), type: 'email', max: 254, value: payment?.invoice_email || one.fields?.handler_email || '' }),
        };
        fill(box, el('h2', say('pay.title')), el('p', say('pay.amount'), ' ', el('span.total', money(payment?.amount))), method.root,
            el('fieldset', el('legend', say('pay.invoice')), el('div.fields', Object.values(invoice).map((part) => part.root))),
            el('div.actions', button(say('pay.go'), async () => {
                if (!checkAll([method, ...Object.values(invoice)]))
                    return;
                const email = invoice.email.value;
                await post(`/cases/${one.number}/payment`, {
                    method: method.value,
                    invoice: { title: invoice.title.value, tax_number: invoice.tax_number.value, ...(email ? { email } : {}) },
                });
                await reload();
            }, { kind: 'primary' })));
    };
    const ask = async () => {
        const now = await get(`/cases/${one.number}/payment`);
        if (now.state === 'created')
            toast(say(now.received > 0 ? 'pay.part' : 'pay.not-yet'));
        else
            toast(say('pay.got'), 'good');
        await reload();
    };
    if (!payment?.method) {
        choose();
        return box;
    }
    // The provider's page, which only a question to the provider tells.
    const open = el('a.button.primary', { target: '_blank', rel: 'noopener', hidden: true }, say('pay.open'));
    if (payment.method === 'online') {
        get(`/cases/${one.number}/payment`).then((now) => {
            if (now.pay_url) {
                open.href = now.pay_url;
                open.hidden = false;
            }
        }).catch(toastError);
    }
    const partly = payment.received > 0 && payment.received < payment.amount;
    fill(box, el('h2', say('pay.title')),
        facts([[say('pay.amount'), el('span.total', money(payment.amount - (partly ? payment.received : 0)))],
            [say('pay.received'), partly ? money(payment.received) : null],
            [say('pay.method'), say(`pay.${payment.method}`)],
            payment.method === 'transfer' && [say('pay.reference'), el('span.mono', one.number)],
            payment.method === 'transfer' && definitions.centre?.bank && [say('pay.account'), both(definitions.centre.bank)]]),
        partly && notice('warn', say('pay.part')),
        payment.method === 'transfer' ? el('p', say('pay.transfer.text')) : el('div.actions',
            open, button(say('pay.done'), ask)),
        el('p', button(say('pay.again'), choose, { kind: 'quiet' })));
    return box;
}
