// 续期 RENEW, in English on a telephone: a fee that is never paid, the case filed
// again, a payment that nobody tells, and the new certificate installed.

import { assertClean, must } from './lib.mjs';
import { Applicant, step } from './people.mjs';

export async function renew(house) {
    const { office, unit, account, device } = house;
    const person = await office.person(unit);
    const fields = { handler_name: '周经办', handler_id_type: 'id-card', handler_id_number: person.id, handler_mobile: person.mobile, years: '1', encrypted_files: 'none' };
    let one;
    let number;

    const sign = async () => {
        await one.submit();
        await one.stands('submitted');
        const code = await one.pairingCode();
        await house.look(one, 'renew-submitted');
        await office.device(device, `renew("${one.number}", "${code}")`);
        await one.stands('awaiting-payment');
    };

    await step('renew: agreed, filled in, signed by the present device', async () => {
        one = await Applicant.enter(house, account, { language: 'en', size: 'phone' });
        number = await one.begin('renew');
        await one.write(fields);
        for (const box of await one.page.locator('form input[type=checkbox], form input[type=radio][name=agreement]').all())
            await box.check();
        await house.look(one, 'renew-draft');
        await sign();
    });

    await step('renew: not paid in time, the case closes and is filed again', async () => {
        house.runOut(number);
        await one.stands('closed', { wait_s: 30 });
        await house.look(one, 'closed');
        await one.page.getByText(one.words.replace).click();
        await one.page.waitForSelector('.narrow h1');
        for (const box of await one.page.locator('.narrow input[type=checkbox]').all())
            await box.check();
        await one.press('agree');
        await one.page.waitForSelector('form fieldset');
        must(one.number !== number, 'the same case');
        number = one.number;
        must((await one.case()).replaces, 'it does not say which it replaces');
        await one.write(fields);
        for (const box of await one.page.locator('form input[type=checkbox], form input[type=radio][name=agreement]').all())
            await box.check();
        await sign();
    });

    await step('renew: paid, and the provider tells nobody: the page asks', async () => {
        await one.choosePayment();
        await one.payAt('silent');
        await one.press('paid');
        await one.stands('issued', { wait_s: 30 });
        await house.look(one, 'renew-issued');
    });

    await step('renew: installed in the device, the old certificate is superseded', async () => {
        const old = await office.play(`out = office.device("${device}").show()["serial"]`);
        await office.device(device, `install("${number}")`);
        await one.stands('installed');
        must(await office.play(`out = office.device("${device}").show()["serial"]`) !== old, 'the same certificate');
        must(office.sql(`SELECT DISTINCT reason FROM ra.holder_certificate WHERE account = '${account}' AND state = 'revoked'`) === 'superseded', 'not superseded');
        await house.look(one, 'renew-installed');
        assertClean(one.page);
        await one.close();
    });
}
