// One case: record, fields and findings left, scans right; the decision below.

import { call, currentSession, get, post, query } from '/web/api.js';
import { both, say, t, textNow, title, words } from '/web/i18n.js';
import { go, show } from '/web/router.js';
import { businessName, date, dateTime, deadline, eventName, money, oldKeysTone, roleName, stateName, stateTone } from '/web/words.js';
import { badge, button, checkAll, dialog, el, facts, field, fill, loading, notice, problemBox, tabs, timeline, toast } from '/web/ui.js';
import { decide } from './decide.js';
import { definitionOf, fieldLabel, fieldValue, slotLabel } from './definitions.js';
import { isTyping } from './keys.js';
import { officerName, officers } from './people.js';
import { scanViewer } from './scan.js';

words({
    'case.title': ['业务 {number}', 'Case {number}'],
    'case.record': ['资料', 'Record'],
    'case.check': ['核对', 'Checklist'],
    'case.history': ['经过', 'History'],
    'case.more': ['往来', 'Parcels and money'],
    'case.findings': ['自动检查', 'Automatic checks'],
    'case.findings.none': ['自动检查未发现问题', 'The automatic checks found nothing'],
    'case.changes': ['变更内容', 'What changes'],
    'case.old': ['原', 'Old'],
    'case.new': ['新', 'New'],
    'case.fields': ['填写内容', 'Fields'],
    'case.account': ['账号', 'Account'],
    'case.filed': ['提交', 'Filed'],
    'case.deadline': ['期限', 'Deadline'],
    'case.replaces': ['替代单号', 'Replaces'],
    'case.predecessor': ['涉及证书', 'Certificate it is about'],
    'case.certificate': ['签发证书', 'Certificate'],
    'case.revision': ['版本', 'Revision'],
    'case.decisions': ['已作决定', 'Decisions'],
    'case.remark': ['批注', 'Remark'],
    'case.remark.add': ['批注此项', 'Remark on this'],
    'case.checklist': ['逐项核对后勾选', 'Tick what you have checked'],
    'case.checklist.left': ['还有 {n} 项未核对', '{n} points are not checked yet', '{n} point is not checked yet'],
    'case.approve': ['通过', 'Approve'],
    'case.return': ['退回修改', 'Return'],
    'case.supplement': ['要求补件', 'Ask for a supplement'],
    'case.reject': ['拒绝', 'Reject'],
    'case.next': ['下一件', 'Next case'],
    'case.sign': ['用通行密钥签名', 'Sign with the passkey'],
    'case.why': ['说明（申请人可见）', 'Reason (the applicant reads it)'],
    'case.reject.sure': ['拒绝后本单结束，不能恢复；已付费用按规则退还。', 'A rejected case has ended for good; what was paid goes back by the rules.'],
    'case.return.text': ['申请人按说明修改后可再次提交。', 'The applicant corrects it and hands it in again.'],
    'case.signed': ['已签名：{state}', 'Signed: {state}'],
    'case.none': ['队列中没有下一件', 'Nothing else waits for you'],
    'case.hold': ['搁置', 'Put aside'],
    'case.hold.until': ['搁置至', 'Until'],
    'case.hold.reason': ['原因', 'Reason'],
    'case.resume': ['恢复办理', 'Take up again'],
    'case.assign': ['分派', 'Assign'],
    'case.assign.to': ['交由', 'To'],
    'case.assign.nobody': ['无人（任何人可办）', 'Nobody: anybody may take it'],
    'case.held': ['已搁置至 {until}', 'Put aside until {until}'],
    'case.close': ['关闭业务', 'Close the case'],
    'case.close.text': ['关闭须有加盖公章的书面说明；关闭后申请人重新提交新业务。', 'Closing takes a stamped statement; the applicant then files anew.'],
    'case.statement': ['盖章说明（扫描件）', 'Stamped statement (scan)'],
    'case.retry': ['重新签发', 'Try to issue again'],
    'case.done': ['已办理', 'Done'],
    'case.payment': ['费用', 'Payment'],
    'case.amount': ['应付', 'To pay'],
    'case.received': ['已收', 'Received'],
    'case.refunded': ['已退', 'Refunded'],
    'case.papers': ['纸质资料', 'Papers'],
    'case.shipments': ['快递', 'Parcels'],
    'case.out': ['寄出', 'Out'],
    'case.in': ['寄入', 'In'],
    'case.nothing': ['暂无', 'None'],
    'case.form': ['申请表', 'Form'],
    'case.actions': ['决定', 'Decision'],
    'paper.awaited': ['待收', 'Awaited'],
    'paper.received': ['已收', 'Received'],
    'paper.defective': ['有缺陷', 'Defective'],
    'shipment.announced': ['已登记', 'Announced'],
    'shipment.shipped': ['运输中', 'On its way'],
    'shipment.delivered': ['已送达', 'Delivered'],
    'shipment.failed': ['未送达', 'Failed'],
    'level.warning': ['注意', 'Warning'],
    'level.note': ['提示', 'Note'],
    'level.ok': ['正常', 'Fine'],
});

