// One case: where it stands, what to do now, its time line.

import { get, post, put } from '/web/api.js';
import { badge, button, checkAll, confirm, copy, dialog, download, el, facts, field, fill, notice, timeline, toast } from '/web/ui.js';
import { both, said, say, title, words } from '/web/i18n.js';
import { businessName, date, dateTime, deadline, eventName, oldKeysTone, roleName, stateName, stateTone } from '/web/words.js';
import { certificateRow } from './certificates.js';
import { caseForm, fieldFacts } from './fields.js';
import { formsPanel, slotsPanel } from './documents.js';
import { handlerPanel } from './handler.js';
import { paymentPanel } from './payment.js';
import { endsAt, isOver, nextStep, stepBar } from './steps.js';

words({
    'case.form': ['填写信息', 'Fill in'],
    'case.saved': ['草稿已保存', 'Draft kept'],
    'case.saved.not': ['有内容填写有误，草稿尚未保存', 'Something is not right yet: the draft is not kept'],
    'case.saved.later': ['草稿尚未保存，稍后自动重试', 'The draft is not kept yet; trying again'],
    'case.elsewhere': ['这份草稿已在另一个窗口中修改。', 'This draft was changed in another window.'],
    'case.elsewhere.theirs': ['载入那里的内容', 'Take what is there'],
    'case.elsewhere.mine': ['保留这里的内容', 'Keep what is here'],
    'case.save': ['保存草稿', 'Keep the draft'],
    'case.submit': ['提交', 'Submit'],
    'case.submit.sure': ['确认提交', 'Submit now?'],
    'case.submit.text': ['单位名称、印章、手机号码、年限等信息提交后不能在线修改。请务必核实。', 'Name, seals, mobile number, years and the like cannot be changed online once submitted. Check them.'],
    'case.handin': ['提交资料', 'Hand in'],
    'case.handin.done': ['资料已提交', 'Handed in'],
    'case.edit': ['修改填写信息', 'Change what was filled in'],
    'case.edit.text': ['只能修改未锁定的信息。修改申请表上的内容后，需要重新下载、盖章并上传申请表。', 'Only what is not locked. When something printed on the form changes, the form must be downloaded, stamped and uploaded anew.'],
    'case.remark': ['审核备注', 'Remark of the reviewer'],
    'case.withdraw': ['撤回申请', 'Withdraw'],
    'case.withdraw.sure': ['撤回后本业务关闭，已付款项按规则退回。确定撤回吗？', 'The case is closed, and what was paid goes back by the rules. Withdraw?'],
    'case.timeline': ['办理进度', 'Progress'],
    'case.info': ['申请信息', 'What was filled in'],
    'case.mail': ['邮寄纸质原件', 'Mail the originals'],
    'case.mail.what': ['请将以下资料一并寄出：', 'Put these into the parcel:'],
    'case.mail.device': ['原 CA（数字证书存储介质）', 'The old device'],
    'case.mail.original': ['原件 {n} 份', '{n} originals', '{n} original'],
    'case.mail.copy': ['复印件 {n} 份（加盖公章）', '{n} copies, stamped', '{n} copy, stamped'],
    'case.mail.where': ['寄往', 'To'],
    'case.mail.hotline': ['客服电话：', 'Customer service: '],
    'case.mail.note': ['快递费由贵单位支付，不接收挂号信。', 'You pay the courier; registered letters are not taken.'],
    'case.mail.tell': ['填写快递单号', 'Give the tracking number'],
    'case.mail.carrier': ['快递公司', 'Courier'],
    'case.mail.tracking': ['快递单号', 'Tracking number'],
    'case.parcels': ['快递', 'Parcels'],
    'case.parcel.out': ['介质寄给您', 'Device to you'],
    'case.parcel.in': ['资料寄给我们', 'Papers to us'],
    'case.parcel.announced': ['已登记', 'announced'],
    'case.parcel.shipped': ['运输中', 'on its way'],
    'case.parcel.delivered': ['已送达', 'delivered'],
    'case.parcel.failed': ['派送失败', 'failed'],
    'case.client': ['用客户端办理', 'With the client'],
    'case.client.text': ['插上介质，打开【网证通安全客户端】，输入下面的配对码。配对码 15 分钟内有效。', 'Plug the device in, start the client and type this code into it. It is good for 15 minutes.'],
    'case.client.code': ['获取配对码', 'Get a code'],
    'case.client.number': ['插上介质，打开【网证通安全客户端】，按本业务编号继续办理。', 'Plug the device in, start the client and go on there with the number of this case.'],
    'case.client.activate': ['收到介质和激活短信后，插上介质，在客户端【激活证书】填入短信中的激活码，并设置密码（8 位以上，含大小写字母、数字和特殊字符）。', 'When the device and the text message with the activation code are here: plug the device in, choose “Activate” in the client, type the code and set a PIN of 8 characters or more, with capital and small letters, digits and others.'],
    'case.client.again': ['没有收到激活短信？重新发送', 'No text message? Send it again'],
    'case.client.sent': ['激活短信已重新发送', 'Sent again'],
    'case.certificate': ['证书', 'Certificate'],
    'case.certificate.until': ['有效期至', 'Valid until'],
    'case.invoice': ['下载发票', 'Download the invoice'],
    'case.replace': ['重新提交新业务', 'File it again'],
    'case.sample': ['演示样例', 'Sample'],
    'case.old-keys.wait': ['密钥管理中心审批后，历次加密密钥会随激活自动存入新介质；如届时尚未批准，可之后用客户端取回。已加密的文件无需先解密。',
        'Once the key management centre has agreed, the earlier keys come into the new device with activation, or later with the client. Encrypted files need not be decrypted first.'],
    'case.old-keys.later': ['密钥管理中心批准后，短信通知您用客户端取回。介质请留在身边。', 'When the key management centre has agreed, a text message tells you to fetch the keys with the client. Keep the device at hand.'],
    'case.old-keys.ready': ['密钥管理中心已批准，历次加密密钥会随激活自动存入新介质。', 'The key management centre has agreed: the earlier keys come into the new device with activation.'],
    'case.old-keys.fetch': ['插上介质，用客户端取回历次加密密钥：', 'Plug the device in and fetch the earlier keys with the client:'],
    'case.old-keys.there': ['历次加密密钥已在介质中，以前加密的文件可以直接解密。', 'The earlier keys are in the device: files encrypted before can be decrypted with it.'],
    'case.old-keys.again': ['历次加密密钥未能送入介质。激活后可另行办理“密钥恢复”业务。', 'The earlier keys did not come into the device. After activation, file for key recovery.'],
    'case.proof': ['需要插上介质验证', 'The device has to prove itself'],
});

