// Working days: only those that are not what their weekday says.

import { get, put, call } from '/web/api.js';
import { language, said, say, title, words } from '/web/i18n.js';
import { go, show } from '/web/router.js';
import { button, checkAll, dialog, el, field, toast } from '/web/ui.js';

words({
    'calendar.title': ['工作日历', 'Working days'],
    'calendar.text': ['节假日与调休。选择日期修改；未列出的日期按星期计算。', 'Holidays and make-up days. Choose a day to change it; other days go by their weekday.'],
    'calendar.before': ['上月', 'Month before'],
    'calendar.after': ['下月', 'Next month'],
    'calendar.kind': ['这一天', 'This day'],
    'calendar.working': ['工作日', 'Working day'],
    'calendar.off': ['休息日', 'Day off'],
    'calendar.note': ['说明', 'Note'],
    'calendar.import': ['导入 CSV', 'Import CSV'],
    'calendar.imported': ['已导入', 'Imported'],
    'calendar.file': ['文件（日期,working|off,说明）', 'File (day,working|off,note)'],
});

const text = (date) => `${date.getUTCFullYear()}-${String(date.getUTCMonth() + 1).padStart(2, '0')}-${String(date.getUTCDate()).padStart(2, '0')}`;

export default async function calendar(main, { query }) {
    title(say('calendar.title'));
    const month = /^\d{4}-\d{2}$/.test(query.get('month') || '') ? query.get('month') : text(new Date()).slice(0, 7);
    const first = new Date(`${month}-01T00:00:00Z`);
    const answer = await get(`/calendar?year=${month.slice(0, 4)}`);
    const special = new Map((answer.days || answer.calendar || []).map((one) => [one.day, one]));
    const step = (n) => text(new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + n, 1))).slice(0, 7);

    async function edit(day) {
        const now = special.get(day);
        const weekday = new Date(`${day}T00:00:00Z`).getUTCDay();
        const isWorking = now ? now.is_working : weekday % 6 !== 0;
        const kind = field({ name: 'kind', label: say('calendar.kind'), type: 'radio', value: isWorking ? 'working' : 'off', choices: [
            { value: 'working', label: say('calendar.working') }, { value: 'off', label: say('calendar.off') }] });
        const note = field({ name: 'note', label: say('calendar.note'), value: now?.note || '', required: true, max: 60 });
        const done = await dialog({ title: day, body: [kind.root, note.root], actions: [{ label: say('ui.save'), act: async () => {
            if (!checkAll([kind, note]))
                return undefined;
            await put(`/calendar/${day}`, { is_working: kind.value === 'working', note: note.value });
            return true;
        } }] });
        if (done)
            await show();
    }

    async function bring() {
        const file = field({ name: 'file', label: say('calendar.file'), type: 'file', accept: '.csv,text/csv', required: true });
        const done = await dialog({ title: say('calendar.import'), body: file.root, actions: [{ label: say('calendar.import'), act: async () => {
            if (!checkAll([file]))
                return undefined;
            await call('POST', '/calendar/import', new Blob([await file.input.files[0].arrayBuffer()], { type: 'text/csv' }));
            return true;
        } }] });
        if (done) {
            toast(say('calendar.imported'), 'good');
            await show();
        }
    }

    const cells = [];
    for (let i = 0; i < 7; i++)
        cells.push(el('div.head', said(() => new Intl.DateTimeFormat(language() === 'zh' ? 'zh-CN' : 'en-GB', { weekday: 'short', timeZone: 'UTC' })
            .format(new Date(Date.UTC(2024, 0, 1 + i))))));
    for (let i = 0; i < (first.getUTCDay() + 6) % 7; i++)
        cells.push(el('div'));
    for (let date = first; text(date).startsWith(month); date = new Date(date.getTime() + 86400000)) {
        const day = text(date);
        const one = special.get(day);
        const isWorking = one ? one.is_working : date.getUTCDay() % 6 !== 0;
        cells.push(el('button', {
            type: 'button', class: `${isWorking ? '' : 'off'} ${one ? 'special' : ''}`, title: one?.note || null, onclick: () => edit(day),
            'aria-label': said(() => `${day} ${say(isWorking ? 'calendar.working' : 'calendar.off')}${one ? ` ${one.note}` : ''}`),
        }, String(date.getUTCDate())));
    }
    main.append(el('div.lead', el('h1', say('calendar.title')), el('div.actions', button(say('calendar.import'), bring))),
        el('p.dim', say('calendar.text')), el('div.card', el('div.lead', button('‹', () => go(`calendar?month=${step(-1)}`), { 'aria-label': say('calendar.before') }),
            el('h2', month), button('›', () => go(`calendar?month=${step(1)}`), { 'aria-label': say('calendar.after') })), el('div.days', cells)));
}
