// What pages are made of: elements, fields, tables, dialogs, messages. Texts are
// strings, or say(...) of i18n.js, which follow the language.

import { Problem } from './api.js';
import { Said, language, say, setLanguage, t, textNow, words } from './i18n.js';

words({
    'ui.close': ['关闭', 'Close'],
    'ui.cancel': ['取消', 'Cancel'],
    'ui.confirm': ['确定', 'Confirm'],
    'ui.save': ['保存', 'Save'],
    'ui.retry': ['重试', 'Try again'],
    'ui.required': ['必填', 'required'],
    'ui.missing': ['请填写此项', 'This is needed'],
    'ui.none': ['暂无记录', 'Nothing here'],
    'ui.choose': ['请选择', 'Choose'],
    'ui.loading': ['载入中', 'Loading'],
    'ui.error': ['出现问题', 'Something went wrong'],
    'ui.failed': ['操作没有完成', 'That did not work'],
    'ui.passkey': ['没有完成通行密钥验证（已取消或超时）', 'The passkey was not used: cancelled, or out of time'],
    'ui.language': ['English', '中文'],
    'ui.skip': ['跳到正文', 'Skip to content'],
    'ui.copied': ['已复制', 'Copied'],
    'ui.copy': ['复制', 'Copy'],
});

const SVG = 'http://www.w3.org/2000/svg';
const svgNames = new Set(['svg', 'path', 'rect', 'line', 'circle', 'g', 'text', 'title', 'polyline', 'desc']);

function setAttribute(node, name, value) {
    if (value === false || value == null)
        return;
    if (name.startsWith('on') && typeof value === 'function')
        node.addEventListener(name.slice(2), value);
    else if (name === 'value' && 'value' in node)
        node.value = value;
    else if (name === 'dataset')
        Object.assign(node.dataset, value);
    else if (value === true)
        node.setAttribute(name, '');
    else {
        if (value instanceof Said)
            (node.saidAttributes ??= new Map()).set(name, value);
        node.setAttribute(name, String(value));
    }
}

function textNode(text) {
    const node = document.createTextNode(String(text));
    if (text instanceof Said)
        node.said = text;
    return node;
}

export function add(node, ...children) {
    for (const child of children.flat(Infinity)) {
        if (child == null || child === false)
            continue;
        node.append(child instanceof Node ? child : textNode(child));
    }
    return node;
}