const events = (one, name) => (one.can || []).includes(name);

function remarkBox(one) {
    if (!one.remark || !['returned', 'supplement', 'rejected', 'closed'].includes(one.state))
        return null;
    return notice(one.state === 'rejected' ? 'bad' : 'warn', el('strong', say('case.remark')), el('p.pre', one.remark));
}

// A draft keeps itself a moment after each change. `leaving` gets what is to be
// done when the view is left.
function draftPanel(one, definition, reload, leaving) {
    const status = el('div', { role: 'status' });
    let revision = one.revision;
    let pending = null;
    let saving = Promise.resolve();
    let isClean = true;

    const elsewhere = () => fill(status, notice('warn', el('p', say('case.elsewhere')), el('div.actions',
        button(say('case.elsewhere.theirs'), () => { isClean = true; return reload(); }, { kind: 'small' }),
        button(say('case.elsewhere.mine'), async () => {
            revision = (await get(`/cases/${one.number}`)).revision;
            await save();
        }, { kind: 'small' }))));
    const told = (error) => {
        if (error.status === 409 && /^revision:/.test(error.detail || ''))
            elsewhere();
        else if (error.status === 400)
            fill(status, el('p.small', say('case.saved.not')));
        else {
            fill(status, el('p.small', say('case.saved.later')));
            if (error.status !== 401)
                later(10000);
        }
    };
    const save = () => {
        clearTimeout(pending);
        pending = null;
        saving = saving.catch(() => {}).then(async () => {
            const kept = await put(`/cases/${one.number}`, { revision, fields: form.values() });
            revision = kept?.revision ?? revision;
            isClean = pending === null;
            fill(status, el('p.small.dim', say('case.saved')));
        });
        return saving;
    };
    const later = (wait_ms) => {
        clearTimeout(pending);
        pending = setTimeout(() => save().catch(told), wait_ms);
    };
    const form = caseForm(definition, one.fields, { onchange: () => { isClean = false; later(1200); } });
    leaving.push(() => {
        clearTimeout(pending);
        if (!isClean)
            save().catch(() => {});
    });
    // What the server finds wrong stands beside its field.
    const beside = async (act) => {
        try {
            await act();
        } catch (error) {
            if (error.status === 409 && /^revision:/.test(error.detail || ''))
                elsewhere();
            else if (!form.tell(error))
                throw error;
        }
    };
    return el('section.stack', form.root, el('div.foot-bar', status, el('div.actions',
        button(say('case.submit'), () => form.check() && beside(async () => {
            await save();
            if (!(await confirm(say('case.submit.sure'), say('case.submit.text'), { label: say('case.submit') })))
                return;
            await post(`/cases/${one.number}/submit`);
            await reload();
        }), { kind: 'primary' }), button(say('case.save'), () => beside(save)))));
}

