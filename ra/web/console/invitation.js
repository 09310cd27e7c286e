// An invitation to become an officer, or to add a credential: makes the passkey.

import { post } from '/web/api.js';
import { say, title, words } from '/web/i18n.js';
import { isSupported, makePasskey } from '/web/passkey.js';
import { roleName } from '/web/words.js';
import { button, el, facts, fill, notice, problemBox } from '/web/ui.js';

words({
    'invitation.title': ['注册通行密钥', 'Make your passkey'],
    'invitation.text': ['您受邀在本系统中担任以下职责。请核对后在此设备上注册通行密钥；注册后需两位管理员批准方可登录。',
        'You are invited to the work below. Check it, then make a passkey on this device. Two administrators approve it before you can log in.'],
    'invitation.more': ['您受邀再注册一个通行密钥。', 'You are invited to make another passkey.'],
    'invitation.name': ['姓名', 'Name'],
    'invitation.person': ['工号', 'Personnel number'],
    'invitation.roles': ['职责', 'Roles'],
    'invitation.button': ['注册通行密钥', 'Make a passkey'],
    'invitation.done': ['通行密钥已注册，等待两位管理员批准。', 'Your passkey is made. Two administrators have to approve it now.'],
    'invitation.login': ['前往登录', 'To the log-in'],
    'invitation.gone': ['此邀请已使用、已过期或不存在。', 'This invitation has been used, has run out, or never was.'],
});

export default async function invitation(main, { path }) {
    title(say('invitation.title'));
    const ticket = path[0] || '';
    const card = el('div.narrow.card.welcome', el('h1', say('invitation.title')));
    main.append(card);
    let offer;
    try {
        offer = await post('/officer-cases/invitation', { ticket }, { quiet: true });
    } catch (error) {
        card.append(error.status === 404 ? notice('warn', el('p', say('invitation.gone'))) : problemBox(error));
        return;
    }
    const wrong = el('div', { 'aria-live': 'assertive' });
    const make = button(say('invitation.button'), async () => {
        fill(wrong);
        try {
            const made = await makePasskey(offer);
            await post(`/officer-cases/${offer.id}/credential`, { ticket, ...made }, { quiet: true });
        } catch (error) {
            fill(wrong, problemBox(error));
            return;
        }
        fill(card, el('h1', say('invitation.title')), notice('good', el('p', say('invitation.done'))),
            el('p', el('a', { href: '#/' }, say('invitation.login'))));
    }, { kind: 'primary', id: 'make', disabled: !isSupported() });
    card.append(el('p', say(offer.kind === 'enroll-credential' ? 'invitation.more' : 'invitation.text')),
        facts([
            [say('invitation.name'), offer.name],
            [say('invitation.person'), offer.person],
            [say('invitation.roles'), el('span', offer.roles.map((role, i) => [i > 0 ? '、' : '', roleName(role)]))],
        ]), wrong, el('p', make));
}