// Which step a reviewer takes in which state.
const steps = { 'first-review': 'first-review', 'in-review': 'first-review', 'second-review': 'second-review' };
const tones = { warning: 'bad', note: 'wait', ok: 'good' };
const paperTones = { awaited: 'wait', received: 'good', defective: 'bad' };

async function readCase(number) {
    try {
        return await get(`/cases/${number}/review`);
    } catch (problem) {
        if (problem.status !== 403 && problem.status !== 404 && problem.status !== 409)
            throw problem;
        return get(`/cases/${number}`); // not for reviewing, or not by this officer
    }
}

// "field:uscc", "document:handler-id" as people call them.
function subjectName(subject, definition) {
    const [kind, name] = subject.split(':');
    return kind === 'field' ? fieldLabel(definition, name) : kind === 'document' ? slotLabel(definition, name) : '';
}

function findingsBox(review, definition) {
    const findings = (review.findings || []).filter((one) => one.level !== 'ok');
    if (!review.findings)
        return null;
    return el('section.card', el('h2', say('case.findings')), findings.length === 0
        ? el('p.good-text', say('case.findings.none'))
        : el('ul.findings', findings.map((one) => el('li', { class: one.level },
            badge(say(`level.${one.level}`), tones[one.level]), el('span', both(one.message), el('span.dim.small', ' · ', subjectName(one.subject, definition)))))));
}

function changesBox(review, definition) {
    if (!review.changes?.length)
        return null;
    return el('section.card', el('h2', say('case.changes')), el('table.changes',
        el('thead', el('tr', el('td'), el('th', { scope: 'col' }, say('case.old')), el('th', { scope: 'col' }, say('case.new')))),
        el('tbody', review.changes.map((one) => el('tr', el('th', { scope: 'row' }, fieldLabel(definition, one.field)),
            el('td', el('del', fieldValue(definition, one.field, one.old))), el('td', el('ins', fieldValue(definition, one.field, one.new))))))));
}

// The fields, each with a place for a remark when it may be returned.
function fieldsBox(review, definition, remarks) {
    const names = (definition.fields || []).map((one) => one.name).filter((name) => name in (review.fields || {}));
    const others = Object.keys(review.fields || {}).filter((name) => !names.includes(name));
    const warned = new Set((review.findings || []).filter((one) => one.level === 'warning').map((one) => one.subject.replace(/^field:/, '')));
    return el('section.card', el('h2', say('case.fields')), el('dl.facts', [...names, ...others].map((name) => {
        const place = el('div');
        const label = fieldLabel(definition, name);
        const remark = remarks && button('✎', () => {
            if (place.firstChild)
                return place.querySelector('input').focus();
            const input = field({ name: `remark-${name}`, label: say('case.remark'), max: 200, value: remarks[name] || '', oninput: (text) => {
                if (text)
                    remarks[name] = text;
                else
                    delete remarks[name];
            } });
            place.append(input.root);
            input.input.focus();
        }, { kind: 'quiet small pen', 'aria-label': `${t('case.remark.add')}: ${label}` });
        return el('div', { class: warned.has(name) ? 'marked' : '' }, el('dt', label),
            el('dd', el('span.value', fieldValue(definition, name, review.fields[name])), remark, place));
    })));
}