async function editDialog(one, definition, reload) {
    const form = caseForm(definition, one.fields, { isSubmitted: true });
    const result = await dialog({
        title: say('case.edit'), wide: true, body: el('div', el('p', say('case.edit.text')), form.root),
        actions: [{
            label: say('case.submit'),
            act: async () => {
                if (!form.check())
                    return undefined;
                try {
                    await put(`/cases/${one.number}`, { revision: one.revision, fields: form.values() });
                    if (one.state === 'returned')
                        await post(`/cases/${one.number}/submit`);
                    return true;
                } catch (error) {
                    if (form.tell(error))
                        return undefined;
                    throw error;
                }
            },
        }],
    });
    if (result)
        await reload();
}

function documentPanels(one, definition, reload) {
    const isOpen = ['form-ready', 'returned', 'in-review'].includes(one.state);
    const needsSubmit = one.state === 'returned' && one.forms?.length > 0 && one.forms.every((form) => !form.is_current);
    return [
        !needsSubmit && formsPanel(one, definition),
        slotsPanel(one, definition, isOpen, reload),
        el('div.actions',
            needsSubmit ? button(say('case.submit'), async () => { await post(`/cases/${one.number}/submit`); await reload(); }, { kind: 'primary' })
                : events(one, 'handed-in') && button(say('case.handin'), async () => {
                    await post(`/cases/${one.number}/hand-in`);
                    toast(say('case.handin.done'), 'good');
                    await reload();
                }, { kind: 'primary' }),
            events(one, 'edited') && button(say('case.edit'), () => editDialog(one, definition, reload))),
    ];
}

function mailPanel(one, definition, definitions, reload) {
    const papers = one.papers || [];
    const slots = definition.slots.filter((slot) => slot.copies > 0 && papers.some((paper) => paper.slot === slot.slot));
    const mark = (name) => papers.find((paper) => paper.slot === name);
    const item = (name, label, count) => {
        const paper = mark(name);
        return el('li', { class: paper?.state === 'received' ? 'got' : '' }, label, count && [' — ', count],
            paper?.state === 'received' && ' ✓', paper?.state === 'defective' && [' ', badge(paper.remark || '!', 'bad')]);
    };
    return el('section.card', el('h2', say('case.mail')), el('p', say('case.mail.what')), el('ul.check-list',
        slots.map((slot) => item(slot.slot, both(slot.label), say(slot.is_original ? 'case.mail.original' : 'case.mail.copy', { n: slot.copies }))),
        mark('device') && item('device', say('case.mail.device'))),
    definitions.centre?.address && el('div.mail', el('strong', say('case.mail.where')), el('p.pre', definitions.centre.address),
        definitions.centre.hotline && el('p.small.dim', say('case.mail.hotline'), definitions.centre.hotline)),
    el('p.small.dim', say('case.mail.note')),
    button(say('case.mail.tell'), async () => {
        const carrier = field({ label: say('case.mail.carrier'), required: true, max: 40 });
        const tracking = field({ label: say('case.mail.tracking'), required: true, max: 40 });
        const done = await dialog({
            title: say('case.mail.tell'), body: el('div', carrier.root, tracking.root),
            actions: [{
                label: say('ui.save'),
                act: async () => {
                    if (!checkAll([carrier, tracking]))
                        return undefined;
                    await post(`/cases/${one.number}/shipments`, { direction: 'in', carrier: carrier.value, tracking: tracking.value });
                    return true;
                },
            }],
        });
        if (done)
            await reload();
    }));
}

