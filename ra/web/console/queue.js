// The work queue: what waits for me first, everything else by filter.

import { get, query } from '/web/api.js';
import { say, said, title, words } from '/web/i18n.js';
import { go } from '/web/router.js';
import { age, businessName, dateTime, deadline, stateName, stateTone } from '/web/words.js';
import { badge, button, el, fill, table } from '/web/ui.js';
import { isTyping } from './keys.js';
import { officerName } from './people.js';

words({
    'queue.title': ['工作队列', 'Queue'],
    'queue.mine': ['待我办理', 'Mine to do'],
    'queue.all': ['全部', 'All'],
    'queue.number': ['单号', 'Number'],
    'queue.business': ['业务', 'Business'],
    'queue.unit': ['单位', 'Unit'],
    'queue.state': ['状态', 'State'],
    'queue.age': ['等待', 'Waiting'],
    'queue.deadline': ['期限', 'Deadline'],
    'queue.assigned': ['经办', 'With'],
    'queue.every-state': ['所有状态', 'Every state'],
    'queue.every-business': ['所有业务', 'Every business'],
    'queue.sort': ['排序', 'Order'],
    'queue.sort.age': ['等待最久', 'Longest waiting'],
    'queue.sort.deadline': ['期限最近', 'Nearest deadline'],
    'queue.sort.new': ['最新', 'Newest'],
    'queue.empty.mine': ['没有等待您办理的业务。', 'Nothing waits for you.'],
    'queue.empty': ['没有符合条件的业务。', 'No case fits.'],
    'queue.more': ['更多', 'More'],
    'queue.held': ['搁置至', 'Aside until'],
    'queue.sample': ['示例', 'Sample'],
    'queue.first': ['开始办理', 'Start'],
    'queue.filters': ['筛选', 'Filters'],
});

const businesses = ['new', 'renew', 'reissue', 'change', 'seal', 'unlock', 'revoke', 'recover'];

function select(name, label, value, options, onchange) {
    return el('label.pick', el('span', label), el('select', {
        name, value, onchange: (event) => onchange(event.target.value),
    }, options.map(([key, text]) => el('option', { value: key }, text))));
}

const late = (row) => row.deadline_at && Date.parse(row.deadline_at) < Date.now();

const columns = [
    { label: say('queue.number'), class: 'nowrap mono', cell: (row) => row.number },
    { label: say('queue.business'), class: 'nowrap', cell: (row) => [businessName(row.business), ' ', row.is_sample && badge(say('queue.sample'))] },
    { label: say('queue.unit'), cell: (row) => row.unit_name },
    { label: say('queue.state'), cell: (row) => badge(stateName(row.state), stateTone(row.state)) },
    { label: say('queue.age'), class: 'num', cell: (row) => age(row.age_s ?? (Date.now() - Date.parse(row.changed_at)) / 1000) },
    { label: say('queue.deadline'), class: 'nowrap', cell: (row) => (row.held_until
        ? el('span.dim', say('queue.held'), ' ', dateTime(row.held_until))
        : row.deadline_at ? el('span', { class: late(row) ? 'bad-text' : '' }, deadline(row.deadline_at)) : '') },
    { label: say('queue.assigned'), class: 'nowrap', cell: (row) => (row.assigned_to ? officerName(row.assigned_to) : '') },
];

export default async function queue(main, { query: asked }) {
    title(say('queue.title'));
    const at = {
        mine: asked.get('mine') ?? (asked.get('state') || asked.get('business') ? '' : '1'),
        state: asked.get('state') || '',
        business: asked.get('business') || '',
        sort: asked.get('sort') || '',
    };
    const reload = (change) => go(`queue${query({ ...at, ...change, mine: (change.mine ?? at.mine) || '0' })}`);
    const isMine = at.mine === '1';
    const filter = { ...at, mine: isMine ? '1' : '', limit: 50 };
    const counts = get('/queue/counts').catch(() => ({}));
    const page = await get(`/queue${query(filter)}`);
    const list = el('div');
    const numbers = el('span.dim');
    const rows = [...page.cases];
    let next = page.next;
    const more = button(say('queue.more'), async () => {
        const further = await get(`/queue${query({ ...filter, after: next })}`);
        rows.push(...further.cases);
        next = further.next;
        draw();
    });

    function draw() {
        fill(list, table({
            caption: say('queue.title'), columns, rows, href: (row) => `#/case/${row.number}`,
            rowClass: (row) => (late(row) ? 'late' : ''),
            empty: say(isMine ? 'queue.empty.mine' : 'queue.empty'),
        }), next && el('p.more', more));
    }

    main.append(el('div.lead', el('h1', say('queue.title')), numbers,
        el('div.actions', rows.length > 0 && el('a.button.primary', { href: `#/case/${rows[0].number}` }, say('queue.first')))),
    el('div.filters', { role: 'group', 'aria-label': say('queue.filters') },
        el('div.switch', ...[['1', 'queue.mine'], ['0', 'queue.all']].map(([value, key]) => el('button', {
            type: 'button', 'aria-pressed': String(isMine === (value === '1')), onclick: () => reload({ mine: value, state: '' }),
        }, say(key), el('span.count', { dataset: { count: key } })))),
        select('business', say('queue.business'), at.business,
            [['', say('queue.every-business')], ...businesses.map((one) => [one, businessName(one)])], (value) => reload({ business: value })),
        select('state', say('queue.state'), at.state, [['', say('queue.every-state')]], (value) => reload({ state: value, mine: value ? '0' : at.mine })),
        select('sort', say('queue.sort'), at.sort, [['', say('queue.sort.age')], ['deadline', say('queue.sort.deadline')], ['new', say('queue.sort.new')]],
            (value) => reload({ sort: value }))),
    el('div.card.list', list));
    draw();

    counts.then((count) => {
        const states = main.querySelector('select[name=state]');
        const total = Object.values(count.by_state || {}).reduce((sum, n) => sum + n, 0);
        main.querySelector('[data-count="queue.mine"]').append(count.mine ?? '');
        main.querySelector('[data-count="queue.all"]').append(total || '');
        for (const [state, n] of Object.entries(count.by_state || {}))
            states.append(el('option', { value: state }, said(() => `${stateName(state)} (${n})`)));
        states.value = at.state;
    });

    const keys = (event) => {
        if (isTyping(event) || !['j', 'k'].includes(event.key))
            return;
        const links = [...list.querySelectorAll('tbody a')];
        const now = links.indexOf(document.activeElement);
        links[Math.min(links.length - 1, Math.max(0, now + (event.key === 'j' ? 1 : -1)))]?.focus();
    };
    document.addEventListener('keydown', keys);
    return () => document.removeEventListener('keydown', keys);
}
