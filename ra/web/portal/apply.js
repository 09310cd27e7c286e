// Before anything is filled in: 供应商须知, the service agreement, and the
// warning about encrypted files; accepted with version, time and account.

import { get, post } from '/web/api.js';
import { button, el, field, checkAll, notice } from '/web/ui.js';
import { both, say, title, words } from '/web/i18n.js';
import { go } from '/web/router.js';
import { fee } from './home.js';

words({
    'apply.notice': ['供应商须知', 'Notice to suppliers'],
    'apply.agreement': ['电子认证服务协议', 'Service agreement'],
    'apply.accept': ['我已认真阅读并同意', 'I have read this and agree'],
    'apply.accept.agreement': ['我接受电子认证服务协议内容', 'I accept the service agreement'],
    'apply.go': ['同意并继续', 'Agree and continue'],
    'apply.back': ['返回', 'Back'],
    'apply.fee': ['收费标准：', 'Fee: '],
    'apply.shut': ['现在不能办理此业务', 'This cannot be applied for now'],
    'apply.files': ['温馨提醒：本业务会更换加密密钥。请先确认是否曾对文件做过加密；下一步会询问如何处理这些文件。',
        'This replaces the encryption key. Find out first whether you have encrypted files: the next step asks what is to become of them.'],
    'apply.unknown': ['没有这种业务', 'There is no such business'],
});

export default async function apply(main, { path: [name], query }) {
    const definition = (await get('/businesses')).businesses.find((one) => one.business === name);
    if (!definition) {
        main.append(el('h1', say('apply.unknown')));
        return;
    }
    title(both(definition.name));
    const boxes = [];
    const terms = (heading, texts, label) => {
        const accepted = field({ label, type: 'checkbox', required: true });
        boxes.push(accepted);
        return [el('h2', heading), el('div.terms', { tabindex: 0, role: 'region', 'aria-label': heading }, both(texts)), accepted.root];
    };
    const body = el('section.card.narrow', el('h1', both(definition.name)), el('p', both(definition.summary)),
        el('p', el('strong', say('apply.fee'), fee(definition.price))));
    main.append(body);
    if (!definition.is_open) {
        body.append(notice('warn', el('strong', say('apply.shut')), el('p', both(definition.why_not))),
            el('a', { href: '#/' }, say('apply.back')));
        return;
    }
    if (definition.asks_files)
        body.append(notice('warn', el('p', say('apply.files'))));
    if (definition.notice)
        body.append(...terms(say('apply.notice'), definition.notice, say('apply.accept')));
    if (definition.agreement)
        body.append(...terms(say('apply.agreement'), definition.agreement, say('apply.accept.agreement')));
    body.append(el('div.actions', button(say('apply.go'), async () => {
        if (!checkAll(boxes))
            return;
        const filed = await post('/cases', {
            business: name,
            notice_version: definition.notice_version || definition.notice?.version || '',
            fields: {},
            ...(query.get('replaces') ? { replaces: query.get('replaces') } : {}),
        });
        go(`case/${filed.number}`);
    }, { kind: 'primary' }), el('a.button', { href: '#/' }, say('apply.back'))));
}
