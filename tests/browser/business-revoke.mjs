// 注销 REVOKE, in English on a telephone: refused at the second review, so that
// the hold ends; then filed again, a reviewer's session ended under her hands,
// and revoked.

import { assertClean, must } from './lib.mjs';
import { Applicant, step, until } from './people.mjs';

export async function revoke(house) {
    const { office, unit, account } = house;
    const person = await office.person(unit);
    const fields = { handler_name: '周经办', handler_id_type: 'id-card', handler_id_number: person.id, handler_mobile: person.mobile, reason: 'cessationOfOperation' };
    const stateOf = () => office.sql(`SELECT state FROM ra.holder_certificate WHERE account = '${account}' ORDER BY stored_at DESC LIMIT 1`);
    let one;
    let number;

    const file = async () => {
        number = await one.begin('revoke');
        await one.write(fields);
        for (const box of await one.page.locator('form input[type=checkbox]').all())
            await box.check();
        await one.submit();
        await one.stands('form-ready');
        await one.fillSlots();
        await one.handIn();
        await one.stands('first-review');
    };

    await step('revoke: held from the first review, released when the second refuses', async () => {
        one = await Applicant.enter(house, account, { language: 'en', size: 'phone' });
        await file();
        must(await house.first.decide(number) === 'awaiting-originals', 'not passed');
        await until(() => stateOf() === 'held', { what: 'held' });
        await one.stands('awaiting-originals');
        await house.look(one, 'revoke-originals');
        await house.receive(number);
        must(await house.second.decide(number, 'reject', '公章不符') === 'rejected', 'not rejected');
        await until(() => stateOf() === 'valid', { what: 'released' });
        await one.stands('rejected');
        await house.look(one, 'revoke-rejected');
    });

    await step('revoke: a reviewer’s session that an administrator ends leaves the case as it was', async () => {
        const { chief, first } = house;
        await file();
        await first.see(number);
        await first.page.keyboard.press('a');
        await first.page.waitForSelector('dialog[open]');
        await chief.go('officers', '[role=tab]');
        await chief.page.getByRole('tab', { name: 'Sessions' }).click();
        const row = chief.page.locator('tr', { hasText: '吴初审' });
        await row.first().waitFor();
        for (let left = await row.count(); left > 0; left--) {
            await row.first().getByRole('button').click();
            await chief.page.waitForLoadState('networkidle');
            await chief.page.getByRole('tab', { name: 'Sessions' }).click();
            await chief.page.waitForSelector('tbody tr');
        }
        await first.page.locator('dialog .actions button').last().click();
        await first.page.waitForSelector('#login');
        must((await one.case()).state === 'first-review', 'it was decided');
        assertClean(chief.page);
        await first.page.click('#login');
        await first.page.waitForSelector('.filters, .review');
        must(await first.decide(number) === 'awaiting-originals', 'not passed');
    });

    await step('revoke: papers received, second review, revoked for the reason given', async () => {
        await house.receive(number);
        await house.second.decide(number);
        await one.stands('revoked', { wait_s: 30 });
        must(office.sql(`SELECT reason FROM ra.holder_certificate WHERE account = '${account}' ORDER BY changed_at DESC LIMIT 1`) === 'cessationOfOperation', 'for another reason');
        await house.look(one, 'revoked');
        await one.go('', '.offers');
        must(await one.page.locator('.offer a[href="#/apply/new"]').count() === 1, 'no new application is offered');
        assertClean(one.page);
        await one.close();
    });
}
