// The fields of a case as a form: made from the business's definition, judged
// while typing by the same rules as the server's (which judges again).

import { el, field, fill, button } from '/web/ui.js';
import { both, language, say, said, t, words } from '/web/i18n.js';
import { money } from '/web/words.js';

words({
    'group.organisation': ['单位信息', 'Organisation'],
    'group.certificate': ['证书', 'Certificate'],
    'group.seal': ['电子印章', 'Electronic seal'],
    'group.handler': ['经办人', 'Handler'],
    'group.delivery': ['介质邮寄地址', 'Where the device goes'],
    'group.declaration': ['声明', 'Declarations'],
    'fields.uscc': ['统一社会信用代码校验位不正确', 'The check digit of this code is wrong'],
    'fields.id-number': ['身份证号码不正确', 'This is no valid identity number'],
    'fields.mobile': ['请填写 11 位手机号码', 'A mobile number has 11 digits'],
    'fields.email': ['电子邮箱格式不正确', 'This is no e-mail address'],
    'fields.year': ['{n} 年', '{n} years', '{n} year'],
    'seals.type': ['印章类型', 'Kind of seal'],
    'seals.name': ['印章名称', 'Name on the seal'],
    'seals.official': ['公章', 'Official seal'],
    'seals.contract': ['合同专用章', 'Contract seal'],
    'seals.add': ['再添加一枚印章', 'Add another seal'],
    'seals.remove': ['删除这枚印章', 'Remove this seal'],
    'seals.twice': ['每种印章一枚', 'One seal of each kind'],
});

// GB 32100-2015 and GB 11643-1999: the last character checks the others.
function isUscc(text) {
    const alphabet = '0123456789ABCDEFGHJKLMNPQRTUWXY';
    let sum = 0;
    let weight = 1;
    if (text.length !== 18 || [...text].some((c) => !alphabet.includes(c)))
        return false;
    for (let i = 0; i < 17; i++) {
        sum += alphabet.indexOf(text[i]) * weight;
        weight = weight * 3 % 31;
    }
    return alphabet[(31 - sum % 31) % 31] === text[17];
}

function isIdNumber(text) {
    const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    if (!/^\d{17}[\dX]$/.test(text))
        return false;
    return '10X98765432'[weights.reduce((sum, weight, i) => sum + weight * text[i], 0) % 11] === text[17];
}

const judges = {
    'uscc': (text) => (isUscc(text.toUpperCase()) ? '' : say('fields.uscc')),
    'mobile': (text) => (/^1[3-9]\d{9}$/.test(text.replace(/[\s-]/g, '').replace(/^\+?86/, '')) ? '' : say('fields.mobile')),
    'email': (text) => (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text) ? '' : say('fields.email')),
};

const inputs = { mobile: ['tel', 'numeric', 'tel-national'], email: ['email', 'email', 'email'] };

function groupOf(name, isFromRecord) {
    if (isFromRecord || ['province', 'locality', 'street', 'country'].includes(name))
        return 'organisation';
    if (name.startsWith('handler_'))
        return 'handler';
    if (name.startsWith('delivery_'))
        return 'delivery';
    if (name.startsWith('seal') || name === 'operation')
        return 'seal';
    return name === 'years' ? 'certificate' : 'declaration';
}

// Holds a `when` ("kind=law-firm", "kind!=law-firm") for these values?
export function holds(when, values) {
    if (!when)
        return true;
    const [, name, not, value] = /^(\w+)(!?)=(.*)$/.exec(when);
    return (values[name] === value) !== (not === '!');
}

// One to two seals, no kind twice; the value is JSON, as the API has it.
function sealsField(one, value) {
    let items = [];
    try {
        items = JSON.parse(value || '[]');
    } catch { /* begins anew */ }
    const legend = el('span.label', both(one.label));
    const list = el('div');
    const wrong = el('p.wrong', { hidden: true, role: 'alert' });
    const parts = [];
    const tell = (text) => {
        fill(wrong, text || '');
        wrong.hidden = !text;
        return !text;
    };
    const draw = () => {
        parts.length = 0;
        fill(list, items.map((item, i) => {
            const type = field({
                label: say('seals.type'), type: 'radio', value: item.type, required: true,
                choices: ['official', 'contract'].map((kind) => ({ value: kind, label: say(`seals.${kind}`) })),
            });
            const name = field({ label: say('seals.name'), value: item.name, required: true, max: 60 });
            parts.push({ type, name });
            return el('div.seal-item', type.root, name.root, items.length > 1 && el('p', button(say('seals.remove'), () => {
                items = read();
                items.splice(i, 1);
                draw();
            }, { kind: 'quiet small' })));
        }), items.length < 2 && button(say('seals.add'), () => {
            items = read();
            items.push({ type: items[0]?.type === 'official' ? 'contract' : 'official', name: '' });
            draw();
        }, { kind: 'small' }));
    };
    const read = () => parts.map(({ type, name }) => ({ type: type.value, name: name.value }));
    if (items.length === 0)
        items = [{ type: 'official', name: '' }];
    draw();
    return {
        root: el('div.field.wide', { role: 'group', 'aria-label': both(one.label) }, legend,
            one.help && el('p.help', both(one.help)), list, wrong),
        get value() { return JSON.stringify(read()); },
        check: () => {
            const now = read();
            return parts.every(({ type, name }) => type.check() & name.check()) &&
                tell(now.length === 2 && now[0].type === now[1].type && say('seals.twice'));
        },
        error: tell,
        input: list,
    };
}

