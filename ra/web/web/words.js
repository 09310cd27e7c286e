// Words of the business that portal and console share: states, events,
// businesses, roles (docs/glossary.md).

import { known, language, say, said, t, words } from './i18n.js';

words({
    'business.new': ['新申请', 'New certificate'],
    'business.renew': ['续期', 'Renewal'],
    'business.reissue': ['补办', 'Reissue'],
    'business.change': ['变更', 'Change'],
    'business.seal': ['印章', 'Seal'],
    'business.unlock': ['解锁', 'Unlock'],
    'business.revoke': ['注销', 'Revocation'],
    'business.recover': ['密钥恢复', 'Key recovery'],

    'state.draft': ['草稿', 'Draft'],
    'state.submitted': ['待设备签名', 'To be signed by the device'],
    'state.form-ready': ['待上传资料', 'Documents wanted'],
    'state.awaiting-payment': ['待支付', 'Awaiting payment'],
    'state.first-review': ['待初审', 'First review'],
    'state.returned': ['已退回修改', 'Returned'],
    'state.awaiting-originals': ['待收原件', 'Awaiting originals'],
    'state.second-review': ['待复审', 'Second review'],
    'state.supplement': ['待补件', 'Supplement wanted'],
    'state.activation-allowed': ['可激活', 'Ready to activate'],
    'state.issuing': ['签发中', 'Issuing'],
    'state.activated': ['已激活', 'Activated'],
    'state.bound': ['已绑定', 'Bound'],
    'state.issue-failed': ['签发失败', 'Issue failed'],
    'state.issued': ['待安装', 'To be installed'],
    'state.in-review': ['审核中', 'In review'],
    'state.seal-approved': ['印章制作中', 'Seal being made'],
    'state.seal-signed': ['印章待安装', 'Seal to be installed'],
    'state.installed': ['已安装', 'Installed'],
    'state.approved': ['已通过', 'Approved'],
    'state.code-sent': ['验证码已发送', 'Code sent'],
    'state.code-verified': ['验证码已核对', 'Code verified'],
    'state.done': ['已完成', 'Done'],
    'state.failed': ['解锁失败', 'Failed'],
    'state.revoking': ['注销中', 'Revoking'],
    'state.revoked': ['已注销', 'Revoked'],
    'state.recovering': ['密钥恢复中', 'Keys being recovered'],
    'state.keys-ready': ['密钥待取回', 'Keys to be fetched'],
    'state.rejected': ['已拒绝', 'Rejected'],
    'state.closed': ['已关闭', 'Closed'],

    'event.created': ['开始填写', 'Begun'],
    'event.edited': ['修改资料', 'Edited'],
    'event.submitted': ['提交信息', 'Submitted'],
    'event.handed-in': ['提交资料', 'Documents handed in'],
    'event.withdrawn': ['申请人撤回', 'Withdrawn'],
    'event.paid': ['支付完成', 'Paid'],
    'event.passed': ['审核通过', 'Passed'],
    'event.returned': ['退回修改', 'Returned'],
    'event.rejected': ['审核拒绝', 'Rejected'],
    'event.originals-received': ['收到纸质原件', 'Originals received'],
    'event.supplement-asked': ['要求补件', 'Supplement asked for'],
    'event.signed': ['设备已签名', 'Signed by the device'],
    'event.activation-requested': ['请求激活', 'Activation requested'],
    'event.ca-done': ['CA 已办理', 'Done by the CA'],
    'event.ca-refused': ['CA 未受理', 'Refused by the CA'],
    'event.retried': ['重新签发', 'Tried again'],
    'event.bound': ['已绑定', 'Bound'],
    'event.unbound': ['已解绑', 'Unbound'],
    'event.seal-made': ['印章已制作', 'Seal made'],
    'event.installed': ['已安装', 'Installed'],
    'event.code-sent': ['发送验证码', 'Code sent'],
    'event.code-verified': ['验证码正确', 'Code verified'],
    'event.unlocked': ['已设置新密码', 'Unlocked'],
    'event.failed': ['失败', 'Failed'],
    'event.closed': ['客服关闭', 'Closed by customer service'],
    'event.expired': ['超时', 'Ran out'],
    'event.reminded': ['已提醒', 'Reminded'],
    'event.document-added': ['上传文件', 'Document added'],
    'event.document-removed': ['删除文件', 'Document removed'],
    'event.assigned': ['分派', 'Assigned'],
    'event.put-aside': ['搁置', 'Put aside'],
    'event.resumed': ['恢复办理', 'Taken up again'],
    'event.payment-received': ['收到款项', 'Payment received'],
    'event.payment-partial': ['收到部分款项', 'Part of the payment received'],
    'event.payment-surplus': ['收到多付款项', 'More than asked received'],
    'event.payment-late': ['逾期到账', 'Payment came late'],
    'event.refunded': ['已退款', 'Refunded'],
    'event.invoiced': ['已开发票', 'Invoiced'],
    'event.device-allocated': ['已分配介质', 'Device allocated'],
    'event.device-personalised': ['介质已个人化', 'Device personalised'],
    'event.device-made': ['制证完成', 'Device made and signed for'],
    'event.device-proved': ['已验证介质', 'Device proved'],
    'event.device-returned': ['介质已退回', 'Device came back'],
    'event.key-received': ['加密密钥已写入介质', 'Encryption key in the device'],
    'event.old-keys': ['历次加密密钥的恢复', 'Recovery of earlier keys'],
    'event.old-keys-received': ['历次加密密钥已写入介质', 'Earlier keys in the device'],
    'event.parcel-announced': ['已登记快递', 'Parcel announced'],
    'event.parcel-shipped': ['快递已寄出', 'Parcel on its way'],
    'event.parcel-delivered': ['快递已送达', 'Parcel delivered'],
    'event.parcel-failed': ['快递未送达', 'Parcel failed'],
    'event.shipped': ['介质已寄出', 'Device on its way'],
    'event.delivered': ['介质已送达', 'Device delivered'],
    'event.papers-taken-in': ['登记收件', 'Papers noted'],
    'event.papers-wanted': ['通知补寄资料', 'Missing papers asked for'],
    'event.handler-code-sent': ['已发送经办人验证码', 'Code sent to the handler of record'],
    'event.handler-confirmed': ['经办人变更已确认', 'Change of handler confirmed'],
    'event.administrator-pin-released': ['已授权重置密码', 'Reset of the PIN released'],
    'event.order-refused': ['CA 未受理', 'The CA refused the order'],
    'event.certificate-held': ['证书已冻结', 'Certificate on hold'],
    'event.certificate-released': ['证书已解除冻结', 'Certificate released'],
    'event.certificate-revoked': ['证书已被注销', 'Certificate revoked'],
    'event.certificate-left-held': ['旧证书仍处于挂起状态', 'Former certificate left on hold'],
    'event.certificate-superseded': ['旧证书已注销', 'Former certificate revoked'],
    'event.certificate-expiring': ['证书即将到期', 'Certificate about to expire'],

    'role.business-administrator': ['业务管理员', 'Business administrator'],
    'role.first-reviewer': ['初审员', 'First reviewer'],
    'role.second-reviewer': ['复审员', 'Second reviewer'],
    'role.maker': ['制证员', 'Maker'],
    'role.intake-clerk': ['收件员', 'Intake clerk'],
    'role.finance': ['财务', 'Finance'],
    'role.kmc-operator': ['密钥管理员', 'KMC operator'],
    'role.auditor': ['审计员', 'Auditor'],
    'role.audit-administrator': ['审计管理员', 'Audit administrator'],
    'role.customer-service': ['客服', 'Customer service'],
    'role.applicant': ['申请人', 'Applicant'],
    'role.holder': ['持有人设备', 'Holder’s device'],
    'role.platform': ['平台', 'Platform'],
    'role.system': ['系统', 'System'],
    'role.first-review': ['初审', 'First review'],
    'role.second-review': ['复审', 'Second review'],
    'role.making': ['制证', 'Making'],
    'role.entry': ['收件', 'Intake'],
    'role.timer': ['定时任务', 'Timer'],

    // Earlier encryption keys on their way into a device (OldKeys of the API).
    'old-keys': ['历次加密密钥', 'Earlier encryption keys'],
    'old-keys.asked': ['已申请，待介质制作后送审', 'Asked for; goes when the device is made'],
    'old-keys.waiting': ['正在送往CA', 'On the way to the CA'],
    'old-keys.none': ['没有历次密钥', 'There are none'],
    'old-keys.open': ['密钥管理中心审批中', 'With the key management centre'],
    'old-keys.approved': ['密钥管理中心处理中', 'Being released'],
    'old-keys.done': ['可以取回', 'Ready to be fetched'],
    'old-keys.refused': ['未获批准', 'Refused'],
    'old-keys.expired': ['审批已过期', 'Not decided in time'],
    'old-keys.aborted': ['已中止', 'Broken off'],
    'old-keys.received': ['已存入介质', 'In the device'],

    'certificate.valid': ['有效', 'Valid'],
    'certificate.held': ['已冻结', 'On hold'],
    'certificate.revoked': ['已注销', 'Revoked'],
    'certificate.expired': ['已过期', 'Expired'],
    'certificate.pair.1': ['签名证书', 'Signing'],
    'certificate.pair.2': ['加密证书', 'Encryption'],

    'age.seconds': ['刚刚', 'just now'],
    'age.minutes': ['{n} 分钟', '{n} min'],
    'age.hours': ['{n} 小时', '{n} h'],
    'age.days': ['{n} 天', '{n} d'],
    'age.overdue': ['已超期 {age}', '{age} overdue'],
    'age.left': ['剩 {age}', '{age} left'],
});