function headBox(review) {
    return el('section.card', facts([
        [say('case.account'), review.account],
        [say('case.filed'), review.submitted_at && dateTime(review.submitted_at)],
        [say('case.deadline'), review.deadline_at && [date(review.deadline_at), ' · ', deadline(review.deadline_at)]],
        [say('case.replaces'), review.replaces && el('a', { href: `#/case/${review.replaces}` }, review.replaces)],
        [say('case.predecessor'), review.predecessor && el('a.mono', { href: `#/certificate/${review.predecessor.issuer}/${review.predecessor.serial}` }, review.predecessor.serial)],
        [say('case.certificate'), review.certificate && el('a.mono', { href: `#/certificate/${review.certificate.issuer}/${review.certificate.serial}` }, review.certificate.serial)],
        [say('case.form'), review.forms?.some((form) => form.is_current) && el('span', review.forms.filter((form) => form.is_current)
            .map((form, i) => [i > 0 && ' · ', el('a', { href: `/v1/cases/${review.number}/forms/${form.kind}`, download: '' }, `${form.kind} PDF (${form.revision})`)]))],
        [say('case.decisions'), review.decisions?.length > 0 && el('ul.plain', review.decisions.map((one) =>
            el('li', roleName(one.step), ' · ', say(`case.${one.verdict}`), ' · ', officerName(one.officer_id), ' · ', dateTime(one.decided_at))))],
        [say('old-keys'), review.old_keys && [badge(say(`old-keys.${review.old_keys.state}`), oldKeysTone(review.old_keys.state)),
            review.old_keys.expires_at && el('span.dim', ' ', deadline(review.old_keys.expires_at)),
            review.old_keys.problem && el('div.small', review.old_keys.problem)]],
        [say('case.remark'), review.remark && el('span.pre', review.remark)],
    ]));
}

function checklist(review, definition, checks, viewer) {
    const items = review.checklist || [];
    return el('section.card', el('h2', say('case.checklist')), items.map((group) => el('fieldset', el('legend',
        el('button.quiet.small', { type: 'button', onclick: () => viewer.choose(group.slot) }, slotLabel(definition, group.slot))),
    group.items.map((item, i) => {
        const key = `${group.slot}/${i + 1}`;
        return el('label.choice.line', el('input', {
            type: 'checkbox', checked: checks[key] === true,
            onchange: (event) => { checks[key] = event.target.checked; },
        }), el('span', both(item)));
    }))));
}

const openChecks = (review, checks) => (review.checklist || [])
    .flatMap((group) => group.items.map((item, i) => `${group.slot}/${i + 1}`)).filter((key) => !checks[key]);

function historyBox(number) {
    const box = el('section.card', loading());
    get(`/cases/${number}/timeline`).then((answer) => fill(box, timeline([...answer.steps].reverse().map((step) => ({
        at: dateTime(step.at),
        title: [eventName(step.event), step.state ? [' ', badge(stateName(step.state), stateTone(step.state))] : null],
        text: [step.role ? roleName(step.role) : null, step.actor && step.actor !== 'signet-ra' ? [step.role ? ' · ' : '', /^[0-9a-f-]{36}$/.test(step.actor) ? officerName(step.actor) : step.actor] : null,
            step.event === 'old-keys' && step.detail?.state ? [' · ', say(`old-keys.${step.detail.state}`)] : null, step.remark ? [el('br'), step.remark] : null],
        tone: stateTone(step.state) === 'bad' ? 'bad' : stateTone(step.state) === 'good' ? 'good' : '',
    })))), (error) => fill(box, problemBox(error)));
    return box;
}

function moreBox(review, definition) {
    const payment = review.payment;
    return el('div', el('section.card', el('h2', say('case.payment')), payment ? facts([
        [say('case.amount'), money(payment.amount)],
        [say('case.received'), money(payment.received)],
        [say('case.refunded'), payment.refunded ? money(payment.refunded) : null],
    ]) : el('p.dim', say('case.nothing'))),
    el('section.card', el('h2', say('case.papers')), review.papers?.length ? el('ul.plain', review.papers.map((paper) =>
        el('li', badge(say(`paper.${paper.state}`), paperTones[paper.state]), ' ', slotLabel(definition, paper.slot),
            paper.remark && el('span.dim', ' · ', paper.remark)))) : el('p.dim', say('case.nothing'))),
    el('section.card', el('h2', say('case.shipments')), review.shipments?.length ? el('ul.plain', review.shipments.map((one) =>
        el('li', say(`case.${one.direction}`), ' · ', one.carrier, ' ', el('span.mono', one.tracking), ' ',
            badge(say(`shipment.${one.state}`), one.state === 'delivered' ? 'good' : ''), ' ', el('span.dim.small', dateTime(one.changed_at)))))
        : el('p.dim', say('case.nothing'))));
}

