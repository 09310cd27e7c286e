// 解锁 UNLOCK, in English, by the keyboard alone; then a one-time password that
// ran out, and another handler who brings papers.

import { assertClean, must } from './lib.mjs';
import { Applicant, step, until } from './people.mjs';

// Presses Tab until the focus is at it.
async function tabTo(page, selector) {
    for (let i = 0; i < 80; i++) {
        if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector))
            return;
        await page.keyboard.press('Tab');
    }
    throw new Error(`Tab does not come to ${selector}`);
}

const pressAt = async (page, selector, key = 'Enter') => {
    await tabTo(page, selector);
    await page.keyboard.press(key);
};

const typeAt = async (page, selector, text) => {
    await tabTo(page, selector);
    await page.keyboard.press('Control+a');
    await page.keyboard.type(text);
};

export async function unlock(house) {
    const { office, unit, account, device } = house;
    const person = await office.person(unit);
    let one;
    let page;
    let number;

    await step('unlock: from the hall to the draft by the keyboard alone', async () => {
        one = await Applicant.enter(house, account, { language: 'en' });
        ({ page } = one);
        await pressAt(page, '.offer a[href="#/apply/unlock"]');
        await page.waitForSelector('.narrow h1');
        await pressAt(page, '.actions button.primary');
        await page.waitForSelector('form fieldset');
        ({ number } = one);
        must(number, 'no draft');
        await typeAt(page, '[name=handler_name]', '周经办');
        await typeAt(page, '[name=handler_id_number]', person.id);
        await typeAt(page, '[name=handler_mobile]', person.mobile);
        await house.look(one, 'unlock-draft');
    });

    await step('unlock: submitted by the keyboard; the handler of record waits for nobody', async () => {
        for (let i = 0; i < 10; i++)
            await office.device(device, 'check_pin("wrong")');
        must(!await office.device(device, 'check_pin("Sesame-2026")'), 'ten wrong PINs do not lock');
        await pressAt(page, '.foot-bar button.primary');
        await page.waitForSelector('dialog[open]');
        await pressAt(page, 'dialog button.primary');
        await one.stands('approved');
        await house.look(one, 'unlock-approved');
    });

    await step('unlock: a one-time password that ran out does not open; the next one does', async () => {
        const mark = await office.messages();
        await office.device(device, `ask_code("${number}")`);
        const old = await office.code(unit, '验证码：?(\\d{6})', { after: mark });
        await one.stands('code-sent');
        office.sql(`UPDATE ra.code SET expires_at = now() - interval '1 second', made_at = made_at - interval '10 minutes' WHERE number = '${number}' AND purpose = 'unlock'`);
        let told = '';
        await office.device(device, `unlock("${number}", "${old}", "New-Pin-2026")`).catch((error) => { told = error.message; });
        must(told, 'it opened');
        const next = await office.messages();
        await office.device(device, `ask_code("${number}")`);
        const code = await office.code(unit, '验证码：?(\\d{6})', { after: next });
        await office.device(device, `unlock("${number}", "${code}", "New-Pin-2026")`);
        await one.stands('done');
        must(await office.device(device, 'check_pin("New-Pin-2026")'), 'the new PIN does not open');
        await house.look(one, 'unlock-done');
    });

    await step('unlock: another handler brings papers, a person looks, and refuses', async () => {
        const other = await office.person(unit + 7);
        number = await one.begin('unlock');
        await one.write({ handler_name: '吴另人', handler_id_number: other.id, handler_mobile: other.mobile });
        await one.submit();
        await one.stands('form-ready');
        await one.fillSlots();
        await one.handIn();
        await one.stands('in-review');
        must(await house.first.decide(number, 'reject', '身份证不清') === 'rejected', 'not rejected');
        await one.stands('rejected');
        await one.seeRemark('身份证不清');
        await house.look(one, 'rejected');
        await until(async () => (await one.case()).state === 'rejected');
        assertClean(page);
        await one.close();
    });
}
