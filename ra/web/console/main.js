// The officers' console: who is there, what they may see, and the keys.

import { currentSession, loadSession, logOut, whenLoggedOut } from '/web/api.js';
import { say, words } from '/web/i18n.js';
import { button, el, frame } from '/web/ui.js';
import { go, here, routes } from '/web/router.js';
import { isTyping, showKeys } from './keys.js';

words({
    'console': ['Signet 审核台', 'Signet console'],
    'nav.queue': ['工作队列', 'Queue'],
    'nav.search': ['查询', 'Search'],
    'nav.intake': ['收件', 'Intake'],
    'nav.making': ['制证', 'Making'],
    'nav.finance': ['财务', 'Finance'],
    'nav.dashboard': ['统计', 'Dashboard'],
    'nav.calendar': ['工作日历', 'Calendar'],
    'nav.officers': ['人员', 'Officers'],
    'nav.out': ['退出', 'Log out'],
    'nav.keys': ['快捷键', 'Keys'],
});

const views = {
    '': () => import('./queue.js'),
    'queue': () => import('./queue.js'),
    'case': () => import('./case.js'),
    'search': () => import('./search.js'),
    'certificate': () => import('./certificate.js'),
    'making': () => import('./making.js'),
    'intake': () => import('./intake.js'),
    'finance': () => import('./finance.js'),
    'dashboard': () => import('./dashboard.js'),
    'calendar': () => import('./calendar.js'),
    'officers': () => import('./officers.js'),
};

const open = {
    'login': () => import('./login.js'),
    'invitation': () => import('./invitation.js'),
};

// What each role works with; the server judges every call itself.
const visible = {
    queue: null,
    search: null,
    intake: ['intake-clerk'],
    making: ['maker', 'business-administrator'],
    finance: ['finance'],
    dashboard: null,
    calendar: ['business-administrator'],
    officers: ['business-administrator', 'auditor', 'audit-administrator'],
};

let main = null;

function build() {
    const session = currentSession();
    const nav = !session ? [] : Object.entries(visible)
        .filter(([, roles]) => !roles || roles.some((role) => session.roles.includes(role)))
        .map(([name]) => ({ href: `#/${name}`, name, label: say(`nav.${name}`) }));
    const tools = !session ? [] : [
        el('span.dim.small.who', session.name),
        button(say('nav.keys'), showKeys, { kind: 'quiet', key: '?' }),
        button(say('nav.out'), async () => { await logOut(); start(); }, { kind: 'quiet' }),
    ];
    main = frame({ name: say('console'), nav, tools });
}

async function start() {
    const place = here();
    if (place.name === 'invitation') {
        build();
        return routes(main, open);
    }
    const session = await loadSession();
    build();
    if (!session || session.kind !== 'officer')
        return routes(main, { '': open.login });
    return routes(main, views);
}

// An invitation's link opened where the console is open already.
window.addEventListener('hashchange', (event) => {
    if (new URL(event.newURL).hash.startsWith('#/invitation/') !== new URL(event.oldURL).hash.startsWith('#/invitation/')) {
        event.stopImmediatePropagation();
        start();
    }
}, true);

whenLoggedOut(start);
document.addEventListener('signed-in', start);

document.addEventListener('keydown', (event) => {
    if (isTyping(event) || !currentSession())
        return;
    if (event.key === '?')
        showKeys();
    else if (event.key === '/')
        go('search');
    else if (event.key === 'q')
        go('queue');
    else
        return;
    event.preventDefault();
});

start();
