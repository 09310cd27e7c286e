// Search by name, USCC, serial, case or form number, device, telephone.

import { get, query } from '/web/api.js';
import { say, title, words } from '/web/i18n.js';
import { go } from '/web/router.js';
import { businessName, date, dateTime, stateName, stateTone } from '/web/words.js';
import { badge, el, fill, loading, problemBox, table } from '/web/ui.js';

words({
    'search.title': ['查询', 'Search'],
    'search.label': ['单位名称、统一社会信用代码、证书序列号、单号、介质序列号或手机号', 'Unit, USCC, certificate serial, case number, device or telephone'],
    'search.button': ['查询', 'Search'],
    'search.cases': ['业务', 'Cases'],
    'search.certificates': ['证书', 'Certificates'],
    'search.devices': ['介质', 'Devices'],
    'search.none': ['没有找到与“{q}”相符的记录。', 'Nothing is found for “{q}”.'],
    'search.number': ['单号', 'Number'],
    'search.business': ['业务', 'Business'],
    'search.unit': ['单位', 'Unit'],
    'search.state': ['状态', 'State'],
    'search.changed': ['更新', 'Changed'],
    'search.serial': ['序列号', 'Serial'],
    'search.use': ['用途', 'Use'],
    'search.until': ['有效期至', 'Valid until'],
    'search.device': ['介质序列号', 'Device'],
    'search.model': ['型号', 'Model'],
    'device.in-stock': ['在库', 'In stock'],
    'device.allocated': ['已分配', 'Allocated'],
    'device.personalised': ['已个人化', 'Personalised'],
    'device.shipped': ['已寄出', 'Shipped'],
    'device.delivered': ['已送达', 'Delivered'],
    'device.active': ['使用中', 'Active'],
    'device.pin-locked': ['密码锁死', 'PIN locked'],
    'device.returned': ['已退回', 'Returned'],
    'device.rewritten': ['已重写', 'Rewritten'],
    'device.lost': ['遗失', 'Lost'],
    'device.destroyed': ['已销毁', 'Destroyed'],
});

const caseColumns = [
    { label: say('search.number'), class: 'nowrap mono', cell: (row) => row.number },
    { label: say('search.business'), class: 'nowrap', cell: (row) => businessName(row.business) },
    { label: say('search.unit'), cell: (row) => row.unit_name },
    { label: say('search.state'), cell: (row) => badge(stateName(row.state), stateTone(row.state)) },
    { label: say('search.changed'), class: 'nowrap', cell: (row) => dateTime(row.changed_at) },
];
const certificateColumns = [
    { label: say('search.serial'), class: 'mono', cell: (row) => row.serial },
    { label: say('search.use'), class: 'nowrap', cell: (row) => row.pair && say(`certificate.pair.${row.pair}`) },
    { label: say('search.unit'), cell: (row) => row.unit_name || row.account },
    { label: say('search.state'), cell: (row) => badge(say(`certificate.${row.state}`), row.state === 'valid' ? 'good' : 'bad') },
    { label: say('search.until'), class: 'nowrap', cell: (row) => date(row.not_after) },
];
const deviceColumns = [
    { label: say('search.device'), class: 'mono', cell: (row) => row.serial },
    { label: say('search.model'), cell: (row) => row.model },
    { label: say('search.state'), cell: (row) => badge(say(`device.${row.state}`)) },
    { label: say('search.number'), class: 'mono', cell: (row) => row.number && el('a', { href: `#/case/${row.number}` }, row.number) },
];

export default async function search(main, { query: asked }) {
    const q = asked.get('q') || '';
    title(say('search.title'));
    const input = el('input', { id: 'q', type: 'search', value: q, autocomplete: 'off', spellcheck: 'false' });
    const results = el('div', { 'aria-live': 'polite' });
    main.append(el('h1', say('search.title')), el('form.card', { role: 'search', onsubmit: (event) => {
        event.preventDefault();
        go(`search${query({ q: input.value.trim() })}`);
    } }, el('label.label', { for: 'q' }, say('search.label')), el('div.row.nowrap-row', input, el('button.primary', { type: 'submit' }, say('search.button')))), results);
    setTimeout(() => input.focus());
    if (!q)
        return;
    fill(results, loading());
    const part = (key, columns, rows, href) => rows?.length > 0 &&
        el('section.card.list', el('h2', say(key)), table({ caption: say(key), columns, rows, href }));
    try {
        const found = await get(`/search${query({ q })}`);
        const parts = [
            part('search.cases', caseColumns, found.cases, (row) => `#/case/${row.number}`),
            part('search.certificates', certificateColumns, found.certificates, (row) => `#/certificate/${row.issuer}/${row.serial}`),
            part('search.devices', deviceColumns, found.devices, null),
        ].filter(Boolean);
        fill(results, parts.length ? parts : el('p.empty', say('search.none', { q })));
    } catch (problem) {
        fill(results, problemBox(problem));
    }
}
