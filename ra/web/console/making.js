// The maker's work: a device for each case, its key, the maker's signature, the
// parcel; and the stock.

import { currentSession, get, post, query } from '/web/api.js';
import { say, t, textNow, title, words } from '/web/i18n.js';
import { show } from '/web/router.js';
import { businessName, dateTime, stateName, stateTone } from '/web/words.js';
import { badge, button, checkAll, dialog, el, field, notice, table, tabs, toast } from '/web/ui.js';
import { hex, sha256, unbase64 } from '/web/passkey.js';
import { decide } from './decide.js';
import './search.js';

words({
    'making.title': ['制证', 'Making'],
    'making.cases': ['待制证', 'To be made'],
    'making.stock': ['介质库存', 'Stock'],
    'making.number': ['单号', 'Number'],
    'making.unit': ['单位', 'Unit'],
    'making.business': ['业务', 'Business'],
    'making.state': ['状态', 'State'],
    'making.device': ['介质', 'Device'],
    'making.none': ['没有待制证的业务。', 'No case waits for a device.'],
    'making.allocate': ['分配介质', 'Allocate a device'],
    'making.personalise': ['个人化', 'Personalise'],
    'making.sign': ['签名确认', 'Sign for it'],
    'making.ship': ['登记寄出', 'Ship it'],
    'making.serial': ['介质序列号（扫描或输入）', 'Serial of the device (scan or type)'],
    'making.proof': ['粘贴制证工具的输出', 'Paste what the personalising tool has printed'],
    'making.proof.help': ['一段 JSON：介质公钥及其证明、传输公钥及其签名', 'One piece of JSON: the device’s key and its proof, the transport key and its signature'],
    'making.proof.wrong': ['须为含 spki、proof、transport 与 transport_signature 的 JSON', 'JSON with spki, proof, transport and transport_signature is needed'],
    'making.pin': ['管理员密码（仅显示一次，请写入介质）', 'Administrator PIN: shown once, to be set in the device'],
    'making.carrier': ['快递公司', 'Carrier'],
    'making.tracking': ['运单号', 'Tracking number'],
    'making.sign.text': ['确认介质 {serial} 已为本单个人化。您的签名写入签发订单，只有此介质能激活。', 'Device {serial} is personalised for this case. Your signature goes into the order: only this device can complete it.'],
    'making.stock.add': ['入库', 'Take into stock'],
    'making.batch': ['批次', 'Batch'],
    'making.model': ['型号', 'Model'],
    'making.serials': ['序列号，每行一个', 'Serials, one a line'],
    'making.added': ['已入库 {n} 个', '{n} taken into stock'],
    'making.changed': ['更新', 'Changed'],
    'making.move': ['变更状态', 'Change state'],
    'making.to': ['新状态', 'New state'],
    'making.remark': ['说明', 'Remark'],
    'making.fingerprint': ['介质公钥指纹（SHA-256），请与制证工具显示的一致后再签名：', 'Fingerprint (SHA-256) of the device\'s key: sign only if the tool shows the same.'],
    'making.key.other': ['服务器给出的介质 {serial} 公钥与刚才读取的不符，未签名。请报告管理员。', 'The server has another key for device {serial} than the one just read: nothing was signed. Tell an administrator.'],
});

async function run(heading, fields, act, label = heading) {
    const result = await dialog({
        title: heading, body: fields.map((one) => one.root || one),
        actions: [{ label, act: async () => (checkAll(fields.filter((one) => one.check)) ? (await act()) ?? true : undefined) }],
    });
    if (result)
        await show();
    return result;
}

const allocate = (row) => {
    const serial = field({ name: 'serial', label: say('making.serial'), required: true, max: 32, spellcheck: 'false' });
    return run(say('making.allocate'), [serial], () => post(`/cases/${row.number}/device`, { serial: serial.value.toUpperCase() }));
};

const keys = new Map(); // serial: SHA-256 of the key as read from the device

const members = ['spki', 'proof', 'transport', 'transport_signature']; // of the tool's JSON

async function personalise(row) {
    const proof = field({ name: 'proof', label: say('making.proof'), help: say('making.proof.help'), type: 'textarea', rows: 6, required: true, spellcheck: 'false', check: (text) => {
        try {
            const made = JSON.parse(text);
            return members.every((name) => made[name]) ? '' : say('making.proof.wrong');
        } catch {
            return say('making.proof.wrong');
        }
    } });
    const result = await run(say('making.personalise'), [proof], async () => {
        const made = JSON.parse(proof.value);
        keys.set(row.device, hex(await sha256(unbase64(made.spki))));
        return post(`/devices/${row.device}/personalise`, Object.fromEntries(members.map((name) => [name, made[name]])));
    });
    const pin = result?.admin_pin || result?.pin;
    if (pin)
        await dialog({ title: say('making.pin'), body: el('p.figure.mono', pin), cancel: say('ui.close') });
}

// What is signed is the key that the tool read from the device. Where this page
// has not seen it, the maker compares the fingerprint with the tool's.
async function sign(row) {
    const review = await get(`/cases/${row.number}/review`);
    const device = review.making_device || review.device_to_sign || { serial: review.device, spki_sha256: review.device_spki_sha256 };
    const own = keys.get(device.serial);
    if (own && own !== device.spki_sha256)
        throw new Error(say('making.key.other', { serial: device.serial }));
    return run(say('making.sign'), [
        el('p', say('making.sign.text', { serial: device.serial })),
        el('p', say('making.fingerprint')), el('p.mono', (device.spki_sha256 || '').replace(/.{8}(?=.)/g, '$& ')),
    ], () =>
        decide(row.number, review, 'making', 'approve', { device: { serial: device.serial, spki_sha256: device.spki_sha256 } }));
}

