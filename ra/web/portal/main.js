// The applicants' portal 办理大厅: who comes from the host platform with a ticket
// gets a session; everything else is views of that session's account.

import { currentSession, loadSession, logOut, post, whenLoggedOut } from '/web/api.js';
import { button, dialog, el, fill, frame, problemBox, toast } from '/web/ui.js';
import { here, routes, show } from '/web/router.js';
import { say, setLanguage, t, title, words } from '/web/i18n.js';

words({
    'portal.name': ['数字证书办理', 'Certificate services'],
    'portal.home': ['首页', 'Home'],
    'portal.cases': ['办理进度查询', 'My cases'],
    'portal.certificates': ['我的证书', 'Certificates'],
    'portal.logout': ['退出', 'Log out'],
    'portal.enter': ['请从平台进入', 'Please come in through the platform'],
    'portal.enter.text': [
        '本系统不另设账号。请登录财智云系统，点击【所有功能】-【基础信息】-【CA管理】进入办理；离开太久或界面超时后，也从那里重新进入，已填写的内容不会丢失。',
        'There is no separate account here. Log in to the platform and choose “CA management”; after a long pause come in again the same way: nothing that you filled in is lost.'],
    'portal.ended': ['登录已失效', 'Your session has ended'],
    'portal.ended.text': [
        '本页内容仍保留在这里。请在另一个窗口中从财智云平台重新进入，然后回到本页继续。',
        'What stands on this page is still here. Come in through the platform again in another window, then go on here.'],
    'portal.ended.back': ['已重新进入，继续', 'I am back: go on'],
    'portal.ended.leave': ['离开', 'Leave'],
    'portal.ended.other': ['还没有重新进入，或进入的是另一个账号', 'There is no session yet, or it is another account’s'],
    'portal.bye': ['您已退出', 'You are logged out'],
});

function outside(message) {
    const main = frame({ name: say('portal.name') });
    title(say('portal.name'));
    fill(main, el('section.card.narrow.enter', message, el('h1', say('portal.enter')), el('p', say('portal.enter.text'))));
}

// A session ends under what a person has typed: it stays on the page while they
// come in again elsewhere.
let isAsking = false;
async function ended(subject) {
    if (isAsking)
        return;
    isAsking = true;
    const isBack = await dialog({
        title: say('portal.ended'), body: el('p', say('portal.ended.text')), cancel: say('portal.ended.leave'),
        actions: [{
            label: say('portal.ended.back'),
            act: async () => {
                const session = await loadSession();
                if (session?.subject !== subject)
                    throw new Error(t('portal.ended.other'));
                return true;
            },
        }],
    });
    isAsking = false;
    if (!isBack)
        outside(null);
    else if (document.querySelector('#main > .problem'))
        await show();
}

// The ticket stands behind '#', which no server sees and no log keeps; it is
// used once and taken out of the address at once.
async function redeem() {
    const { name, path: [ticket] } = here();
    if (name !== 'enter' || !ticket)
        return;
    history.replaceState(null, '', '#/');
    const opened = await post('/session/ticket', { ticket }, { quiet: true });
    if (opened?.language && !localStorage.getItem('signet.language'))
        setLanguage(opened.language);
}

async function start() {
    let problem = null;
    try {
        await redeem();
    } catch (error) {
        problem = problemBox(error);
    }
    const session = await loadSession();
    if (session?.kind !== 'account') {
        outside(problem);
        return;
    }
    const { subject } = session;
    whenLoggedOut(() => ended(subject));
    const main = frame({
        name: say('portal.name'),
        nav: [
            { href: '#/', name: '', label: say('portal.home') },
            { href: '#/cases', name: 'cases', label: say('portal.cases') },
            { href: '#/certificates', name: 'certificates', label: say('portal.certificates') },
        ],
        tools: [
            el('span.dim.small.account', currentSession().name || currentSession().subject),
            button(say('portal.logout'), async () => {
                await logOut();
                outside(null);
                toast(say('portal.bye'), 'good');
            }, { kind: 'quiet' }),
        ],
    });
    if (problem)
        document.body.prepend(problem);
    await routes(main, {
        '': () => import('./home.js'),
        cases: () => import('./cases.js'),
        apply: () => import('./apply.js'),
        case: () => import('./case.js'),
        certificates: () => import('./certificates.js'),
    });
}

start().catch((error) => fill(document.body, el('main', problemBox(error))));