function parcels(one) {
    if (!one.shipments?.length)
        return null;
    return el('section.card', el('h2', say('case.parcels')), one.shipments.map((parcel) => el('div',
        el('p', el('strong', say(`case.parcel.${parcel.direction}`)), ' ', badge(say(`case.parcel.${parcel.state}`), parcel.state === 'delivered' ? 'good' : 'wait'),
            el('br'), parcel.carrier, ' ', el('span.mono', parcel.tracking)),
        parcel.events?.length > 0 && el('ul.small.dim', parcel.events.map((event) => el('li', dateTime(event.at), ' ', event.status, event.place && ` · ${event.place}`))))));
}

function clientPanel(one, reload) {
    const shown = el('div', { role: 'status' });
    const pair = button(say('case.client.code'), async () => {
        const { code, expires_at } = await post(`/cases/${one.number}/client-code`);
        fill(shown, el('p.code', code.replace(/^(.{4})(.*)$/, '$1 $2')), el('p.small.dim', deadline(expires_at)),
            button(say('ui.copy'), () => copy(code), { kind: 'quiet small' }));
    }, { kind: 'primary' });
    const isActivation = one.state === 'activation-allowed';
    if (['issued', 'approved', 'code-sent', 'code-verified', 'seal-signed'].includes(one.state))
        return el('section.card', el('h2', say('case.client')), el('p', say('case.client.number')), el('p.code', one.number),
            button(say('ui.copy'), () => copy(one.number), { kind: 'small' }));
    return el('section.card', el('h2', say('case.client')), el('p', say(isActivation ? 'case.client.activate' : 'case.client.text')),
        isActivation ? button(say('case.client.again'), async () => {
            await post(`/cases/${one.number}/activation-code`);
            toast(say('case.client.sent'), 'good');
            await reload();
        }, { kind: 'quiet' }) : [pair, shown]);
}

// What the holder is to know of the keys that open earlier files.
function oldKeysPanel(one) {
    const state = one.old_keys?.state;
    if (!state || state === 'none')
        return null;
    const hasDevice = one.business === 'recover' || ['activated', 'bound'].includes(one.state);
    const what = { done: hasDevice ? 'fetch' : 'ready', received: 'there', refused: 'again', expired: 'again', aborted: 'again' }[state] || (hasDevice ? 'later' : 'wait');
    return el('section.card', el('h2', say('old-keys'), ' ', badge(say(`old-keys.${state}`), oldKeysTone(state))),
        el('p', say(`case.old-keys.${what}`)), what === 'fetch' && el('p.code', 'signet-key recover'));
}

function resultPanel(one, halves) {
    if (!['activated', 'bound', 'installed'].includes(one.state) || (!halves.length && one.payment?.state !== 'paid'))
        return null;
    return el('section.card', el('h2', say('case.certificate')),
        one.certificate && facts([[say('case.certificate.until'), date(one.certificate.not_after)]]), halves.map(certificateRow),
        one.payment?.received > 0 && el('div.actions', button(say('case.invoice'), async () =>
            download(await get(`/cases/${one.number}/invoice`), `${one.number}-invoice.xml`))));
}

// Both of the pair that this case has made.
const halvesOf = async (one) => (one.certificate
    ? (await get(`/certificates/${encodeURIComponent(one.certificate.issuer)}/${one.certificate.serial}`)).halves : []);

const tones = { passed: 'good', paid: 'good', 'ca-done': 'good', bound: 'good', installed: 'good', unlocked: 'good', returned: 'wait', 'supplement-asked': 'wait', rejected: 'bad', failed: 'bad', 'ca-refused': 'bad', closed: 'bad', expired: 'bad' };

// Many edits in a row are one line, and so are many uploads.
function progress(steps, definition) {
    const shown = [];
    for (const step of steps) {
        const last = shown.at(-1);
        const slot = definition?.slots.find((each) => each.slot === step.detail?.slot)?.label;
        if (last && last.event === step.event && ['edited', 'document-added', 'document-removed'].includes(step.event)) {
            last.at = step.at;
            if (slot && !last.slots.includes(slot))
                last.slots.push(slot);
        } else {
            shown.push({ ...step, slots: slot ? [slot] : [] });
        }
    }
    return timeline(shown.reverse().map((step) => ({
        at: dateTime(step.at),
        title: eventName(step.event),
        text: step.remark || (step.event === 'old-keys' && step.detail?.state ? say(`old-keys.${step.detail.state}`) : step.slots.length ? step.slots.map((slot, i) => [i > 0 && el('br'), both(slot)])
            : step.role && !['applicant', 'system'].includes(step.role) ? roleName(step.role) : null),
        tone: tones[step.event] || '',
    })));
}

