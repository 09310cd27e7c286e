// 办理进度查询: all cases of the account, newest first.

import { get } from '/web/api.js';
import { badge, el, table } from '/web/ui.js';
import { say, title, words } from '/web/i18n.js';
import { businessName, dateTime, deadline, stateName, stateTone } from '/web/words.js';
import { endsAt, isOver, nextStep } from './steps.js';

words({
    'cases.title': ['办理进度查询', 'My cases'],
    'cases.number': ['业务编号', 'Number'],
    'cases.business': ['业务', 'Business'],
    'cases.state': ['状态', 'State'],
    'cases.changed': ['更新时间', 'Changed'],
    'cases.next': ['下一步', 'Next'],
    'cases.none': ['还没有办理过业务', 'No case yet'],
});

export default async function cases(main) {
    const { businesses } = await get('/businesses');
    const all = [];
    let after = '';
    do {
        const page = await get(`/cases?limit=100${after && `&after=${after}`}`);
        all.push(...page.cases);
        after = page.next;
    } while (after);
    title(say('cases.title'));
    main.append(el('h1', say('cases.title')), el('section.card', table({
        caption: say('cases.title'),
        rows: all.reverse(),
        href: (one) => `#/case/${one.number}`,
        empty: say('cases.none'),
        columns: [
            { label: say('cases.number'), cell: (one) => one.number, class: 'nowrap' },
            { label: say('cases.business'), cell: (one) => businessName(one.business) },
            { label: say('cases.state'), cell: (one) => badge(stateName(one.state), stateTone(one.state)) },
            { label: say('cases.changed'), cell: (one) => dateTime(one.changed_at), class: 'nowrap' },
            { label: say('cases.next'), cell: (one) => {
                const end = !isOver(one.state) && endsAt(one, businesses);
                return [nextStep(one), end && el('div.small.dim', deadline(end))];
            } },
        ],
    })));
}
