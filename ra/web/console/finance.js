// Finance: transfers that came in, refunds, the daily reconciliation.

import { get, post } from '/web/api.js';
import { known, said, say, t, title, words } from '/web/i18n.js';
import { show } from '/web/router.js';
import { dateTime, money } from '/web/words.js';
import { badge, button, checkAll, dialog, el, field, notice, table, tabs, toast } from '/web/ui.js';

words({
    'finance.title': ['财务', 'Finance'],
    'finance.transfers': ['银行转账', 'Bank transfers'],
    'finance.refunds': ['退款', 'Refunds'],
    'finance.reconciliation': ['对账', 'Reconciliation'],
    'finance.number': ['单号', 'Case number'],
    'finance.amount': ['金额（元）', 'Amount (yuan)'],
    'finance.amount.wrong': ['金额格式如 200 或 200.50', 'An amount such as 200 or 200.50'],
    'finance.reference': ['银行流水号', 'Bank reference'],
    'finance.confirm': ['确认到账', 'Confirm'],
    'finance.confirmed': ['已确认到账', 'Confirmed'],
    'finance.reason': ['原因', 'Reason'],
    'finance.state': ['状态', 'State'],
    'finance.problem': ['问题', 'Problem'],
    'finance.changed': ['更新', 'Changed'],
    'finance.retry': ['重试', 'Try again'],
    'finance.day': ['日期', 'Day'],
    'finance.matched': ['相符', 'Matched'],
    'finance.differs': ['不符', 'Differs'],
    'finance.run': ['重新对账', 'Reconcile again'],
    'finance.report': ['查看', 'Report'],
    'finance.paid': ['登记已退', 'Paid out'],
    'finance.ours': ['我方', 'Ours'],
    'finance.theirs': ['支付机构', 'Provider'],
    'finance.differences': ['差异', 'Differences'],
    'refund.due': ['待退', 'Due'],
    'refund.waiting-device': ['等待介质退回', 'Waits for the device'],
    'refund.sent': ['已提交', 'Sent'],
    'refund.done': ['已退', 'Done'],
    'refund.failed': ['失败', 'Failed'],
    'refund.moved': ['已转入新单', 'Moved to the new case'],
    'refund-reason.rejected': ['审核拒绝', 'Rejected'],
    'refund-reason.withdrawn': ['申请人撤回', 'Withdrawn'],
    'refund-reason.closed': ['客服关闭', 'Closed'],
    'refund-reason.expired': ['超时', 'Ran out'],
    'refund-reason.overpaid': ['多付', 'Paid too much'],
    'refund-reason.surplus': ['多付', 'Paid too much'],
    'refund-reason.late': ['逾期到账', 'Came late'],
});

const tones = { 'due': 'wait', 'waiting-device': 'wait', 'sent': 'work', 'done': 'good', 'failed': 'bad', 'moved': 'quiet' };

function fen(text) {
    const match = /^(\d{1,8})(?:\.(\d{1,2}))?$/.exec(text);
    return match ? Number(match[1]) * 100 + Number((match[2] || '').padEnd(2, '0')) : null;
}

function transferForm() {
    const number = field({ name: 'number', label: say('finance.number'), required: true, max: 31, spellcheck: 'false' });
    const amount = field({ name: 'amount', label: say('finance.amount'), required: true, inputmode: 'decimal',
        check: (text) => (fen(text) ? '' : say('finance.amount.wrong')) });
    const reference = field({ name: 'reference', label: say('finance.reference'), required: true, max: 64 });
    const fields = [number, amount, reference];
    return el('form', { novalidate: true, onsubmit: (event) => event.preventDefault() },
        el('div.fields', fields.map((one) => one.root)), button(say('finance.confirm'), async () => {
            if (!checkAll(fields))
                return;
            await post(`/cases/${number.value.toUpperCase()}/transfers`, { amount: fen(amount.value), reference: reference.value });
            toast(say('finance.confirmed'), 'good');
            fields.forEach((one) => { one.value = ''; });
            number.input.focus();
        }, { kind: 'primary', type: 'submit' }));
}

