// 印章 SEAL, in Chinese: edited under review, so that the form is void and made
// anew; approved; closed by customer service with a stamped statement.

import { assertClean, must } from './lib.mjs';
import { Applicant, step } from './people.mjs';

export async function seal(house) {
    const { office, unit, account, device } = house;
    const person = await office.person(unit);
    let one;
    let number;

    await step('seal: proved, filled in, handed in', async () => {
        one = await Applicant.enter(house, account);
        number = await one.begin('seal');
        await one.write({ operation: 'change', handler_name: '周经办', handler_mobile: person.mobile });
        await one.page.locator('.seal-item input:not([type=radio])').first().fill('更名公章');
        await office.device(device, `prove("${await one.pairingCode()}")`);
        await one.submit();
        await one.stands('form-ready');
        await one.fillSlots();
        await one.handIn();
        await one.stands('in-review');
        await house.look(one, 'seal-in-review');
    });

    await step('seal: edited under review: the old form is void, and nobody passes it', async () => {
        await one.press('edit');
        await one.page.waitForSelector('dialog .seal-item');
        await one.page.locator('dialog .seal-item input:not([type=radio])').first().fill('更名公章二');
        await one.page.locator('dialog .actions').getByRole('button', { name: '提交' }).click();
        await one.page.waitForSelector('dialog', { state: 'detached' });
        let told = '';
        await house.first.decide(number).catch((error) => { told = error.message; });
        must(told, 'it was passed with the old form');
        await one.see(number);
        must((await one.page.textContent('main')).includes('原申请表已作废'), 'the page does not say that the form is void');
        await one.fillSlots();
        await one.handIn();
        await house.first.page.keyboard.press('Escape');
        must(await house.first.decide(number) === 'seal-approved', 'not approved');
        await one.stands('seal-approved');
        await house.look(one, 'seal-approved');
    });

    await step('seal: customer service closes it with a stamped statement', async () => {
        const { rival } = house;
        const statement = await office.write('statement.png', `play.paper("statement-${number}")`);
        await rival.see(number);
        await rival.page.getByRole('button', { name: 'Close the case' }).click();
        await rival.page.locator('dialog input[type=file]').setInputFiles(statement);
        await rival.page.fill('dialog textarea', '印章制作另行办理');
        await rival.page.locator('dialog .actions button').last().click();
        await one.stands('closed');
        await one.seeRemark('印章制作另行办理');
        await house.look(one, 'seal-closed');
        assertClean(rival.page);
        assertClean(one.page);
        await one.close();
    });
}
