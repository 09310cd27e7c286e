// A stage: the pages as they are, before answers that are written down here. For
// what needs no service behind it: how every view looks, whether it can be used
// by keyboard and screen reader, and what exactly is signed.

import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const web = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'ra', 'web');
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
// As ra/static.c says it.
const policy = /"Content-Security-Policy: ((?:[^"]|"\s*")*?)\\r\\n"/.exec(readFileSync(join(web, '..', 'static.c'), 'utf8'))[1].replace(/"\s*"/g, '');

export const officerId = '0b1c9e6e-4f0e-4b7c-9b7d-1f6f3a5d2c10';
const other = 'a3f1d0c2-7777-4c4c-8888-0123456789ab';
const now = Date.now();
const ago = (s) => `${new Date(now - s * 1000).toISOString().slice(0, 19)}Z`;
const day = (n) => ago(n * 86400).slice(0, 10);

export const session = {
    kind: 'officer', subject: officerId, name: '何初审', language: 'zh', csrf: '00'.repeat(32), idle_s: 900, expires_at: ago(-36000),
    credential_id: '11'.repeat(32), raw_id: null, rp_id: 'localhost',
    roles: ['first-reviewer', 'second-reviewer', 'business-administrator', 'maker', 'intake-clerk', 'finance', 'customer-service'],
};

const units = ['杭州云栖示例科技有限公司', '宁波海曙甲乙律师事务所', '温州市瓯海区一家名字特别长的新材料股份有限公司第二分公司', '绍兴越城印染厂', '金华婺城物流有限公司'];
const row = (i, more = {}) => ({
    number: `N20261124-00000${i + 1}`, business: ['new', 'change', 'reissue', 'seal', 'unlock'][i], account: `unit-${i + 1}`,
    state: ['first-review', 'first-review', 'second-review', 'in-review', 'in-review'][i], revision: 1, unit_name: units[i], uscc: '91330100MA27XYW12A',
    created_at: ago(200000), submitted_at: ago(190000), changed_at: ago([3500, 90000, 300000, 40, 600000][i]), age_s: [3500, 90000, 300000, 40, 600000][i],
    deadline_at: i === 4 ? ago(7200) : i === 2 ? ago(-86400) : undefined, assigned_to: i === 1 ? other : undefined, is_sample: i === 3, can: ['passed'], ...more,
});
const rows = units.map((_, i) => row(i));

const text = (zh, en) => ({ zh, en });
const choice = (value, zh, en) => ({ value, label: text(zh, en) });
const fields = [
    ['unit_name', 'unit_name', '单位名称', 'Unit name'], ['uscc', 'uscc', '统一社会信用代码', 'USCC'],
    ['kind', 'choice', '单位类型', 'Kind', [choice('company', '企业', 'Company'), choice('law-firm', '律师事务所', 'Law firm')]],
    ['province', 'text', '省', 'Province'], ['locality', 'text', '市', 'City'], ['street', 'text', '详细地址', 'Street'],
    ['years', 'years', '年限', 'Years'], ['seal', 'flag', '印章服务', 'Seal service'], ['seals', 'seals', '印章', 'Seals'],
    ['handler_name', 'text', '经办人', 'Handler'], ['handler_id_number', 'id_number', '身份证号码', 'Identity number'], ['handler_mobile', 'mobile', '手机号码', 'Mobile'],
    ['handler_email', 'email', '电子邮箱', 'E-mail'], ['delivery_address', 'text', '邮寄地址', 'Delivery address'],
].map(([name, type, zh, en, choices]) => ({ name, type, label: text(zh, en), choices, is_required: true }));
const slots = [
    ['certificate-form', '机构数字证书申请表', 'Certificate form'], ['seal-form', '电子印章申请表', 'Seal form'],
    ['business-licence', '营业执照副本', 'Business licence'], ['handler-id', '经办人身份证', 'Handler’s identity card'],
].map(([slot, zh, en]) => ({ slot, label: text(zh, en), checks: [text('加盖单位公章', 'Unit stamp is there'), text('与填写内容一致', 'Agrees with the fields')] }));
const definition = (business, zh, en) => ({ business, name: text(zh, en), summary: text(zh, en), fields, slots, reviews: 2, prices: [] });

