// What an account may do now: cases under way, its certificates, the
// businesses, each offered where its condition holds.

import { get } from '/web/api.js';
import { badge, el, link } from '/web/ui.js';
import { both, say, title, words } from '/web/i18n.js';
import { businessName, date, deadline, money, stateName, stateTone } from '/web/words.js';
import { isLive, pairCard, pairs } from './certificates.js';
import { endsAt, isOver, nextStep } from './steps.js';

words({
    'home.title': ['数字证书办理', 'Certificate services'],
    'home.open': ['正在办理', 'Under way'],
    'home.go': ['继续办理', 'Continue'],
    'home.offers': ['可办理的业务', 'What you can apply for'],
    'home.begin': ['办理', 'Apply'],
    'home.free': ['免费', 'Free of charge'],
    'home.year': ['{amount}/年', '{amount} a year'],
    'home.once': ['{amount}/次', '{amount} once'],
    'home.certificates': ['当前证书', 'Your certificate'],
    'home.none': ['还没有证书。请先办理新申请。', 'There is no certificate yet: begin with a new application.'],
});

export function fee(price) {
    if (!price || !price.amount)
        return say('home.free');
    return say(price.is_per_year ? 'home.year' : 'home.once', { amount: money(price.amount) });
}

const openCase = (one, end) => el('article.card.offer', el('h3', businessName(one.business)),
    el('p.small.dim', one.number, ' · ', date(one.created_at)), el('p', badge(stateName(one.state), stateTone(one.state))),
    el('p', nextStep(one)), end && el('p.small.dim', deadline(end)),
    el('div.foot', link(`#/case/${one.number}`, say('home.go'))));

const offer = (one) => el('article.card.offer', { class: one.is_open ? '' : 'shut' }, el('h3', both(one.name)),
    el('p.fee', fee(one.price)), el('p.small', both(one.summary)),
    el('div.foot', one.is_open ? el('a.button.primary', { href: `#/apply/${one.business}` }, say('home.begin'))
        : el('p.small.dim', both(one.why_not))));

export default async function home(main) {
    const [businesses, cases, certificates] = await Promise.all([get('/businesses'), get('/cases?limit=100'), get('/certificates')]);
    const open = cases.cases.filter((one) => !isOver(one.state)).reverse();
    const live = pairs(certificates.certificates.filter(isLive));

    title(say('home.title'));
    main.append(el('h1', say('home.title')));
    if (open.length)
        main.append(el('section.part', el('h2', say('home.open')), el('div.offers', open.map((one) => openCase(one, endsAt(one, businesses.businesses))))));
    main.append(el('section.part', el('h2', say('home.certificates')),
        live.length ? live.map(pairCard) : el('p.dim', say('home.none'))),
    el('section.part', el('h2', say('home.offers')), el('div.offers', businesses.businesses.map(offer))));
}
