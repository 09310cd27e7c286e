// Officers' administration: invitations, approvals, credentials, sessions.

import { currentSession, del, get, post } from '/web/api.js';
import { say, t, title, words } from '/web/i18n.js';
import { canonical, hex, instant, sha256, signStatement, utf8 } from '/web/passkey.js';
import { show } from '/web/router.js';
import { date, dateTime, roleName } from '/web/words.js';
import { badge, button, checkAll, confirm, copy, dialog, el, facts, field, notice, table, tabs, toast } from '/web/ui.js';
import './decide.js';
import { forgetOfficers, officerName } from './people.js';

words({
    'officers.title': ['人员', 'Officers'],
    'officers.cases': ['待批准', 'To be approved'],
    'officers.register': ['在册人员', 'Register'],
    'officers.sessions': ['登录会话', 'Sessions'],
    'officers.name': ['姓名', 'Name'],
    'officers.person': ['工号', 'Personnel number'],
    'officers.roles': ['职责', 'Roles'],
    'officers.roles.wrong': ['至少选择一项职责', 'Choose one role at least'],
    'officers.state': ['状态', 'State'],
    'officers.kind': ['事项', 'Matter'],
    'officers.changed': ['更新', 'Changed'],
    'officers.credentials': ['凭证', 'Credentials'],
    'officers.invite': ['邀请人员', 'Invite a person'],
    'officers.more': ['增加凭证', 'Another passkey'],
    'officers.dismiss': ['解除', 'Dismiss'],
    'officers.dismiss.sure': ['解除 {name}？须两位管理员批准。', 'Dismiss {name}? Two administrators have to approve it.'],
    'officers.link': ['邀请链接', 'Invitation'],
    'officers.link.text': ['请安全地转交给本人；仅显示一次，有效期至 {until}。', 'Hand it to the person safely; it is shown once and good until {until}.'],
    'officers.approve': ['批准', 'Approve'],
    'officers.approve.text': ['您将对以下订单签名。', 'You sign the order below.'],
    'officers.withdraw': ['撤回', 'Withdraw'],
    'officers.withdraw.sure': ['撤回此事项？', 'Take this back?'],
    'officers.approved': ['已签名', 'Signed'],
    'officers.none': ['没有待办事项。', 'Nothing to be approved.'],
    'officers.active': ['在册', 'Active'],
    'officers.dismissed': ['已解除', 'Dismissed'],
    'officers.by': ['发起人', 'Opened by'],
    'officers.end': ['结束会话', 'End'],
    'officers.this': ['本会话', 'this one'],
    'officers.since': ['登录', 'Since'],
    'officers.seen': ['最近活动', 'Last seen'],
    'officers.digest': ['摘要', 'Digest'],
    'officer-case.enroll-officer': ['新增人员', 'New officer'],
    'officer-case.enroll-credential': ['增加凭证', 'Another credential'],
    'officer-case.dismiss-officer': ['解除', 'Dismissal'],
    'officer-case.invited': ['已邀请', 'Invited'],
    'officer-case.ready': ['待第一人批准', 'First approval'],
    'officer-case.approved': ['待第二人批准', 'Second approval'],
    'officer-case.sending': ['提交中', 'On its way'],
    'officer-case.done': ['完成', 'Done'],
    'officer-case.refused': ['CA 未受理', 'Refused by the CA'],
    'officer-case.withdrawn': ['已撤回', 'Withdrawn'],
    'credential.passkey': ['通行密钥', 'Passkey'],
    'credential.x509': ['证书', 'Certificate'],
});

const roles = ['business-administrator', 'first-reviewer', 'second-reviewer', 'maker', 'intake-clerk', 'finance', 'customer-service',
    'kmc-operator', 'auditor', 'audit-administrator'];
const tones = { invited: 'quiet', ready: 'work', approved: 'work', sending: 'wait', done: 'good', refused: 'bad', withdrawn: 'quiet' };

const roleList = (names) => el('span', names.map((role, i) => [i > 0 && '、', roleName(role)]));

async function open(body) {
    const answer = await post('/officer-cases', body);
    if (answer.url)
        await dialog({ title: say('officers.link'), cancel: say('ui.close'), wide: true,
            body: [el('p', say('officers.link.text', { until: String(dateTime(answer.expires_at)) })), el('p.mono.invitation', { tabindex: 0 }, answer.url)],
            actions: [{ label: say('ui.copy'), act: () => copy(answer.url) }] });
    await show();
}

async function invite() {
    const name = field({ name: 'name', label: say('officers.name'), required: true, max: 64 });
    const person = field({ name: 'person', label: say('officers.person'), required: true, max: 64 });
    const boxes = roles.map((role) => el('input', { type: 'checkbox', value: role }));
    const wrong = el('p.wrong', { hidden: true }, say('officers.roles.wrong'));
    const body = await dialog({
        title: say('officers.invite'),
        body: [name.root, person.root, el('fieldset', el('legend', say('officers.roles')), boxes.map((box) => el('label.choice.line', box, el('span', roleName(box.value)))), wrong)],
        actions: [{ label: say('officers.invite'), act: () => {
            const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
            wrong.hidden = chosen.length > 0;
            return checkAll([name, person]) && chosen.length > 0 ? { kind: 'enroll-officer', name: name.value, person: person.value, roles: chosen } : undefined;
        } }],
    });
    if (body)
        await open(body);
}

