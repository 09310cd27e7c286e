// A decision: what is signed is made here from what is shown, signed with the
// officer's passkey, and sent (docs/architecture.md, "The decision").

import { currentSession, post } from '/web/api.js';
import { t, words } from '/web/i18n.js';
import { canonical, hex, instant, sha256, signStatement, utf8 } from '/web/passkey.js';

words({
    'decide.digest': ['服务器给出的摘要与所示订单不符，未签名', 'The server tells another digest than the order has: nothing was signed'],
    'decide.order': ['此业务还没有可签名的订单', 'There is no order to be signed yet'],
});

async function digestOf(review) {
    if (!review.order && !review.digest)
        throw new Error(t('decide.order'));
    if (!review.order)
        return review.digest; // what is decided has no order: the record's own digest
    const digest = hex(await sha256(utf8(canonical(review.order))));
    if (digest !== review.digest)
        throw new Error(t('decide.digest'));
    return digest;
}

// review: {order, order_id, digest}; more: {remark, remarks, checks, device}.
// The order's own id stands in it; without an order it is the review's.
async function signDecision(review, step, verdict, more = {}) {
    const session = currentSession();
    const statement = {
        decided_at: instant(),
        digest: await digestOf(review),
        officer_id: session.subject,
        order_id: review.order?.order_id ?? review.order_id,
        step,
        verdict,
    };
    if (verdict !== 'approve')
        statement.remark = more.remark;
    if (step === 'making')
        statement.device = more.device;
    const signed = await signStatement(statement, session);
    const body = {
        step, verdict,
        officer_id: statement.officer_id,
        decided_at: statement.decided_at,
        credential_id: signed.credential_id,
        signature: signed.signature,
        authenticator_data: signed.authenticator_data,
        client_data: signed.client_data,
    };
    if (verdict !== 'approve')
        body.remark = more.remark;
    for (const name of ['remarks', 'checks', 'device'])
        if (more[name] !== undefined)
            body[name] = more[name];
    return body;
}

export async function decide(number, review, step, verdict, more) {
    return post(`/cases/${number}/decisions`, await signDecision(review, step, verdict, more));
}
