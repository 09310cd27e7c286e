// Logging in by passkey: no name is asked, the passkey says who it is.

import { post } from '/web/api.js';
import { say, title, words } from '/web/i18n.js';
import { answerChallenge, isSupported } from '/web/passkey.js';
import { button, el, fill, notice, problemBox } from '/web/ui.js';

words({
    'login.title': ['登录审核台', 'Log in to the console'],
    'login.text': ['使用您的通行密钥（安全密钥、指纹或设备解锁）登录。', 'Use your passkey: a security key, a fingerprint, or what unlocks this device.'],
    'login.button': ['使用通行密钥登录', 'Log in with a passkey'],
    'login.none': ['还没有通行密钥？请向业务管理员索取邀请链接。', 'No passkey yet? Ask a business administrator for an invitation.'],
    'login.unsupported': ['此浏览器不支持通行密钥，或本页未经安全连接打开。', 'This browser knows no passkeys, or this page was not opened over a secure connection.'],
    'login.refused': ['登录没有成功', 'The log-in did not succeed'],
});

export default async function login(main) {
    title(say('login.title'));
    const wrong = el('div', { 'aria-live': 'assertive' });
    const enter = button(say('login.button'), async () => {
        fill(wrong);
        try {
            const challenge = await post('/session/passkey/options', {}, { quiet: true });
            const proof = await answerChallenge(challenge);
            await post('/session/passkey', { challenge: challenge.challenge, ...proof }, { quiet: true });
        } catch (error) {
            fill(wrong, error.status === 401 ? notice('bad', el('p', say('login.refused'))) : problemBox(error));
            return;
        }
        document.dispatchEvent(new Event('signed-in'));
    }, { kind: 'primary', id: 'login', disabled: !isSupported() });
    main.append(el('div.narrow.card.welcome', el('h1', say('login.title')), el('p', say('login.text')), wrong,
        !isSupported() && notice('warn', el('p', say('login.unsupported'))), el('p', enter),
        el('p.dim.small', say('login.none'))));
    setTimeout(() => enter.focus());
}
