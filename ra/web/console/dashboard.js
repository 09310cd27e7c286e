// How the work goes: queue, turnaround, issued and revoked, what expires.

import { get } from '/web/api.js';
import { say, textNow, title, words } from '/web/i18n.js';
import { age, stateName } from '/web/words.js';
import { el } from '/web/ui.js';
import { bars, line } from './chart.js';

words({
    'dashboard.title': ['统计', 'Dashboard'],
    'dashboard.queue': ['待办业务', 'Cases that wait'],
    'dashboard.turnaround': ['办理时长中位数（近 30 天）', 'Median turnaround, last 30 days'],
    'dashboard.issued': ['签发与注销（近 30 天）', 'Issued and revoked, last 30 days'],
    'dashboard.expiring': ['即将到期的证书（按月）', 'Certificates that expire, by month'],
    'dashboard.legend': ['左：签发，右：注销', 'Left issued, right revoked'],
});

const shortDay = (day) => day.slice(5).replace('-', '/');

export default async function dashboard(main) {
    title(say('dashboard.title'));
    const all = await get('/dashboard');
    const revoked = new Map((all.revoked || []).map((one) => [one.day, one.n]));
    const days = [...new Set([...(all.issued || []).map((one) => one.day), ...revoked.keys()])].sort();
    const issued = new Map((all.issued || []).map((one) => [one.day, one.n]));
    const queue = (all.queue || []).filter((one) => one.n > 0);
    const total = (rows) => rows.reduce((sum, one) => sum + (one.n ?? 0), 0);
    const card = (key, figure, ...content) => el('section.card', el('h2', say(key)), figure && el('p.figure', figure), ...content);
    const draw = () => [
        card('dashboard.queue', String(total(queue)), bars(textNow(say('dashboard.queue')), queue.map((one) => ({ label: stateName(one.state), value: one.n })))),
        card('dashboard.turnaround', all.turnaround?.length ? age(all.turnaround.at(-1).median_s) : '—',
            line(textNow(say('dashboard.turnaround')), (all.turnaround || []).map((one) => ({ label: shortDay(one.day), value: one.median_s })), { format: (s) => textNow(age(s)) })),
        card('dashboard.issued', `${total(all.issued || [])} / ${total(all.revoked || [])}`, el('p.small.dim', say('dashboard.legend')),
            bars(textNow(say('dashboard.issued')), days.map((day) => ({ label: shortDay(day), value: issued.get(day) || 0, second: revoked.get(day) || 0 })))),
        card('dashboard.expiring', String(total(all.expiring || [])), bars(textNow(say('dashboard.expiring')), (all.expiring || []).map((one) => ({ label: one.month, value: one.n })))),
    ];
    const grid = el('div.grid.charts', draw());
    main.append(el('h1', say('dashboard.title')), grid);
    // Labels inside pictures are drawn, not said.
    const again = () => grid.replaceChildren(...draw());
    document.addEventListener('language', again);
    return () => document.removeEventListener('language', again);
}