function oneField(one, value, price, isReadOnly, values) {
    const common = {
        name: one.name, label: both(one.label), help: one.help && both(one.help), required: one.is_required, value: value ?? one.default ?? '',
    };
    if (one.type === 'seals')
        return sealsField(one, value);
    if (one.type === 'flag')
        return field({ ...common, type: 'checkbox', required: false });
    if (one.type === 'years')
        return field({
            ...common, type: 'radio',
            choices: [1, 2, 3, 4, 5].map((n) => ({
                value: String(n),
                label: said(() => `${t('fields.year', { n })}${price?.is_per_year ? ` · ${money(price.amount * n)}` : ''}`),
            })),
        });
    if (one.type === 'choice' && !isReadOnly)
        return field({
            ...common, type: one.choices.length > 4 ? 'select' : 'radio',
            choices: one.choices.map((choice) => ({ value: choice.value, label: both(choice.label) })),
        });
    const [type = 'text', inputmode = null, autocomplete = 'off'] = inputs[one.type] || [];
    const shown = one.type === 'choice' ? one.choices.find((choice) => choice.value === value)?.label : null;
    return field({
        ...common, type, inputmode, autocomplete, max: one.max || null, readonly: isReadOnly, value: shown ? String(both(shown)) : common.value,
        check: one.type === 'id-number'
            ? (text) => ((values().handler_id_type || 'id-card') !== 'id-card' || isIdNumber(text.toUpperCase()) ? '' : say('fields.id-number'))
            : judges[one.type],
    });
}

// caseForm(definition, values, {isLockedToo, onchange}) → {root, values(),
// check(), tell(problem)}: what is locked is shown, not asked, once submitted.
export function caseForm(definition, values, { isSubmitted = false, onchange = () => {} } = {}) {
    const parts = new Map();
    const current = () => {
        const now = { ...values };
        for (const [name, part] of parts)
            if (!part.isReadOnly)
                now[name] = typeof part.value === 'boolean' ? (part.value ? 'yes' : 'no') : part.value;
        return now;
    };
    const groups = new Map();
    for (const one of definition.fields) {
        const isReadOnly = one.from_record || (isSubmitted && one.is_locked);
        const part = oneField(one, values[one.name], definition.price, isReadOnly, current);
        part.definition = one;
        part.isReadOnly = isReadOnly;
        if (isReadOnly && one.type !== 'choice')
            part.root.querySelectorAll('input, select, button').forEach((input) => { input.disabled = input.type !== 'text' && input.type !== 'tel' && input.type !== 'email'; });
        if (one.from_record && !values[one.name] && one.name === 'country')
            continue;
        parts.set(one.name, part);
        if (['years', 'flag', 'seals'].includes(one.type) || one.name === 'street' || one.name === 'unit_name' || one.name === 'delivery_address')
            part.root.classList.add('wide');
        const group = groupOf(one.name, one.from_record);
        if (!groups.has(group))
            groups.set(group, el('fieldset.card', el('legend', say(`group.${group}`)), el('div.fields')));
        groups.get(group).lastChild.append(part.root);
    }
    const show = () => {
        const now = current();
        for (const part of parts.values())
            part.root.hidden = !holds(part.definition.when, now);
    };
    const wanted = () => [...parts.values()].filter((part) => !part.root.hidden && !part.isReadOnly);
    const root = el('form', { novalidate: true, autocomplete: 'on' }, [...groups.values()]);
    root.addEventListener('submit', (event) => event.preventDefault());
    root.addEventListener('change', () => { show(); onchange(); });
    root.addEventListener('input', onchange);
    show();
    return {
        root,
        // All fields anew: once submitted, those that are locked go along as they are.
        values: () => {
            const now = current();
            const asked = new Set(wanted().map((part) => part.definition.name));
            return Object.fromEntries(definition.fields.map((one) => one.name)
                .filter((name) => now[name] && (asked.has(name) || (isSubmitted && parts.get(name)?.isReadOnly)))
                .map((name) => [name, now[name]]));
        },
        check: () => {
            const wrong = wanted().filter((part) => !part.check());
            const target = wrong[0]?.input;
            (target?.matches?.('input, select, textarea') ? target : target?.querySelector('input, select'))?.focus();
            return wrong.length === 0;
        },
        // "NAME: 中文 / English" of the server goes beside its field.
        tell: (problem) => {
            const [, name, zh, en] = /^(\w+): (.*?)(?: \/ (.*))?$/s.exec(problem.detail || '') || [];
            const part = parts.get(name);
            if (!part)
                return false;
            part.error(language() === 'zh' ? zh : en || zh);
            part.input.focus?.();
            part.root.scrollIntoView({ block: 'center' });
            return true;
        },
    };
}

// The same values to read: pairs for facts().
export function fieldFacts(definition, values) {
    return definition.fields.filter((one) => values[one.name] && holds(one.when, values)).map((one) => {
        let shown = values[one.name];
        if (one.type === 'choice')
            shown = both(one.choices.find((choice) => choice.value === shown)?.label);
        else if (one.type === 'flag')
            shown = shown === 'yes' ? '✓' : '—';
        else if (one.type === 'years')
            shown = say('fields.year', { n: shown });
        else if (one.type === 'seals') {
            try {
                shown = JSON.parse(shown).map((item) => el('div', say(`seals.${item.type}`), ' ', item.name));
            } catch { /* as it is */ }
        }
        return [both(one.label), shown];
    });
}
