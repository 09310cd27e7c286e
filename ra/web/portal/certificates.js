// The account's certificates: a card for each pair, earlier ones folded away.
// An encrypted file may need those too.

import { get } from '/web/api.js';
import { badge, button, download, el, facts } from '/web/ui.js';
import { say, title, words } from '/web/i18n.js';
import { date } from '/web/words.js';

words({
    'certificates.title': ['我的证书', 'Certificates'],
    'certificates.none': ['还没有证书', 'No certificate yet'],
    'certificates.until': ['有效期', 'Valid'],
    'certificates.device': ['介质', 'Device'],
    'certificates.bound': ['绑定', 'Bound'],
    'certificates.bound.no': ['尚未绑定', 'not yet'],
    'certificates.case': ['办理业务', 'Case'],
    'certificates.left': ['还有 {n} 天到期', '{n} days left', '{n} day left'],
    'certificates.download': ['下载', 'Download'],
    'certificates.get.1': ['下载签名证书', 'Download the signing certificate'],
    'certificates.get.2': ['下载加密证书', 'Download the encryption certificate'],
    'certificates.pair': ['数字证书', 'Certificate'],
    'certificates.kind.1': ['签名证书', 'Signing certificate'],
    'certificates.kind.2': ['加密证书', 'Encryption certificate'],
    'certificates.use.1': ['您用它签名和登录。', 'You sign and log in with it.'],
    'certificates.use.1.old': ['不要再用它签名；核对以前的签名时需要它。', 'Not for signing any more; signatures of its time are checked with it.'],
    'certificates.use.2': ['请把它发给要向您发送加密文件的人：他们用它加密，只有您的介质能解密。', 'Give it to those who send you encrypted files: they encrypt with it, and only your device decrypts.'],
    'certificates.use.2.old': ['不要再用它加密；以前用它加密的文件，介质中有其密钥即可解密。', 'Not for new files. What was encrypted with it is opened by a device that has its key.'],
    'certificates.earlier': ['以前的证书（{n}）', 'Earlier certificates ({n})'],
});

const stateOf = (one) => (one.state !== 'revoked' && Date.parse(one.not_after) < Date.now() ? 'expired' : one.state);
const tones = { valid: 'good', held: 'warn', revoked: 'bad', expired: '' };
export const isLive = (one) => ['valid', 'held'].includes(stateOf(one));

// One of the two, to be taken along: for signing with its issuer's, for
// encryption alone, as programs of correspondents want it.
async function save({ issuer, serial, pair }) {
    const { chain } = await get(`/certificates/${encodeURIComponent(issuer)}/${serial}`);
    const text = (pair === 2 ? chain.slice(0, 1) : chain).join('');
    download(new Blob([text], { type: 'application/x-pem-file' }), pair === 2 ? `encryption-${serial}.cer` : `${serial}.pem`);
}

export const certificateRow = (one) => el('div.half', { 'data-pair': one.pair },
    el('div', el('h4', say(`certificates.kind.${one.pair}`)), el('p.small', say(`certificates.use.${one.pair}${isLive(one) ? '' : '.old'}`)),
        el('p.small.dim.mono', one.serial)),
    button(say('certificates.download'), () => save(one), {
        kind: one.pair === 2 && stateOf(one) === 'valid' ? 'small primary' : 'small',
        'aria-label': say(`certificates.get.${one.pair}`),
    }));

// Certificates of one case are a pair.
export function pairs(all) {
    const found = new Map();
    for (const one of all)
        found.set(one.number, [...(found.get(one.number) || []), one].sort((a, b) => a.pair - b.pair));
    return [...found.values()];
}

export function pairCard(halves) {
    const [one] = halves;
    const state = stateOf(one);
    const days = Math.ceil((Date.parse(one.not_after) - Date.now()) / 86400000);

    return el('article.card.pair', el('div', el('h3', say('certificates.pair'), ' ', badge(say(`certificate.${state}`), tones[state])),
        facts([
            [say('certificates.until'), [date(one.not_before), ' – ', date(one.not_after),
                state === 'valid' && days <= 90 && el('div.small', say('certificates.left', { n: days }))]],
            [say('certificates.device'), one.device],
            [say('certificates.bound'), one.bound_at ? date(one.bound_at) : isLive(one) ? say('certificates.bound.no') : null],
            [say('certificates.case'), el('a', { href: `#/case/${one.number}` }, one.number)],
        ])), el('div', halves.map(certificateRow)));
}

export default async function certificates(main) {
    const all = pairs((await get('/certificates')).certificates);
    const live = all.filter(([one]) => isLive(one));
    const earlier = all.filter(([one]) => !isLive(one));

    title(say('certificates.title'));
    main.append(el('h1', say('certificates.title')),
        ...(live.length ? live.map(pairCard) : [el('p.empty', say('certificates.none'))]),
        ...(earlier.length ? [el('details.part', { open: !live.length || null }, el('summary', say('certificates.earlier', { n: earlier.length })),
            el('div.stack', earlier.map(pairCard)))] : []));
}
