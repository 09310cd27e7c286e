// The account's certificates, old ones too: an encrypted file may need them.

import { get } from '/web/api.js';
import { badge, button, download, el, facts } from '/web/ui.js';
import { say, title, words } from '/web/i18n.js';
import { date } from '/web/words.js';

words({
    'certificates.title': ['我的证书', 'Certificates'],
    'certificates.none': ['还没有证书', 'No certificate yet'],
    'certificates.serial': ['序列号', 'Serial number'],
    'certificates.until': ['有效期', 'Valid'],
    'certificates.device': ['介质', 'Device'],
    'certificates.bound': ['绑定', 'Bound'],
    'certificates.bound.no': ['尚未绑定', 'not yet'],
    'certificates.case': ['办理业务', 'Case'],
    'certificates.left': ['还有 {n} 天到期', '{n} days left', '{n} day left'],
    'certificates.download': ['下载证书', 'Download'],
    'certificates.kind.1': ['签名证书', 'Signing certificate'],
    'certificates.kind.2': ['加密证书', 'Encryption certificate'],
});

const isExpired = (one) => Date.parse(one.not_after) < Date.now();
const tones = { valid: 'good', held: 'warn', revoked: 'bad', expired: '' };

export function certificateCard(one) {
    const state = one.state !== 'revoked' && isExpired(one) ? 'expired' : one.state;
    const days = Math.ceil((Date.parse(one.not_after) - Date.now()) / 86400000);

    return el('article.card', el('h3', say(`certificates.kind.${one.pair || 1}`), ' ', badge(say(`certificate.${state}`), tones[state])),
        facts([
            [say('certificates.serial'), el('span.mono', one.serial)],
            [say('certificates.until'), [date(one.not_before), ' – ', date(one.not_after),
                state === 'valid' && days <= 90 && el('div.small', say('certificates.left', { n: days }))]],
            [say('certificates.device'), one.device],
            [say('certificates.bound'), one.bound_at ? date(one.bound_at) : say('certificates.bound.no')],
            [say('certificates.case'), one.number && el('a', { href: `#/case/${one.number}` }, one.number)],
        ]),
        one.number && el('p', button(say('certificates.download'), async () =>
            download(await get(`/cases/${one.number}/certificate`), `${one.serial}.pem`), { kind: 'small' })));
}

export default async function certificates(main) {
    const all = (await get('/certificates')).certificates;

    title(say('certificates.title'));
    main.append(el('h1', say('certificates.title')),
        all.length ? el('div.grid', all.map(certificateCard)) : el('p.empty', say('certificates.none')));
}
