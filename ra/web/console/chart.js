// Small charts as SVG, each with its numbers as a table for those who do not see it.

import { textNow } from '/web/i18n.js';
import { el } from '/web/ui.js';

const W = 480;
const H = 170;
const BOTTOM = 22;
const TOP = 14;

function asTable(title, rows, series) {
    return el('table.hidden', el('caption', title), el('tbody', rows.map((row) =>
        el('tr', el('th', { scope: 'row' }, row.label), series.map((key) => el('td', String(row[key] ?? 0)))))));
}

const svg = (title, ...children) => el('svg.chart', { viewBox: `0 0 ${W} ${H}`, 'aria-hidden': 'true', focusable: 'false' }, ...children);

// rows: [{label, value, second?}]: upright bars, one or two for each label.
export function bars(title, rows, { format = String } = {}) {
    const top = Math.max(1, ...rows.map((row) => Math.max(row.value, row.second ?? 0)));
    const step = W / Math.max(1, rows.length);
    const hasTwo = rows.some((row) => row.second !== undefined);
    const every = Math.ceil(rows.length / 8);
    const width = Math.min(46, step * 0.7) / (hasTwo ? 2 : 1);
    const height = (value) => (H - BOTTOM - TOP) * value / top;
    return el('div', svg(title, el('line.axis', { x1: 0, y1: H - BOTTOM, x2: W, y2: H - BOTTOM }), rows.map((row, i) => {
        const x = i * step + step / 2;
        const bar = (value, at, name) => el(`rect.${name}`, {
            class: name === 'bar' ? '' : 'bar', x: x + at, y: H - BOTTOM - height(value), width, height: Math.max(value > 0 ? 1 : 0, height(value)), rx: 2,
        });
        return el('g', bar(row.value, hasTwo ? -width : -width / 2, 'bar'), hasTwo && bar(row.second ?? 0, 1, 'second'),
            rows.length <= 12 && row.value > 0 && el('text.value', { x: hasTwo ? x - width / 2 : x, y: H - BOTTOM - height(row.value) - 4, 'text-anchor': 'middle' }, format(row.value)),
            i % every === 0 && el('text', { x, y: H - 6, 'text-anchor': 'middle' }, textNow(row.label)));
    })), asTable(title, rows, hasTwo ? ['value', 'second'] : ['value']));
}

// rows: [{label, value}]: a line.
export function line(title, rows, { format = String } = {}) {
    const top = Math.max(1, ...rows.map((row) => row.value));
    const x = (i) => (rows.length < 2 ? W / 2 : 6 + i * (W - 12) / (rows.length - 1));
    const y = (value) => H - BOTTOM - (H - BOTTOM - TOP) * value / top;
    const last = rows.at(-1);
    return el('div', svg(title, el('line.axis', { x1: 0, y1: H - BOTTOM, x2: W, y2: H - BOTTOM }),
        el('polyline.line', { points: rows.map((row, i) => `${x(i)},${y(row.value)}`).join(' ') }),
        last && el('circle.bar', { cx: x(rows.length - 1), cy: y(last.value), r: 3.5 }),
        rows.length > 0 && el('text', { x: 0, y: H - 6 }, textNow(rows[0].label)),
        rows.length > 1 && el('text', { x: W, y: H - 6, 'text-anchor': 'end' }, textNow(last.label)),
        el('text.value', { x: W, y: 11, 'text-anchor': 'end' }, last ? format(last.value) : '')), asTable(title, rows, ['value']));
}