const ship = (row) => {
    const carrier = field({ name: 'carrier', label: say('making.carrier'), required: true, max: 40, value: '顺丰' });
    const tracking = field({ name: 'tracking', label: say('making.tracking'), required: true, max: 40 });
    return run(say('making.ship'), [carrier, tracking], () =>
        post(`/cases/${row.number}/shipments`, { direction: 'out', carrier: carrier.value, tracking: tracking.value }));
};

// Where a device may be made for a case (docs/devices.md); who has several roles has other cases too.
const makeable = ['awaiting-originals', 'second-review', 'supplement', 'activation-allowed'];

async function casesPanel(box) {
    const page = await get(`/queue${query({ mine: 1, limit: 50 })}`);
    const devices = new Map((await get('/devices').catch(() => ({ devices: [] }))).devices.map((one) => [one.serial, one]));
    // Signed for, and not sent yet: no longer in the queue, and still to be done.
    const toShip = [...devices.values()].filter((one) => ['personalised', 'rewritten'].includes(one.state) && one.number &&
        !page.cases.some((row) => row.number === one.number)).slice(0, 20);
    const unsigned = new Set(page.cases.map((row) => row.number));
    for (const one of toShip)
        page.cases.push(await get(`/cases/${one.number}`));
    page.cases = page.cases.filter((row) => row.device || makeable.includes(row.state));
    const stateOf = (row) => row.device && devices.get(row.device)?.state;
    box.append(table({
        caption: say('making.cases'), rows: page.cases, href: (row) => `#/case/${row.number}`, empty: say('making.none'),
        columns: [
            { label: say('making.number'), class: 'mono nowrap', cell: (row) => row.number },
            { label: say('making.business'), class: 'nowrap', cell: (row) => businessName(row.business) },
            { label: say('making.unit'), cell: (row) => row.unit_name },
            { label: say('making.state'), cell: (row) => badge(stateName(row.state), stateTone(row.state)) },
            { label: say('making.device'), class: 'nowrap', cell: (row) => (row.device ? [el('span.mono', row.device), ' ', stateOf(row) && badge(say(`device.${stateOf(row)}`))] : '—') },
            { label: '', cell: (row) => el('div.row', [
                !row.device && button(say('making.allocate'), () => allocate(row), { kind: 'small' }),
                ['allocated', 'returned'].includes(stateOf(row)) && button(say('making.personalise'), () => personalise(row), { kind: 'small' }),
                ['personalised', 'rewritten'].includes(stateOf(row)) && [unsigned.has(row.number) && button(say('making.sign'), () => sign(row), { kind: 'small' }),
                    button(say('making.ship'), () => ship(row), { kind: 'small' })],
            ]) },
        ],
    }));
}

const moves = { 'in-stock': ['lost', 'destroyed'], 'allocated': ['lost', 'destroyed'], 'personalised': ['lost', 'destroyed'], 'shipped': ['lost', 'returned'],
    'delivered': ['lost', 'returned'], 'active': ['lost', 'returned'], 'pin-locked': ['lost', 'returned'], 'returned': ['destroyed'], 'rewritten': ['lost', 'destroyed'] };

const move = (row) => {
    const to = field({ name: 'to', label: say('making.to'), type: 'select', required: true,
        choices: moves[row.state].map((one) => ({ value: one, label: say(`device.${one}`) })) });
    const remark = field({ name: 'remark', label: say('making.remark'), required: true, max: 200 });
    return run(say('making.move'), [to, remark], () => post(`/devices/${row.serial}/state`, { to: to.value, remark: remark.value }));
};

async function addStock() {
    const batch = field({ name: 'batch', label: say('making.batch'), required: true, max: 40 });
    const model = field({ name: 'model', label: say('making.model'), required: true, max: 40 });
    const serials = field({ name: 'serials', label: say('making.serials'), type: 'textarea', rows: 8, required: true, spellcheck: 'false' });
    const list = () => serials.value.split(/\s+/).filter(Boolean).map((one) => one.toUpperCase());
    if (await run(say('making.stock.add'), [batch, model, serials], () => post('/devices', { batch: batch.value, model: model.value, serials: list() })))
        toast(say('making.added', { n: list().length }), 'good');
}

async function stockPanel(box) {
    const { devices } = await get('/devices');
    const canAdd = currentSession().roles.some((role) => ['maker', 'business-administrator'].includes(role));
    box.append(canAdd && el('p', button(say('making.stock.add'), addStock, { kind: 'primary' })), table({
        caption: say('making.stock'), rows: devices,
        columns: [
            { label: say('making.device'), class: 'mono nowrap', cell: (row) => row.serial },
            { label: say('making.model'), cell: (row) => row.model },
            { label: say('making.batch'), cell: (row) => row.batch || '' },
            { label: say('making.state'), cell: (row) => badge(say(`device.${row.state}`)) },
            { label: say('making.number'), class: 'mono nowrap', cell: (row) => row.number && el('a', { href: `#/case/${row.number}` }, row.number) },
            { label: say('making.changed'), class: 'nowrap', cell: (row) => dateTime(row.changed_at) },
            { label: '', cell: (row) => moves[row.state] && button(say('making.move'), () => move(row), { kind: 'small quiet' }) },
        ],
    }));
}

export default async function making(main) {
    title(say('making.title'));
    const panel = (draw) => () => {
        const box = el('div');
        draw(box).catch((error) => box.append(notice('bad', error.text || error.message)));
        return box;
    };
    main.append(el('h1', say('making.title')), el('div.card', tabs([
        { id: 'cases', label: say('making.cases'), content: panel(casesPanel) },
        { id: 'stock', label: say('making.stock'), content: panel(stockPanel) },
    ], { label: textNow(t('making.title')) })));
}