const named = (kind) => (name) =>
    said(() => (name == null ? '—' : known(`${kind}.${name}`) ? t(`${kind}.${name}`) : name));
export const businessName = named('business');
export const stateName = named('state');
export const eventName = named('event');
export const roleName = named('role');

// How a state looks: what waits for us, for the applicant, is well, or has ended.
export function stateTone(state) {
    if (['first-review', 'second-review', 'in-review'].includes(state))
        return 'work';
    if (['returned', 'supplement', 'awaiting-payment', 'awaiting-originals', 'form-ready', 'submitted',
        'activation-allowed', 'issued', 'seal-signed', 'approved', 'code-sent', 'code-verified', 'keys-ready'].includes(state))
        return 'wait';
    if (['activated', 'bound', 'installed', 'done', 'revoked'].includes(state))
        return 'good';
    if (['rejected', 'failed', 'issue-failed'].includes(state))
        return 'bad';
    return 'quiet';
}

export function oldKeysTone(state) {
    if (['refused', 'expired', 'aborted'].includes(state))
        return 'bad';
    return state === 'received' ? 'good' : ['done', 'asked', 'open', 'approved'].includes(state) ? 'wait' : 'quiet';
}

export function age(seconds) {
    const s = Math.max(0, Math.floor(seconds));
    if (s < 60)
        return say('age.seconds');
    if (s < 3600)
        return say('age.minutes', { n: Math.floor(s / 60) });
    if (s < 2 * 86400)
        return say('age.hours', { n: Math.floor(s / 3600) });
    return say('age.days', { n: Math.floor(s / 86400) });
}

export function deadline(at) {
    const seconds = (Date.parse(at) - Date.now()) / 1000;
    return seconds < 0 ? said(() => t('age.overdue', { age: String(age(-seconds)) }))
        : said(() => t('age.left', { age: String(age(seconds)) }));
}

const locale = () => (language() === 'zh' ? 'zh-CN' : 'en-GB');

export const dateTime = (at) => said(() => (at ? new Intl.DateTimeFormat(locale(), {
    year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hour12: false,
}).format(new Date(at)) : '—'));
export const date = (at) => said(() => (at ? new Intl.DateTimeFormat(locale(), {
    year: 'numeric', month: '2-digit', day: '2-digit',
}).format(new Date(at)) : '—'));

// fen → "¥1,000.00"
export const money = (fen) => new Intl.NumberFormat('zh-CN', { style: 'currency', currency: 'CNY' }).format((fen || 0) / 100);

export const octets = (len) => (len >= 1048576 ? `${(len / 1048576).toFixed(1)} MB` : `${Math.max(1, Math.round(len / 1024))} KB`);