// el('button.primary#save', {type: 'button', onclick: save}, say('ui.save'))
export function el(name, ...rest) {
    const [tag, ...marks] = name.split(/(?=[.#])/);
    const node = svgNames.has(tag) && tag !== 'title' ? document.createElementNS(SVG, tag) : document.createElement(tag);
    const plain = rest[0] && typeof rest[0] === 'object' && !(rest[0] instanceof Node) && !(rest[0] instanceof Said) &&
        !Array.isArray(rest[0]);
    const attributes = plain ? rest.shift() : {};
    for (const mark of marks) {
        if (mark[0] === '.')
            node.classList.add(mark.slice(1));
        else
            node.id = mark.slice(1);
    }
    // The value last: an <input>'s type, a <select>'s options come first.
    const { value, class: classes, ...others } = attributes;
    if (classes)
        node.classList.add(...classes.split(' ').filter(Boolean));
    for (const [key, one] of Object.entries(others))
        setAttribute(node, key, one);
    add(node, ...rest);
    if (value !== undefined)
        setAttribute(node, 'value', value);
    return node;
}

export function fill(node, ...children) {
    node.replaceChildren();
    return add(node, ...children);
}

let counter = 0;
const freshId = (prefix = 'id') => `${prefix}-${++counter}`;

// ---- Messages -------------------------------------------------------------------

function errorText(error) {
    if (error instanceof Problem)
        return error.text;
    if (error?.name === 'NotAllowedError' || error?.name === 'AbortError')
        return t('ui.passkey');
    return `${t('ui.failed')}${error?.message ? ` (${error.message})` : ''}`;
}

// A message at the foot of the window: 'good', 'bad' or plain.
export function toast(text, tone = '') {
    let shelf = document.getElementById('toasts');
    if (!shelf) {
        shelf = el('div#toasts', { role: 'status', 'aria-live': 'polite' });
        document.body.append(shelf);
    }
    const note = el('p.toast', { class: tone }, text);
    for (const other of [...shelf.children])
        if (other.textContent === note.textContent || shelf.childElementCount > 2)
            other.remove();
    shelf.append(note);
    setTimeout(() => note.remove(), tone === 'bad' ? 9000 : 4500);
}

export const toastError = (error) => toast(errorText(error), 'bad');

export function problemBox(error, retry) {
    const id = error instanceof Problem && error.requestId;
    return el('div.problem', { role: 'alert' }, el('strong', say('ui.error')), el('p', errorText(error)),
        id && el('p.dim.small', t('problem.request', { id })),
        retry && button(say('ui.retry'), retry));
}

export const notice = (tone, ...children) => el('div.notice', { class: tone }, ...children);

// ---- Buttons --------------------------------------------------------------------

// While `act` runs the button rests: a double click is one. What it throws is
// shown. options: {kind: 'primary'|'danger'|'quiet', key: 'A', type, disabled}
export function button(label, act, { kind = '', key = '', type = 'button', disabled = false, ...others } = {}) {
    const node = el('button', {
        type, class: kind, disabled, ...others,
        'aria-keyshortcuts': key || null,
        onclick: act && (async (event) => {
            if (node.getAttribute('aria-busy') === 'true')
                return;
            node.setAttribute('aria-busy', 'true');
            try {
                await act(event);
            } catch (error) {
                toastError(error);
            } finally {
                node.removeAttribute('aria-busy');
            }
        }),
    }, label, key && el('kbd', { 'aria-hidden': 'true' }, key.toUpperCase()));
    return node;
}

export const link = (href, ...children) => el('a', { href }, ...children);

// ---- Fields ---------------------------------------------------------------------

// field({name, label, type, value, required, help, choices: [{value, label}],
// rows, max, check: value → text of what is wrong or ''}) →
// {root, input, value, error(text or null), check() → bool}. Types: those of
// <input>, 'textarea', 'select', 'radio', 'checkbox'.
export function field(options) {
    const { name, label, type = 'text', value = '', required = false, help, choices = [], rows = 3, max, check,
        autocomplete = 'off', oninput, ...others } = options;
    const id = freshId(name || 'field');
    const about = `${id}-about`;
    const wrong = el('p.wrong', { id: `${id}-wrong`, hidden: true });
    const common = { id, name, required, 'aria-describedby': `${help ? `${about} ` : ''}${id}-wrong`, ...others };
    let input;
    let group = null;
    if (type === 'textarea')
        input = el('textarea', { ...common, rows, maxlength: max, value });
    else if (type === 'select')
        input = el('select', { ...common, value }, !required || value === '' ? el('option', { value: '' }, say('ui.choose')) : null,
            choices.map((choice) => el('option', { value: choice.value }, choice.label)));
    else if (type === 'radio') {
        input = el('div.choices', { id, role: 'radiogroup', 'aria-labelledby': `${id}-label`, 'aria-describedby': common['aria-describedby'] },
            choices.map((choice) => el('label.choice', el('input', {
                type: 'radio', name: name || id, value: choice.value, checked: choice.value === value,
            }), el('span', choice.label))));
        group = input;
    } else if (type === 'checkbox')
        input = el('input', { ...common, type, checked: value === true || value === 'yes' });
    else
        input = el('input', { ...common, type, maxlength: max, autocomplete, value });

    const read = () => {
        if (group)
            return group.querySelector('input:checked')?.value ?? '';
        if (type === 'checkbox')
            return input.checked;
        return type === 'select' || type === 'file' ? input.value : input.value.trim();
    };
    const error = (text) => {
        fill(wrong, text || '');
        wrong.hidden = !text;
        if (text)
            input.setAttribute('aria-invalid', 'true');
        else
            input.removeAttribute('aria-invalid');
    };
    const judge = () => {
        const now = read();
        if (required && (now === '' || now === false))
            error(say('ui.missing'));
        else
            error((check && now !== '' && check(now)) || null);
        return wrong.hidden;
    };
    input.addEventListener('change', judge);
    input.addEventListener('input', () => {
        if (!wrong.hidden)
            judge();
        oninput?.(read());
    });
    const caption = el(group ? 'span.label' : 'label.label', group ? { id: `${id}-label` } : { for: id }, label,
        required && el('span.must', { title: say('ui.required'), 'aria-hidden': 'true' }, '*'));
    const hint = help && el('p.help', { id: about }, help);
    const root = type === 'checkbox'
        ? el('div.field.check', el('label.choice', input, el('span', label, required && el('span.must', { 'aria-hidden': 'true' }, '*'))), hint, wrong)
        : el('div.field', caption, input, hint, wrong);
    return {
        root, input, error, check: judge, name,
        get value() { return read(); },
        set value(next) {
            if (group)
                group.querySelectorAll('input').forEach((one) => { one.checked = one.value === next; });
            else if (type === 'checkbox')
                input.checked = next === true || next === 'yes';
            else
                input.value = next;
        },
    };
}

// Judges all; the first that is wrong gets the focus.
export function checkAll(fields) {
    const wrong = fields.filter((one) => !one.check());
    const target = wrong[0]?.input;
    (target?.matches?.('[role=radiogroup]') ? target.querySelector('input') : target)?.focus();
    return wrong.length === 0;
}

// ---- Dialogs --------------------------------------------------------------------

// A modal dialog. `actions`: [{label, kind, act: async () => result}]; a result
// other than undefined closes. → the result, or null when cancelled.
export function dialog({ title, body, actions = [], wide = false, cancel = say('ui.cancel') }) {
    return new Promise((resolve) => {
        const id = freshId('dialog');
        const node = el('dialog', { 'aria-labelledby': id, class: wide ? 'wide' : '' });
        const done = (result) => {
            node.close();
            node.remove();
            resolve(result);
        };
        const wrong = el('div', { 'aria-live': 'assertive' });
        const form = el('form', { method: 'dialog', novalidate: true },
            el('h2', { id }, title), el('div.body', body), wrong,
            el('div.actions', button(cancel, () => done(null), { kind: 'quiet' }),
                actions.map((action, i) => button(action.label, async () => {
                    fill(wrong);
                    try {
                        const result = await action.act();
                        if (result !== undefined)
                            done(result);
                    } catch (error) {
                        fill(wrong, problemBox(error));
                    }
                }, { kind: action.kind || (i === actions.length - 1 ? 'primary' : ''), 'data-last': i === actions.length - 1 }))));
        form.addEventListener('submit', (event) => {
            event.preventDefault();
            form.querySelector('button[data-last]')?.click();
        });
        node.addEventListener('cancel', (event) => {
            event.preventDefault();
            done(null);
        });
        node.append(form);
        document.body.append(node);
        node.showModal();
        (node.querySelector('[autofocus], .body input, .body textarea, .body select') || node.querySelector('.actions button:last-child'))?.focus();
    });
}

export const confirm = (title, text, { label = say('ui.confirm'), kind = 'primary' } = {}) =>
    dialog({ title, body: el('p', text), actions: [{ label, kind, act: () => true }] });

// ---- Lists ----------------------------------------------------------------------

// columns: [{label, cell: row → node or text, class}]; `open`: what a click or
// Enter on a row does; `href`: row → address of the row's first cell.
export function table({ caption, columns, rows, href, empty = say('ui.none'), rowClass }) {
    if (!rows.length)
        return el('p.empty', empty);
    return el('div.scroll', { tabindex: 0, role: 'region', 'aria-label': caption }, el('table',
        el('caption.hidden', caption),
        el('thead', el('tr', columns.map((column) => el('th', { scope: 'col', class: column.class || '' }, column.label)))),
        el('tbody', rows.map((row) => el('tr', { class: (rowClass && rowClass(row)) || '' }, columns.map((column, i) => {
            const cell = column.cell(row);
            const node = el('td', { class: column.class || '', 'data-label': column.label }, i === 0 && href ? el('a', { href: href(row) }, cell) : el('span', cell));
            if (!node.textContent && !node.querySelector('input, img, svg'))
                node.replaceChildren();
            return node;
        }))))));
}

// steps: [{at, title, text, tone}], newest first or last as given.
export function timeline(steps) {
    return el('ol.timeline', steps.map((step) => el('li', { class: step.tone || '' },
        el('div.when', step.at), el('div.what', el('strong', step.title), step.text && el('div.said', step.text)))));
}

// pairs: [[label, value], ...]; a value of null is left out.
export function facts(pairs) {
    return el('dl.facts', pairs.filter((pair) => pair && pair[1] != null && pair[1] !== '')
        .map(([label, value, mark]) => el('div', { class: mark || '' }, el('dt', label), el('dd', value))));
}

export const badge = (text, tone = '') => el('span.badge', { class: tone }, text);

// items: [{id, label, content: () => node}], shown as they are chosen; arrows
// move among them (WAI-ARIA, tabs).
export function tabs(items, { label, chosen = items[0].id, onchange } = {}) {
    const panel = el('div.panel', { role: 'tabpanel', tabindex: 0 });
    const base = freshId('tab');
    const list = el('div.tabs', { role: 'tablist', 'aria-label': label });
    const choose = (id, focus) => {
        for (const one of list.children) {
            const is = one.dataset.id === id;
            one.setAttribute('aria-selected', String(is));
            one.tabIndex = is ? 0 : -1;
            if (is && focus)
                one.focus();
        }
        panel.setAttribute('aria-labelledby', `${base}-${id}`);
        fill(panel, items.find((one) => one.id === id).content());
        onchange?.(id);
    };
    add(list, items.map((one) => el('button', {
        type: 'button', role: 'tab', id: `${base}-${one.id}`, dataset: { id: one.id }, onclick: () => choose(one.id),
    }, one.label)));
    list.addEventListener('keydown', (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!step)
            return;
        const at = items.findIndex((one) => one.id === document.activeElement.dataset.id);
        choose(items[(at + step + items.length) % items.length].id, true);
        event.preventDefault();
    });
    choose(chosen);
    return el('div.tabbed', list, panel);
}

// ---- The frame of a page ----------------------------------------------------------

const languageButton = () => el('button.quiet.language', {
    type: 'button', lang: language() === 'zh' ? 'en' : 'zh-CN',
    onclick: (event) => {
        setLanguage(language() === 'zh' ? 'en' : 'zh');
        event.currentTarget.lang = language() === 'zh' ? 'en' : 'zh-CN';
    },
}, say('ui.language'));

// frame({name, nav: [{href, label, name}], tools: [nodes]}) → the <main>. The
// entry of `nav` whose `name` is the view's is marked.
export function frame({ name, home = '#/', nav = [], tools = [] }) {
    const main = el('main#main', { tabindex: -1 });
    const links = nav.map((one) => el('a', { href: one.href, dataset: { view: one.name } }, one.label));
    const mark = (event) => links.forEach((one) => {
        if (one.dataset.view === event.detail.name) {
            one.setAttribute('aria-current', 'page');
            one.scrollIntoView({ block: 'nearest', inline: 'center' });
        } else
            one.removeAttribute('aria-current');
    });
    document.addEventListener('view', mark);
    fill(document.body, el('a.skip', { href: '#main', onclick: (event) => { event.preventDefault(); main.focus(); } }, say('ui.skip')),
        el('header.top', el('a.brand', { href: home }, el('span.mark', { 'aria-hidden': 'true' }, '印'), name),
            links.length > 0 && el('nav', { 'aria-label': name }, links), el('div.tools', tools, languageButton())),
        main);
    return main;
}

export const loading = () => el('p.dim', { role: 'status' }, say('ui.loading'), '…');

export async function copy(text) {
    await navigator.clipboard.writeText(textNow(text));
    toast(say('ui.copied'), 'good');
}

// Saves a Blob under a name.
export function download(blob, name) {
    const url = URL.createObjectURL(blob);
    el('a', { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
}