export const order = { created_at: '2026-11-24T12:00:00Z', kind: 'issue', order_id: '6d0b4a2e-92b1-4f67-8c0d-aaaaaaaaaaaa', profile: 'organisation-signing',
    subject: { common_name: units[0], country: 'CN' }, validity: { rule: 'years', years: 2 } };

const page = (i) => `<svg xmlns="http://www.w3.org/2000/svg" width="1240" height="1754" viewBox="0 0 1240 1754"><rect width="1240" height="1754" fill="#fffefb"/>
<text x="620" y="170" font-size="52" text-anchor="middle" font-family="serif">机构数字证书申请表 第 ${i} 页</text>${Array.from({ length: 16 }, (_, n) =>
    `<rect x="120" y="${260 + n * 78}" width="1000" height="78" fill="none" stroke="#333"/>`).join('')}
<circle cx="880" cy="1430" r="150" fill="none" stroke="#c33" stroke-width="9" opacity=".8"/><text x="880" y="1445" font-size="38" fill="#c33" text-anchor="middle">示例公章</text></svg>`;

export function answers(digestOf) {
    const whole = (number) => ({
        ...(rows.find((one) => one.number === number) || rows[0]), number, order, order_id: order.order_id, digest: digestOf(order), steps: ['first-review', 'second-review'],
        can: number.endsWith('3') ? ['passed', 'supplement-asked', 'rejected', 'closed'] : ['passed', 'returned', 'rejected', 'closed'],
        fields: { unit_name: units[0], uscc: '91330100MA27XYW12A', kind: 'company', province: '浙江省', locality: '杭州市', street: '西湖区文三路 90 号东部软件园 3 号楼', years: '2',
            seal: 'yes', seals: '[{"type":"official","name":"杭州云栖示例科技有限公司"}]', handler_name: '周经办', handler_id_number: '330106199003071234',
            handler_mobile: '13800000000', handler_email: 'zhou@example.com', delivery_address: '杭州市西湖区文三路 90 号前台' },
        slots: slots.map((slot, i) => ({ slot: slot.slot, is_required: true, is_wanted: true, document: i === 3 ? undefined :
            { id: other, file_name: `扫描 ${i}.pdf`, media_type: 'application/pdf', len: 812345, page_count: i === 0 ? 2 : 1, added_at: ago(5000), revision: 1 } })),
        forms: [{ kind: 'certificate', revision: 1, is_current: true }],
        findings: [
            { subject: 'field:handler_id_number', code: 'id-check-digit', level: 'warning', message: text('身份证号码校验位不正确', 'The check digit of the identity number is wrong') },
            { subject: 'document:business-licence', code: 'skew', level: 'note', message: text('扫描件倾斜约 3°', 'The scan is skewed by about 3°') }],
        changes: number.endsWith('2') ? [{ field: 'unit_name', old: '杭州云栖旧名有限公司', new: units[0] }, { field: 'street', old: '西湖区文二路 1 号', new: '西湖区文三路 90 号' }] : undefined,
        checklist: slots.map((slot) => ({ slot: slot.slot, items: slot.checks })),
        decisions: number.endsWith('3') ? [{ step: 'first-review', verdict: 'approve', officer_id: other, decided_at: ago(90000) }] : [],
        payment: { id: other, amount: 40000, received: 40000, refunded: 0, state: 'paid' },
        papers: [{ slot: 'certificate-form', state: 'received' }, { slot: 'business-licence', state: 'defective', remark: '公章不清' }, { slot: 'handler-id', state: 'awaited' }],
        shipments: [{ id: other, direction: 'out', carrier: '顺丰', tracking: 'SF1020304050', state: 'shipped', changed_at: ago(4000), events: [] }],
        device: 'SK-2026-000123', making_device: { serial: 'SK-2026-000123', spki_sha256: 'ab'.repeat(32) },
    });
    const officer = (id, name, roles, state = 'active') => ({ officer_id: id, name, person: `P-${name}`, state, since: ago(900000), roles,
        credentials: [{ credential_id: '22'.repeat(32), kind: 'passkey', state: 'active', not_before: ago(900000), not_after: ago(-9000000) }] });
    return {
        'GET /session': session,
        'GET /businesses': ['new', 'renew', 'reissue', 'change', 'seal', 'unlock', 'revoke', 'recover'].map((one) => definition(one, one, one)),
        'GET /queue': { cases: rows, next: 'N20261124-000009' },
        'GET /queue/counts': { mine: 5, by_state: { 'first-review': 2, 'second-review': 1, 'in-review': 2, 'awaiting-originals': 17 }, by_business: { new: 9 } },
        'GET /officers': { officers: [officer(officerId, '何初审', session.roles), officer(other, '陈主管', ['business-administrator', 'auditor']), officer('c'.repeat(8), '王离职', ['maker'], 'dismissed')] },
        'GET /officer-cases': { cases: ['ready', 'approved', 'invited', 'refused', 'done'].map((state, i) => ({ id: `${i}`.repeat(8), kind: ['enroll-officer', 'enroll-credential', 'enroll-officer', 'dismiss-officer', 'enroll-officer'][i],
            officer_id: `${i}`, name: ['新同事', '陈主管', '李四', '王五', '赵六'][i], person: `P-10${i}`, roles: ['first-reviewer'], state, invited_by: other, made_at: ago(5000), changed_at: ago(4000), decisions: [],
            problem: state === 'refused' ? 'two business administrators must be left' : undefined })) },
        'GET /sessions': { sessions: [{ id: 'aa', subject: officerId, made_at: ago(600), seen_at: ago(5), expires_at: ago(-9000), is_this: true }, { id: 'bb', subject: other, made_at: ago(6000), seen_at: ago(50), expires_at: ago(-9000), is_this: false }] },
        'GET /search': { cases: rows.slice(0, 2), certificates: [{ issuer: 'issuing-1', serial: '01a2b3c4d5e6f708192a3b4c5d6e7f80', pair: 1, state: 'valid', unit_name: units[0], not_after: ago(-40000000) }],
            devices: [{ serial: 'SK-2026-000123', model: 'mToken K5', state: 'shipped', number: rows[0].number }] },
        'GET /certificates/issuing-1/01a2b3c4d5e6f708192a3b4c5d6e7f80': { issuer: 'issuing-1', serial: '01a2b3c4d5e6f708192a3b4c5d6e7f80', state: 'held', account: 'unit-1', pair: 1, device: 'SK-2026-000123',
            not_before: ago(900000), not_after: ago(-40000000), number: rows[0].number, old_keys: { state: 'received' }, halves: [1, 2].map((pair) => ({
                issuer: 'issuing-1', serial: pair === 1 ? '01a2b3c4d5e6f708192a3b4c5d6e7f80' : '5f0e1d2c3b4a59687786f5e4d3c2b1a0', pair, state: 'held' })),
            chain: ['-----BEGIN CERTIFICATE-----\nMIIB…\n-----END CERTIFICATE-----\n'] },
        'GET /devices': { devices: ['in-stock', 'allocated', 'personalised', 'shipped', 'active'].map((state, i) => ({ serial: `SK-2026-00012${i}`, model: 'mToken K5', batch: '2026-11', state, number: i ? rows[0].number : undefined, changed_at: ago(4000) })) },
        'GET /refunds': { refunds: [{ id: other, case: rows[0].number, amount: 40000, method: 'online', reason: 'rejected', state: 'failed', problem: '账户已注销', changed_at: ago(3000) }, { id: officerId, case: rows[1].number, amount: 20000, method: 'transfer', reason: 'withdrawn', state: 'due', changed_at: ago(3000) }] },
        'GET /reconciliations': { reconciliations: [{ day: day(1), is_matched: true, made_at: ago(4000), ours: { count: 12, received: 480000, refunded: 0 }, provider: { count: 12, received: 480000, refunded: 0 }, differences: [] }, { day: day(2), is_matched: false, made_at: ago(90000), ours: { count: 11, received: 440000, refunded: 40000 }, provider: { count: 12, received: 480000, refunded: 40000 }, differences: [{ kind: 'missing' }] }] },
        'GET /calendar': { days: [{ day: `${day(0).slice(0, 8)}02`, is_working: true, note: '调休' }, { day: `${day(0).slice(0, 8)}10`, is_working: false, note: '节假日' }] },
        'GET /dashboard': { queue: [{ state: 'first-review', n: 23 }, { state: 'second-review', n: 9 }, { state: 'in-review', n: 4 }, { state: 'awaiting-originals', n: 31 }],
            turnaround: Array.from({ length: 30 }, (_, i) => ({ day: day(29 - i), median_s: 200000 + 90000 * Math.sin(i / 3) })),
            issued: Array.from({ length: 30 }, (_, i) => ({ day: day(29 - i), n: Math.round(12 + 9 * Math.sin(i)) })), revoked: Array.from({ length: 30 }, (_, i) => ({ day: day(29 - i), n: i % 5 })),
            expiring: Array.from({ length: 12 }, (_, i) => ({ month: `2027-${String(i + 1).padStart(2, '0')}`, n: 20 + i * 3 })) },
        'POST /intake': () => ({ case: { ...rows[1], state: 'awaiting-originals', papers: undefined }, papers: [...whole(rows[1].number).papers, { slot: 'device', state: 'awaited' }] }),
        'POST /session/passkey/options': { challenge: Buffer.alloc(32, 7).toString('base64'), rp_id: 'localhost', expires_at: ago(-100) },
        case: whole,
        timeline: { steps: [['created', 'draft', 'applicant'], ['submitted', 'form-ready', 'applicant'], ['handed-in', 'awaiting-payment', 'applicant'], ['paid', 'first-review', 'system'],
            ['returned', 'returned', 'first-reviewer', '营业执照扫描件不清晰，请重新上传。', other], ['handed-in', 'first-review', 'applicant']].map(([event, state, role, remark, actor], i) => ({ at: ago(200000 - i * 9000), event, state, role, remark, actor })) },
        page,
    };
}

