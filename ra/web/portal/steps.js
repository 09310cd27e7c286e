// Where a case stands, for who filed it: the steps of its business, and what is
// to be done next.

import { el } from '/web/ui.js';
import { known, say, words } from '/web/i18n.js';

words({
    'step.fill': ['填写信息', 'Fill in'],
    'step.documents': ['上传资料', 'Documents'],
    'step.pay': ['缴费', 'Pay'],
    'step.first': ['初审', 'First review'],
    'step.mail': ['邮寄原件', 'Mail originals'],
    'step.second': ['复审', 'Second review'],
    'step.activate': ['激活', 'Activate'],
    'step.bind': ['绑定', 'Bind'],
    'step.sign': ['设备确认', 'Confirm on the device'],
    'step.install': ['安装', 'Install'],
    'step.review': ['审核', 'Review'],
    'step.make': ['制作印章', 'Seal is made'],
    'step.code': ['短信验证', 'Text message code'],
    'step.reset': ['设置新密码', 'New PIN'],
    'step.revoke': ['注销', 'Revoke'],
    'step.recover': ['密钥中心审批', 'Key centre'],
    'step.fetch': ['取回密钥', 'Fetch keys'],
    'step.done': ['办结', 'Done'],

    'next.draft': ['填写信息并提交。', 'Fill in and submit.'],
    'next.form-ready': ['下载申请表，打印、签字、盖章，彩色扫描后与其他资料逐一上传。', 'Download the form, print, sign and stamp it; scan it in colour and upload it with the other documents.'],
    'next.awaiting-payment': ['选择支付方式并缴费。', 'Choose how to pay, and pay.'],
    'next.first-review': ['资料已提交，等待初审。结果会以短信通知经办人。', 'Your documents wait for the first review. The handler is told by text message.'],
    'next.returned': ['请按备注修改后重新提交。', 'Correct what the remark says and hand in again.'],
    'next.awaiting-originals': ['请尽快邮寄纸质原件。', 'Mail the original papers now.'],
    'next.second-review': ['原件已收到，等待复审。', 'The originals are here and wait for the second review.'],
    'next.recover.second-review': ['初审通过，等待复审。', 'The first review is passed; waits for the second.'],
    'next.supplement': ['原件有问题，请按备注补寄。', 'Something is wrong with the originals: send what the remark says.'],
    'next.activation-allowed': ['收到介质和激活短信后，用客户端激活。', 'When device and activation code are here, activate with the client.'],
    'next.issuing': ['正在签发，请稍候。', 'The certificate is being issued.'],
    'next.activated': ['已办结。请在平台【绑定】后使用。', 'Done. Bind it on the platform before you use it.'],
    'next.bound': ['已办结并绑定，可以使用。', 'Done and bound: ready for use.'],
    'next.submitted': ['插上介质，用客户端确认续期。', 'Plug the device in and confirm with the client.'],
    'next.issued': ['用客户端安装新证书。', 'Install the new certificate with the client.'],
    'next.issue-failed': ['签发未成功，客服会与您联系。', 'Issuing failed; customer service will call you.'],
    'next.in-review': ['等待审核。', 'Waits for review.'],
    'next.seal-approved': ['审核通过，印章制作中。', 'Approved; the seal is being made.'],
    'next.seal-signed': ['用客户端安装印章。', 'Install the seal with the client.'],
    'next.installed': ['已办结。', 'Done.'],
    'next.approved': ['用客户端获取验证码并设置新密码。', 'Ask for the code with the client and set a new PIN.'],
    'next.code-sent': ['在客户端填入短信验证码。', 'Type the code from the text message into the client.'],
    'next.code-verified': ['在客户端设置新密码。', 'Set the new PIN in the client.'],
    'next.done': ['已办结，请妥善保管新密码。', 'Done. Keep the new PIN safe.'],
    'next.failed': ['解锁失败，请联系客服。', 'Unlocking failed; call customer service.'],
    'next.revoking': ['正在注销。', 'Being revoked.'],
    'next.revoked': ['证书已注销。', 'The certificate is revoked.'],
    'next.recovering': ['复审通过，等待密钥管理中心审批。', 'Approved; waits for the key management centre.'],
    'next.keys-ready': ['插上介质，用客户端取回密钥。', 'Plug the device in and fetch the keys with the client.'],
    'next.rejected': ['申请未获通过，原因见备注。', 'Not approved; the remark says why.'],
    'next.closed': ['业务已关闭。', 'This case is closed.'],
    'steps.label': ['办理步骤', 'Steps'],
});

export function nextStep(one) {
    const own = `next.${one.business}.${one.state}`;
    return say(known(own) ? own : `next.${one.state}`);
}

export const isOver = (state) =>
    ['activated', 'bound', 'installed', 'done', 'failed', 'revoked', 'rejected', 'closed'].includes(state);

// When the case ends if nothing is done; a reminder before that is no deadline.
export function endsAt(one, businesses) {
    const timers = businesses.find((each) => each.business === one.business).timers.filter((each) => each.state === one.state);
    const last = timers.find((each) => each.event === 'expired');
    if (!timers.some((each) => each.event === 'reminded'))
        return one.deadline_at;
    return last && new Date(Date.parse(one.changed_at) + last.days * 86400000);
}

const fill = ['fill', ['draft']];
const documents = ['documents', ['form-ready', 'returned']];
const pay = ['pay', ['awaiting-payment']];
const reviews = [['first', ['first-review']], ['mail', ['awaiting-originals', 'supplement']], ['second', ['second-review']]];
const activate = [['activate', ['activation-allowed', 'issuing']], ['bind', ['activated']], ['done', ['bound']]];
const ways = {
    new: [fill, documents, pay, ...reviews, ...activate],
    reissue: [fill, documents, pay, ...reviews, ...activate],
    change: [fill, documents, ...reviews, ...activate],
    renew: [fill, ['sign', ['submitted']], pay, ['install', ['issuing', 'issue-failed', 'issued']], ['done', ['installed']]],
    seal: [fill, documents, ['review', ['in-review']], ['make', ['seal-approved']], ['install', ['seal-signed']], ['done', ['installed']]],
    unlock: [fill, ['review', ['form-ready', 'returned', 'in-review']], ['code', ['approved', 'code-sent']], ['reset', ['code-verified']], ['done', ['done']]],
    revoke: [fill, documents, ...reviews, ['revoke', ['revoking']], ['done', ['revoked']]],
    recover: [fill, documents, reviews[0], reviews[2], ['recover', ['recovering']], ['fetch', ['keys-ready']], ['done', ['installed']]],
};

// Nothing for a case that ended early: its time line tells how.
export function stepBar(one) {
    const way = ways[one.business];
    const at = way.findIndex(([, states]) => states.includes(one.state));
    if (at < 0)
        return null;
    return el('ol.steps', { 'aria-label': say('steps.label') }, way.map(([name], i) => {
        const isPast = i < at || (i === at && i === way.length - 1);
        return el('li', { class: isPast ? 'past' : i === at ? 'now' : '', 'aria-current': i === at ? 'step' : null },
            el('span', say(`step.${name}`)));
    }));
}
