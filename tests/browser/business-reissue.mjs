// 补办 REISSUE, in Chinese on a telephone: refused once and the fee goes back;
// then held, made, mailed, reviewed by two, and activated; the earlier encryption
// keys come along once the key management centre has agreed.

import { assertClean, must } from './lib.mjs';
import { Applicant, step, until } from './people.mjs';

export async function reissue(house) {
    const { office, unit, account } = house;
    const person = await office.person(unit);
    const fields = {
        province: '广东省', locality: '深圳市', street: '罗田路 1 号', seal: 'yes', handler_name: '周经办', handler_id_type: 'id-card',
        handler_id_number: person.id, handler_mobile: person.mobile, delivery_recipient: '周经办', delivery_mobile: person.mobile,
        delivery_address: '广东省深圳市罗田路 1 号前台', reason: 'lost',
    };
    let one;
    let number;

    const file = async () => {
        number = await one.begin('reissue');
        must(await one.page.locator('[name=encrypted_files]').first().evaluate((node) => (node.form.elements.encrypted_files.value)) === 'deliver', 'the earlier keys are not asked for by themselves');
        await one.write(fields);
        await one.page.locator('.seal-item input:not([type=radio])').first().fill('演示公章');
        await one.submit();
        await one.stands('form-ready');
        await one.fillSlots();
        await one.handIn();
        await one.stands('awaiting-payment');
        await one.choosePayment();
        await one.payAt('all');
        await one.stands('first-review');
    };

    await step('reissue: rejected, and what was paid goes back', async () => {
        one = await Applicant.enter(house, account, { size: 'phone' });
        await file();
        must(await house.first.decide(number, 'reject', '经办人身份无法核实') === 'rejected', 'not rejected');
        await one.stands('rejected');
        await one.seeRemark('经办人身份无法核实');
        await until(() => office.sql(`SELECT r.state FROM ra.refund r JOIN ra.payment p ON p.id = r.payment WHERE p.number = '${number}'`) === 'done', { what: 'the refund' });
        const { finance } = house;
        await finance.go('finance', '[role=tab]');
        await finance.page.getByRole('tab', { name: '退款' }).click();
        await finance.page.locator('tr', { hasText: number }).waitFor();
    });

    await step('reissue: the lost device’s certificate is held from the first review on', async () => {
        await file();
        must(await house.first.decide(number) === 'awaiting-originals', 'not passed');
        await one.stands('awaiting-originals');
        await until(() => office.sql(`SELECT DISTINCT state FROM ra.holder_certificate WHERE account = '${account}' AND state <> 'revoked'`) === 'held', { what: 'held' });
        await one.go('certificates', 'article');
        await one.page.getByText('已冻结').first().waitFor();
        await house.look(one, 'certificates-held');
        await one.see(number);
    });

    await step('reissue: a new device, two reviews, activation: the old certificate is revoked', async () => {
        house.device = `BC-${unit}`;
        await house.make(number, house.device);
        await house.receive(number);
        must(await house.second.decide(number) === 'activation-allowed', 'not passed');
        await one.stands('activation-allowed');
        await office.recovered(account);
        await until(async () => (await one.case()).old_keys.state === 'done', { what: 'the earlier keys' });
        await one.see(number);
        await house.look(one, 'reissue-old-keys');
        const code = await office.code(unit, '激活码：([A-Z0-9]{12})', { about: number });
        await office.device(house.device, `activate("${code}", "Sesame-2026")`);
        await one.stands('activated');
        await until(() => office.sql(`SELECT count(*) FROM ra.holder_certificate WHERE account = '${account}' AND state <> 'revoked' AND pair = 1`) === '1', { what: 'one certificate' });
        await house.bind(one);
        await one.stands('bound');
        await one.page.getByText('已存入介质').waitFor();
        const made = office.sql(`SELECT count(*) FROM ra.holder_certificate WHERE account = '${account}' AND pair = 2`);
        must(String((await office.device(house.device, 'show()')).encryption_keys) === made, 'not every key of this life is in the new device');
        await house.look(one, 'reissue-bound');
        await one.go('certificates', 'article');
        must(await one.page.locator('main article:visible').count() === 1, 'not one pair is in use');
        await one.page.locator('summary').click();
        await house.look(one, 'certificates-earlier');
        assertClean(one.page);
        await one.close();
    });
}
