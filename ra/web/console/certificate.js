// One certificate: its state, what it says, its other half, the chain, the case
// it came from.

import { get } from '/web/api.js';
import { say, title, words } from '/web/i18n.js';
import { dateTime, oldKeysTone } from '/web/words.js';
import { badge, button, download, el, facts } from '/web/ui.js';

words({
    'certificate.title': ['证书', 'Certificate'],
    'certificate.serial': ['序列号', 'Serial'],
    'certificate.issuer': ['签发机构', 'Issuer'],
    'certificate.state': ['状态', 'State'],
    'certificate.reason': ['原因', 'Reason'],
    'certificate.from': ['生效', 'Valid from'],
    'certificate.until': ['失效', 'Valid until'],
    'certificate.account': ['账号', 'Account'],
    'certificate.unit': ['单位', 'Unit'],
    'certificate.case': ['业务单号', 'Case'],
    'certificate.device': ['介质', 'Device'],
    'certificate.pair': ['用途', 'Use'],
    'certificate.half.1': ['配对的签名证书', 'Its signing half'],
    'certificate.half.2': ['配对的加密证书', 'Its encryption half'],
    'certificate.bound': ['绑定', 'Bound'],
    'certificate.chain': ['证书链', 'Chain'],
    'certificate.save': ['保存 PEM', 'Save PEM'],
    'certificate.subject': ['主体', 'Subject'],
});

const tones = { valid: 'good', held: 'wait', revoked: 'bad', expired: 'quiet' };

export default async function certificate(main, { path: [issuer, serial] }) {
    title(say('certificate.title'));
    const one = await get(`/certificates/${encodeURIComponent(issuer)}/${encodeURIComponent(serial)}`);
    const state = one.state === 'valid' && Date.parse(one.not_after) < Date.now() ? 'expired' : one.state;
    const chain = Array.isArray(one.chain) ? one.chain : [one.chain].filter(Boolean);
    const number = one.case?.number || one.number;
    const half = one.halves?.find((each) => each.pair !== one.pair);
    main.append(el('div.lead', el('h1', say('certificate.title')), badge(say(`certificate.${state}`), tones[state])),
        el('section.card', facts([
            [say('certificate.serial'), el('span.mono', one.serial)],
            [say('certificate.issuer'), one.issuer],
            [say('certificate.subject'), one.subject],
            [say('certificate.unit'), one.unit_name || one.case?.unit_name],
            [say('certificate.account'), one.account],
            [say('certificate.pair'), one.pair && say(`certificate.pair.${one.pair}`)],
            half && [say(`certificate.half.${half.pair}`), [el('a.mono', { href: `#/certificate/${half.issuer}/${half.serial}` }, half.serial), ' ',
                badge(say(`certificate.${half.state}`), tones[half.state])]],
            [say('certificate.from'), dateTime(one.not_before)],
            [say('certificate.until'), dateTime(one.not_after)],
            [say('certificate.reason'), one.reason],
            [say('certificate.device'), one.device],
            [say('certificate.bound'), one.bound_at && dateTime(one.bound_at)],
            [say('old-keys'), one.old_keys && badge(say(`old-keys.${one.old_keys.state}`), oldKeysTone(one.old_keys.state))],
            [say('certificate.case'), number && el('a', { href: `#/case/${number}` }, number)],
        ])),
        chain.length > 0 && el('section.card', el('h2', say('certificate.chain')), chain.map((pem) => el('pre.mono.pem', { tabindex: 0 }, pem)),
            el('p', button(say('certificate.save'), () => download(new Blob([chain.join('')], { type: 'application/x-pem-file' }), `${serial}.pem`)))));
}