function panels(one, definition, definitions, reload, leaving) {
    switch (one.state) {
    case 'draft':
        return [needsProof(one, definition) && clientPanel(one, reload), draftPanel(one, definition, reload, leaving)];
    case 'form-ready':
    case 'returned':
        return documentPanels(one, definition, reload);
    case 'in-review':
        return one.business === 'seal' ? documentPanels(one, definition, reload) : [];
    case 'awaiting-payment':
        return [paymentPanel(one, definitions, reload)];
    case 'awaiting-originals':
    case 'supplement':
        return [mailPanel(one, definition, definitions, reload)];
    case 'activation-allowed':
    case 'submitted':
    case 'issued':
    case 'approved':
    case 'code-sent':
    case 'code-verified':
    case 'seal-signed':
        return [clientPanel(one, reload)];
    default:
        return [];
    }
}

const needsProof = (one, definition) => definition.wants_device_proof && one.business !== 'renew';

export default async function casePage(main, { path: [number] }) {
    const definitions = await get('/businesses');
    let timer = null;
    let seen = '';
    let hasLeft = false;
    const leaving = [];
    const left = () => leaving.splice(0).forEach((act) => act());

    async function draw() {
        const [one, line] = await Promise.all([get(`/cases/${number}`), get(`/cases/${number}/timeline`)]);
        const definition = definitions.businesses.find((each) => each.business === one.business);
        const halves = await halvesOf(one);
        const end = endsAt(one, definitions.businesses);
        // What has the focus: a slot keeps it when the page is drawn anew.
        const slot = document.activeElement?.closest('[data-slot]')?.dataset.slot;
        const isWithin = main.contains(document.activeElement);
        left();
        seen = `${one.state}/${line.steps.length}`;
        title(said(() => `${businessName(one.business)} ${one.number}`));
        const isWide = one.state === 'draft';
        fill(main, el('div.lead', { 'data-state': one.state }, el('h1', businessName(one.business)), badge(stateName(one.state), stateTone(one.state)),
            one.is_sample && badge(say('case.sample')), el('span.dim.mono', one.number),
            el('div.actions', events(one, 'withdrawn') && button(say('case.withdraw'), async () => {
                if (await confirm(say('case.withdraw'), say('case.withdraw.sure'), { label: say('case.withdraw'), kind: 'danger' })) {
                    await post(`/cases/${number}/withdraw`);
                    await draw();
                }
            }, { kind: 'quiet' }))),
        stepBar(one),
        el('p.next', nextStep(one), ' ', end && !isOver(one.state) && el('span.dim', deadline(end))),
        remarkBox(one),
        el(isWide ? 'div.stack' : 'div.case-grid',
            el('div.stack', panels(one, definition, definitions, draw, leaving), handlerPanel(one, line.steps, draw), oldKeysPanel(one), resultPanel(one, halves),
                one.state === 'closed' && el('p', el('a.button.primary', { href: `#/apply/${one.business}?replaces=${one.number}` }, say('case.replace'))),
                !isWide && el('details.card', { open: isOver(one.state) || one.state.includes('review') || null }, el('summary', say('case.info')), facts(fieldFacts(definition, one.fields || {})))),
            el('aside.stack', parcels(one), el('section.card', el('h2', say('case.timeline')), progress(line.steps, definition)))));
        if (isWithin) {
            const heading = main.querySelector('h1');
            heading.tabIndex = -1;
            (main.querySelector(`[data-slot="${slot}"] .actions button`) || heading).focus({ preventScroll: Boolean(slot) });
        }
    }

    // What others do shows by itself, at once when one comes back to the window,
    // but never under someone's hands.
    async function look() {
        clearTimeout(timer);
        try {
            const line = await get(`/cases/${number}/timeline`, { quiet: true });
            const state = line.steps.at(-1)?.state;
            if (state && seen !== `${state}/${line.steps.length}` && state !== 'draft' && !document.querySelector('dialog[open]'))
                await draw();
        } catch { /* the next look may be luckier */ }
        clearTimeout(timer);
        if (!hasLeft)
            timer = setTimeout(look, 5000);
    }

    await draw();
    timer = setTimeout(look, 5000);
    window.addEventListener('focus', look);
    return () => {
        hasLeft = true;
        clearTimeout(timer);
        window.removeEventListener('focus', look);
        left();
    };
}