// → {url, posted: [{path, body}], table, close()}; answers of `table` may be changed.
export async function openStage(digestOf) {
    const table = answers(digestOf);
    const posted = [];
    const server = createServer(async (request, response) => {
        const url = new URL(request.url, 'http://localhost');
        const send = (status, type, body) => response.writeHead(status, { 'Content-Type': type, 'Content-Security-Policy': policy, 'Cache-Control': 'no-store' }).end(body);
        const chunks = [];
        for await (const chunk of request)
            chunks.push(chunk);
        if (!url.pathname.startsWith('/v1/')) {
            try {
                const path = url.pathname.endsWith('/') ? `${url.pathname}index.html` : url.pathname;
                return send(200, types[extname(path)], readFileSync(join(web, path)));
            } catch {
                return send(404, 'text/plain', 'no');
            }
        }
        const path = url.pathname.slice(3);
        const json = (body) => send(200, 'application/json', JSON.stringify(body));
        if (request.method !== 'GET')
            posted.push({ method: request.method, path, body: chunks.length ? JSON.parse(Buffer.concat(chunks).toString()) : null });
        const known = table[`${request.method} ${path}`];
        const match = /^\/cases\/([^/]+)(?:\/(.*))?$/.exec(path);
        if (known !== undefined && known !== null)
            return json(typeof known === 'function' ? known() : known);
        if (match && request.method === 'GET') {
            const [, number, tail = ''] = match;
            if (tail.includes('/pages/'))
                return send(200, 'image/svg+xml', table.page(tail.split('/').pop()));
            if (tail === 'review' || tail === '')
                return json(table.case(number));
            if (tail === 'timeline')
                return json(table.timeline);
        }
        if (match && match[2] === 'decisions')
            return json({ state: 'awaiting-originals' });
        if (request.method !== 'GET')
            return json({});
        return send(known === null ? 401 : 404, 'application/problem+json', JSON.stringify({ title: 'No', status: known === null ? 401 : 404, detail: 'there is nothing of the kind', request_id: 'abc' }));
    });
    await new Promise((done) => server.listen(0, 'localhost', done));
    return { url: `http://localhost:${server.address().port}`, posted, table, close: () => server.close() };
}