// A refund by bank transfer is made at the bank, and noted here.
async function paidOut(row) {
    const reference = field({ name: 'reference', label: say('finance.reference'), required: true, max: 64 });
    const done = await dialog({ title: say('finance.paid'), body: [el('p', row.case, ' · ', money(row.amount)), reference.root], actions: [{
        label: say('finance.paid'), act: async () => {
            if (!checkAll([reference]))
                return undefined;
            await post(`/refunds/${row.id}/paid-out`, { reference: reference.value });
            return true;
        },
    }] });
    if (done)
        await show();
}

async function refundList(box) {
    const { refunds } = await get('/refunds');
    box.append(table({ caption: say('finance.refunds'), rows: refunds, columns: [
        { label: say('finance.number'), class: 'mono nowrap', cell: (row) => el('a', { href: `#/case/${row.case}` }, row.case) },
        { label: say('finance.amount'), class: 'num', cell: (row) => money(row.amount) },
        { label: say('finance.reason'), cell: (row) => said(() => (known(`refund-reason.${row.reason}`) ? t(`refund-reason.${row.reason}`) : row.reason)) },
        { label: say('finance.state'), cell: (row) => badge(say(`refund.${row.state}`), tones[row.state]) },
        { label: say('finance.problem'), cell: (row) => row.problem || '' },
        { label: say('finance.changed'), class: 'nowrap', cell: (row) => dateTime(row.changed_at) },
        { label: '', cell: (row) => (row.state === 'failed' ? button(say('finance.retry'), async () => {
            await post(`/refunds/${row.id}/retry`);
            await show();
        }, { kind: 'small' }) : row.state === 'due' && row.method === 'transfer' && button(say('finance.paid'), () => paidOut(row), { kind: 'small' })) },
    ] }));
}

async function reconciliationList(box) {
    const { reconciliations } = await get('/reconciliations');
    box.append(table({ caption: say('finance.reconciliation'), rows: reconciliations, columns: [
        { label: say('finance.day'), class: 'nowrap', cell: (row) => row.day },
        { label: say('finance.state'), cell: (row) => badge(say(row.is_matched ? 'finance.matched' : 'finance.differs'), row.is_matched ? 'good' : 'bad') },
        { label: say('finance.changed'), class: 'nowrap', cell: (row) => dateTime(row.made_at) },
        { label: say('finance.ours'), class: 'num', cell: (row) => (row.ours ? `${row.ours.count} · ${money(row.ours.received - row.ours.refunded)}` : '') },
        { label: say('finance.theirs'), class: 'num', cell: (row) => (row.provider ? `${row.provider.count} · ${money(row.provider.received - row.provider.refunded)}` : '') },
        { label: say('finance.differences'), class: 'num', cell: (row) => String(row.differences?.length ?? '') },
        { label: '', cell: (row) => el('div.row', button(say('finance.report'), () => dialog({
            title: `${t('finance.reconciliation')} ${row.day}`, wide: true, cancel: say('ui.close'),
            body: el('pre.mono.pem', { tabindex: 0 }, JSON.stringify(row, null, 2)),
        }), { kind: 'small' }), button(say('finance.run'), async () => {
            await post(`/reconciliations/${row.day}`);
            await show();
        }, { kind: 'small quiet' })) },
    ] }));
}

export default async function finance(main) {
    title(say('finance.title'));
    const panel = (draw) => () => {
        const box = el('div');
        draw(box).catch((error) => box.append(notice('bad', error.text || error.message)));
        return box;
    };
    main.append(el('h1', say('finance.title')), el('div.card', tabs([
        { id: 'transfers', label: say('finance.transfers'), content: transferForm },
        { id: 'refunds', label: say('finance.refunds'), content: panel(refundList) },
        { id: 'reconciliation', label: say('finance.reconciliation'), content: panel(reconciliationList) },
    ], { label: t('finance.title') })));
}