async function nextNumber(number) {
    const page = await get(`/queue${query({ mine: 1, limit: 20 })}`);
    const list = page.cases.map((one) => one.number);
    const at = list.indexOf(number);
    return list[at + 1] ?? list.find((one) => one !== number);
}

async function goNext(number) {
    const next = await nextNumber(number);
    if (next)
        go(`case/${next}`);
    else {
        toast(say('case.none'));
        go('queue');
    }
}

export default async function caseView(main, { path }) {
    const number = path[0];
    title(say('case.title', { number }));
    const review = await readCase(number);
    const definition = await definitionOf(review.business);
    const session = currentSession();
    const step = steps[review.state];
    const can = new Set(review.can || []);
    const isReviewer = step && (can.has('passed') || can.has('returned') || can.has('rejected') || can.has('supplement-asked'));
    const remarks = {};
    const checks = {};
    const documents = (review.slots || []).filter((slot) => slot.document || slot.is_wanted)
        .map((slot) => ({ ...slot, label: slotLabel(definition, slot.slot) }));
    const viewer = scanViewer(number, documents);

    const after = async (answer) => {
        toast(say('case.signed', { state: textNow(stateName(answer.state)) }), 'good');
        await goNext(number);
    };

    async function approve() {
        const left = openChecks(review, checks);
        const result = await dialog({
            title: say('case.approve'),
            body: [el('p', `${number} · ${review.unit_name}`), left.length > 0 && notice('warn', el('p', say('case.checklist.left', { n: left.length })))],
            actions: [{ label: say('case.sign'), act: () => decide(number, review, step, 'approve', { checks }) }],
        });
        if (result)
            await after(result);
    }

    async function refuse(verdict, heading, text, kind) {
        const lines = Object.entries(remarks).map(([name, remark]) => `${fieldLabel(definition, name)}：${remark}`);
        const why = field({ name: 'remark', label: say('case.why'), type: 'textarea', rows: 5, max: 300, required: true, value: lines.join('\n') });
        const result = await dialog({
            title: heading,
            body: [el('p', text), why.root],
            actions: [{
                label: say('case.sign'), kind,
                act: () => (checkAll([why]) ? decide(number, review, step, verdict, {
                    remark: why.value, remarks: Object.keys(remarks).length ? remarks : undefined, checks,
                }) : undefined),
            }],
        });
        if (result)
            await after(result);
    }

    const sendBack = can.has('supplement-asked')
        ? () => refuse('supplement', say('case.supplement'), say('case.return.text'), 'primary')
        : () => refuse('return', say('case.return'), say('case.return.text'), 'primary');
    const reject = () => refuse('reject', say('case.reject'), say('case.reject.sure'), 'danger');

    async function hold() {
        const until = field({ name: 'until', label: say('case.hold.until'), type: 'datetime-local', required: true });
        const reason = field({ name: 'reason', label: say('case.hold.reason'), required: true, max: 200 });
        const done = await dialog({ title: say('case.hold'), body: [until.root, reason.root], actions: [{
            label: say('case.hold'), act: async () => {
                if (!checkAll([until, reason]))
                    return undefined;
                await post(`/cases/${number}/hold`, { until: `${new Date(until.value).toISOString().slice(0, 19)}Z`, reason: reason.value });
                return true;
            },
        }] });
        if (done)
            await show();
    }

    async function assign() {
        const list = (await officers()).filter((one) => one.state === 'active');
        const to = field({ name: 'to', label: say('case.assign.to'), type: 'select', value: review.assigned_to || session.subject, required: true, choices: [
            { value: '-', label: say('case.assign.nobody') }, ...list.map((one) => ({ value: one.officer_id, label: one.name }))] });
        const done = await dialog({ title: say('case.assign'), body: to.root, actions: [{
            label: say('case.assign'), act: async () => {
                await post(`/cases/${number}/assign`, { officer_id: to.value === '-' ? null : to.value });
                return true;
            },
        }] });
        if (done)
            await show();
    }

    async function close() {
        const why = field({ name: 'remark', label: say('case.why'), type: 'textarea', required: true, max: 300 });
        const slot = (review.slots || []).find((one) => one.slot === 'statement');
        const statement = slot && field({ name: 'statement', label: say('case.statement'), type: 'file', required: !slot.document,
            accept: 'application/pdf,image/jpeg,image/png' });
        const done = await dialog({ title: say('case.close'), body: [el('p', say('case.close.text')), statement?.root, why.root], actions: [{
            label: say('case.close'), kind: 'danger', act: async () => {
                if (!checkAll([statement, why].filter(Boolean)))
                    return undefined;
                const file = statement?.input.files[0];
                if (file)
                    await call('PUT', `/cases/${number}/documents/statement?name=${encodeURIComponent(file.name.slice(0, 200))}`, file);
                await post(`/cases/${number}/close`, { remark: why.value });
                return true;
            },
        }] });
        if (done)
            await show();
    }

    const is = (...names) => names.some((name) => can.has(name));
    const actions = el('div.decision', { role: 'group', 'aria-label': say('case.actions') },
        isReviewer && is('passed') && button(say('case.approve'), approve, { kind: 'primary', key: 'a' }),
        isReviewer && is('returned', 'supplement-asked') && button(say(can.has('supplement-asked') ? 'case.supplement' : 'case.return'), sendBack, { key: 'r' }),
        isReviewer && is('rejected') && button(say('case.reject'), reject, { kind: 'danger', key: 'x' }),
        is('retried') && button(say('case.retry'), async () => { await post(`/cases/${number}/retry`); await show(); }),
        is('closed') && button(say('case.close'), close, { kind: 'quiet' }),
        el('span.grow'),
        review.held_until ? button(say('case.resume'), async () => { await post(`/cases/${number}/resume`); await show(); }, { kind: 'quiet' })
            : button(say('case.hold'), hold, { kind: 'quiet' }),
        button(say('case.assign'), assign, { kind: 'quiet' }),
        button(say('case.next'), () => goNext(number), { key: 'n' }));

    const left = tabs([
        { id: 'record', label: say('case.record'), content: () => el('div', findingsBox(review, definition), changesBox(review, definition),
            fieldsBox(review, definition, isReviewer ? remarks : null), headBox(review)) },
        review.checklist?.length > 0 && { id: 'check', label: say('case.check'), content: () => checklist(review, definition, checks, viewer) },
        { id: 'history', label: say('case.history'), content: () => historyBox(number) },
        { id: 'more', label: say('case.more'), content: () => moreBox(review, definition) },
    ].filter(Boolean), { label: say('case.title', { number }) });

    main.classList.add('wide');
    main.append(el('div.lead', el('h1', review.unit_name), el('span.mono.dim', number), businessName(review.business),
        badge(stateName(review.state), stateTone(review.state)),
        review.held_until && badge(say('case.held', { until: textNow(dateTime(review.held_until)) }), 'wait'),
        review.assigned_to && el('span.dim.small', officerName(review.assigned_to))),
    el('div.review', el('div.left', left), el('div.right', viewer.root)), actions);

    const keys = (event) => {
        if (isTyping(event))
            return;
        const act = {
            'a': is('passed') && isReviewer && approve, 'r': is('returned', 'supplement-asked') && isReviewer && sendBack,
            'x': is('rejected') && isReviewer && reject, 'n': () => goNext(number),
            'j': () => viewer.document(1), 'k': () => viewer.document(-1), ']': () => viewer.page(1), '[': () => viewer.page(-1),
            '+': viewer.larger, '=': viewer.larger, '-': viewer.smaller, '0': viewer.fit, 't': viewer.turn,
        }[event.key];
        if (!act)
            return;
        event.preventDefault();
        Promise.resolve(act()).catch((error) => toast(error.text || error.message, 'bad'));
    };
    document.addEventListener('keydown', keys);
    return () => {
        document.removeEventListener('keydown', keys);
        viewer.close();
    };
}
