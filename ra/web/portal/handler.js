// A renewal by another handler: the one of record says yes by a code to the old
// number, or stays the one of record.

import { post } from '/web/api.js';
import { button, dialog, el, field, notice, toast } from '/web/ui.js';
import { say, words } from '/web/i18n.js';
import { deadline } from '/web/words.js';

words({
    'handler.title': ['更换了经办人？', 'Another handler?'],
    'handler.text': ['续期不经人工审核。如填写的经办人与登记的经办人不同，需由登记的手机号码收取验证码确认；未确认的，仍以原经办人为准，解锁等验证码仍发送至原手机号码。', 'No one reviews a renewal. When the handler filled in is not the one of record, a code to the number on record confirms it; without that the former handler stays, and so does the number that gets one-time passwords.'],
    'handler.send': ['向原手机号码发送验证码', 'Send a code to the former number'],
    'handler.code': ['验证码', 'Code'],
    'handler.confirm': ['确认', 'Confirm'],
    'handler.done': ['经办人已确认，证书签发后生效', 'Confirmed: with the new certificate this is the handler of record'],
});

// `steps` is the time line of the case.
export function handlerPanel(one, steps, reload) {
    if (one.business !== 'renew' || !['submitted', 'awaiting-payment'].includes(one.state))
        return null;
    if (steps.some((step) => step.event === 'handler-confirmed'))
        return notice('good', say('handler.done'));
    return el('details.card', el('summary', say('handler.title')), el('p', say('handler.text')), button(say('handler.send'), async () => {
        const { expires_at } = await post(`/cases/${one.number}/handler-code`);
        const code = field({ name: 'handler_code', label: say('handler.code'), required: true, max: 6 });
        const done = await dialog({
            title: say('handler.title'), body: el('div', code.root, el('p.small.dim', deadline(expires_at))),
            actions: [{
                label: say('handler.confirm'),
                act: async () => {
                    if (!code.check())
                        return undefined;
                    await post(`/cases/${one.number}/handler-confirmation`, { code: code.value.trim() });
                    return true;
                },
            }],
        });
        if (done) {
            toast(say('handler.done'), 'good');
            await reload();
        }
    }, { kind: 'quiet' }));
}
