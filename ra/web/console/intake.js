// The intake clerk's work: scan the form's code, note what the parcel held, and
// when all is there, sign that it is.

import { get, post } from '/web/api.js';
import { say, textNow, title, words } from '/web/i18n.js';
import { go } from '/web/router.js';
import { businessName, stateName, stateTone } from '/web/words.js';
import { badge, button, el, field, fill, notice, problemBox, toast } from '/web/ui.js';
import { decide } from './decide.js';
import { definitionOf, slotLabel } from './definitions.js';

words({
    'intake.title': ['收件登记', 'Intake'],
    'intake.code': ['扫描申请表二维码，或输入单号', 'Scan the code on the form, or type the case number'],
    'intake.find': ['查找', 'Find'],
    'intake.papers': ['应收资料', 'Papers awaited'],
    'intake.received': ['已收到，完好', 'Received, in order'],
    'intake.defective': ['有缺陷', 'Defective'],
    'intake.missing': ['未收到', 'Not there'],
    'intake.what': ['缺陷说明', 'What is wrong'],
    'intake.device': ['原介质', 'Old device'],
    'intake.serial': ['原介质序列号', 'Serial of the old device'],
    'intake.save': ['登记', 'Note it'],
    'intake.saved': ['已登记', 'Noted'],
    'intake.sign': ['资料齐全，签名收讫', 'All is there: sign'],
    'intake.signed': ['已签名：{state}', 'Signed: {state}'],
    'intake.nothing': ['此业务当前不等待纸质资料。', 'This case awaits no papers now.'],
    'intake.open': ['查看业务', 'Open the case'],
    'intake.complete': ['全部资料已登记收到。', 'All papers have been received.'],
});

async function paperList(found, redraw) {
    const row = found.case || found;
    const papers = found.papers || row.papers || [];
    const definition = await definitionOf(row.business);
    const lines = papers.map((paper) => {
        const name = `paper-${paper.slot}`;
        const label = paper.slot === 'device' ? say('intake.device') : slotLabel(definition, paper.slot);
        const choice = field({ name, label, type: 'radio', value: paper.state === 'awaited' ? '' : paper.state, choices: [
            { value: 'received', label: say('intake.received') }, { value: 'defective', label: say('intake.defective') },
            { value: 'awaited', label: say('intake.missing') }] });
        const what = field({ name: `${name}-what`, label: say('intake.what'), max: 200, value: paper.remark || '' });
        const serial = paper.slot === 'device' && field({ name: 'device-serial', label: say('intake.serial'), max: 32 });
        const judge = () => { what.root.hidden = choice.value !== 'defective'; };
        choice.root.addEventListener('change', judge);
        judge();
        return { paper, choice, what, serial, root: el('div.paper', choice.root, serial && serial.root, what.root) };
    });
    const isOver = papers.length > 0 && papers.every((paper) => paper.state === 'received');
    const save = button(say('intake.save'), async () => {
        const received = lines.filter((line) => line.choice.value === 'received').map((line) => line.paper.slot);
        const defective = Object.fromEntries(lines.filter((line) => line.choice.value === 'defective').map((line) => [line.paper.slot, line.what.value]));
        const device = lines.find((line) => line.serial && line.choice.value === 'received')?.serial.value;
        await post(`/cases/${row.number}/papers`, { received, defective, ...(device ? { device } : {}) });
        toast(say('intake.saved'), 'good');
        await redraw(row.number);
    }, { kind: isOver ? '' : 'primary' });
    const sign = button(say('intake.sign'), async () => {
        const answer = await decide(row.number, await get(`/cases/${row.number}/review`), 'entry', 'approve');
        toast(say('intake.signed', { state: textNow(stateName(answer.state)) }), 'good');
        go('intake');
        await redraw('');
    }, { kind: 'primary' });
    return el('section.card', el('div.lead', el('h2', row.unit_name), el('span.mono.dim', row.number), businessName(row.business),
        badge(stateName(row.state), stateTone(row.state)), el('a', { href: `#/case/${row.number}` }, say('intake.open'))),
    papers.length === 0 ? notice('warn', el('p', say('intake.nothing'))) : [
        el('h3', say('intake.papers')), lines.map((line) => line.root), isOver && notice('good', el('p', say('intake.complete'))),
        el('div.actions', save, isOver && row.state === 'awaiting-originals' && sign)]);
}

export default async function intake(main, { query }) {
    title(say('intake.title'));
    const input = el('input', { id: 'code', autocomplete: 'off', spellcheck: 'false', value: query.get('code') || '' });
    const result = el('div', { 'aria-live': 'polite' });
    const find = async (code) => {
        if (!code)
            return fill(result);
        try {
            return fill(result, await paperList(await post('/intake', { code }), find));
        } catch (problem) {
            return fill(result, problemBox(problem));
        }
    };
    main.append(el('h1', say('intake.title')), el('form.card', { onsubmit: (event) => {
        event.preventDefault();
        find(input.value.trim());
        input.select(); // the next scan replaces it
    } }, el('label.label', { for: 'code' }, say('intake.code')), el('div.row.nowrap-row', input, el('button.primary', { type: 'submit' }, say('intake.find')))), result);
    setTimeout(() => input.focus());
    if (input.value)
        await find(input.value);
}