// The order is shown, its digest taken from what is shown, and signed.
async function approve(row) {
    const whole = await get(`/officer-cases/${row.id}`);
    const session = currentSession();
    const digest = hex(await sha256(utf8(canonical(whole.order))));
    if (digest !== whole.digest)
        throw new Error(t('decide.digest'));
    const done = await dialog({
        title: say('officers.approve'), wide: true,
        body: [el('p', say('officers.approve.text')), facts([
            [say('officers.kind'), say(`officer-case.${whole.kind}`)], [say('officers.name'), whole.name], [say('officers.person'), whole.person],
            [say('officers.roles'), roleList(whole.roles)], [say('officers.digest'), el('span.mono', digest)]]),
        el('pre.mono.pem', { tabindex: 0 }, JSON.stringify(whole.order, null, 2))],
        actions: [{ label: say('officers.approve'), act: async () => {
            const statement = {
                decided_at: instant(), digest, officer_id: session.subject, order_id: whole.order.order_id,
                step: whole.decisions.length === 0 ? 'administration' : 'second-administration', verdict: 'approve',
            };
            const signed = await signStatement(statement, session);
            return post(`/officer-cases/${row.id}/decisions`, {
                step: statement.step, verdict: statement.verdict, officer_id: statement.officer_id, decided_at: statement.decided_at, ...signed });
        } }],
    });
    if (done) {
        toast(say('officers.approved'), 'good');
        forgetOfficers();
        await show();
    }
}

async function withdraw(row) {
    if (await confirm(say('officers.withdraw'), say('officers.withdraw.sure'), { kind: 'danger' })) {
        await del(`/officer-cases/${row.id}`);
        await show();
    }
}

async function casesPanel(box) {
    const { cases } = await get('/officer-cases');
    const session = currentSession();
    const isAdministrator = session.roles.includes('business-administrator');
    const mine = (row) => ['ready', 'approved'].includes(row.state) && isAdministrator && row.officer_id !== session.subject &&
        !row.decisions.some((one) => one.officer_id === session.subject);
    box.append(table({ caption: say('officers.cases'), rows: cases, empty: say('officers.none'), columns: [
        { label: say('officers.name'), cell: (row) => [row.name, ' ', el('span.dim.small', row.person)] },
        { label: say('officers.kind'), class: 'nowrap', cell: (row) => say(`officer-case.${row.kind}`) },
        { label: say('officers.roles'), cell: (row) => roleList(row.roles) },
        { label: say('officers.state'), cell: (row) => [badge(say(`officer-case.${row.state}`), tones[row.state]), row.problem && el('div.small.bad-text', row.problem)] },
        { label: say('officers.by'), class: 'nowrap', cell: (row) => officerName(row.invited_by) },
        { label: say('officers.changed'), class: 'nowrap', cell: (row) => dateTime(row.changed_at) },
        { label: '', cell: (row) => el('div.row', mine(row) && button(say('officers.approve'), () => approve(row), { kind: 'small primary' }),
            isAdministrator && ['invited', 'ready', 'approved'].includes(row.state) && button(say('officers.withdraw'), () => withdraw(row), { kind: 'small quiet' })) },
    ] }));
}

async function registerPanel(box) {
    const { officers } = await get('/officers');
    const isAdministrator = currentSession().roles.includes('business-administrator');
    box.append(table({ caption: say('officers.register'), rows: officers, columns: [
        { label: say('officers.name'), cell: (row) => [row.name, ' ', el('span.dim.small', row.person)] },
        { label: say('officers.roles'), cell: (row) => roleList(row.roles) },
        { label: say('officers.state'), cell: (row) => badge(say(`officers.${row.state}`), row.state === 'active' ? 'good' : 'quiet') },
        { label: say('officers.credentials'), cell: (row) => el('ul.plain', (row.credentials || []).map((one) =>
            el('li', say(`credential.${one.kind}`), ' ', el('span.dim.small', one.not_after ? date(one.not_after) : one.state)))) },
        { label: '', cell: (row) => isAdministrator && row.state === 'active' && el('div.row',
            button(say('officers.more'), () => open({ kind: 'enroll-credential', officer_id: row.officer_id }), { kind: 'small' }),
            row.officer_id !== currentSession().subject && button(say('officers.dismiss'), async () => {
                if (await confirm(say('officers.dismiss'), say('officers.dismiss.sure', { name: row.name }), { kind: 'danger' }))
                    await open({ kind: 'dismiss-officer', officer_id: row.officer_id });
            }, { kind: 'small quiet' })) },
    ] }));
}

async function sessionsPanel(box) {
    const { sessions } = await get('/sessions');
    box.append(table({ caption: say('officers.sessions'), rows: sessions, columns: [
        { label: say('officers.name'), cell: (row) => officerName(row.subject) },
        { label: say('officers.since'), class: 'nowrap', cell: (row) => dateTime(row.made_at) },
        { label: say('officers.seen'), class: 'nowrap', cell: (row) => dateTime(row.seen_at) },
        { label: '', cell: (row) => (row.is_this ? badge(say('officers.this')) : button(say('officers.end'), async () => {
            await del(`/sessions/${row.id}`);
            await show();
        }, { kind: 'small' })) },
    ] }));
}

export default async function officersView(main) {
    title(say('officers.title'));
    const panel = (draw) => () => {
        const box = el('div');
        draw(box).catch((error) => box.append(notice('bad', error.text || error.message)));
        return box;
    };
    const isAdministrator = currentSession().roles.includes('business-administrator');
    main.append(el('div.lead', el('h1', say('officers.title')), isAdministrator && el('div.actions', button(say('officers.invite'), invite, { kind: 'primary' }))),
        el('div.card', tabs([
            { id: 'cases', label: say('officers.cases'), content: panel(casesPanel) },
            { id: 'register', label: say('officers.register'), content: panel(registerPanel) },
            { id: 'sessions', label: say('officers.sessions'), content: panel(sessionsPanel) },
        ], { label: t('officers.title') })));
}
