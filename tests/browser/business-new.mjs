// 新申请 NEW, in Chinese: two tabs, a lost session, a wrong file, parts of the
// fee, a return, two reviewers at once, a supplement, and the certificate.

import { execFileSync } from 'node:child_process';
import { api, assertClean, must } from './lib.mjs';
import { Applicant, step, until } from './people.mjs';

export async function applyNew(house) {
    const { office, unit, account } = house;
    const person = await office.person(unit);
    const fields = {
        province: '广东省', locality: '深圳市', street: '罗田路 1 号', years: '2', seal: 'yes', handler_name: '周经办', handler_id_type: 'id-card',
        handler_id_number: person.id, handler_mobile: person.mobile, delivery_recipient: '周经办', delivery_mobile: person.mobile,
        delivery_address: '广东省深圳市罗田路 1 号前台',
    };
    let one;
    let number;

    await step('new: nothing begins before the notice is accepted', async () => {
        one = house.applicant = await Applicant.enter(house, account);
        await house.look(one, 'home-empty');
        await one.page.click('.offer a[href="#/apply/new"]');
        await one.page.waitForSelector('.terms');
        await house.look(one, 'apply');
        await one.press('agree');
        must(await one.page.locator('.wrong:visible').count() > 0 && one.number === undefined, 'it began');
        number = await one.begin('new');
    });

    await step('new: what is wrong is said beside its field', async () => {
        await one.write({ ...fields, handler_id_number: '440301199001010001' });
        await one.page.locator('.seal-item input:not([type=radio])').first().fill('演示公章');
        await one.button('submit').first().click();
        must(await one.page.locator('input[name=handler_id_number][aria-invalid=true]').count() === 1, 'the identity number passed');
        must(await one.page.locator('dialog').count() === 0, 'it was submitted');
        await house.look(one, 'draft-wrong');
        await one.write({ handler_id_number: person.id });
        await one.press('save');
        await one.page.getByText('草稿已保存').waitFor();
        must((await one.case()).fields.handler_id_number === person.id, 'not kept');
    });

    await step('new: two tabs on one draft: the second is told, and chooses', async () => {
        const other = await one.tab(`case/${number}`);
        await other.page.waitForSelector('form fieldset');
        await other.write({ street: '另一个窗口路 2 号' });
        await other.press('save');
        await other.page.getByText('草稿已保存').waitFor();
        await one.write({ locality: '珠海市' });
        await one.page.getByText('这份草稿已在另一个窗口中修改').waitFor();
        await house.look(one, 'draft-elsewhere');
        await one.page.getByRole('button', { name: '保留这里的内容' }).click();
        await one.page.getByText('草稿已保存').waitFor();
        must((await one.case()).fields.street === fields.street && (await one.case()).fields.locality === '珠海市', 'another draft');
        await other.write({ street: '又一处' });
        await other.page.getByRole('button', { name: '载入那里的内容' }).click();
        await until(async () => await other.page.inputValue('[name=street]') === fields.street, { what: 'the other tab reads' });
        await other.page.close();
    });

    await step('new: back and forth with the browser’s buttons loses nothing', async () => {
        await one.page.locator('[name=street]').press('End');
        await one.page.keyboard.type(' 甲座');
        await one.page.goBack();
        await one.page.waitForSelector('.narrow h1');
        await until(async () => (await one.case(number)).fields.street === `${fields.street} 甲座`, { what: 'kept on leaving' });
        await one.page.goForward();
        await one.page.waitForSelector('form fieldset');
        must(await one.page.inputValue('[name=street]') === `${fields.street} 甲座`, 'it is gone');
    });

    await step('new: a lost session loses nothing that was typed', async () => {
        await one.page.context().clearCookies();
        await one.write({ delivery_address: '新地址 88 号' });
        await one.page.waitForSelector('dialog[open]');
        await house.look(one, 'session-ended');
        await one.page.getByRole('button', { name: '已重新进入，继续' }).click();
        await one.page.waitForSelector('dialog .problem');
        const other = await one.tab();
        await other.come();
        await other.page.close();
        await one.page.getByRole('button', { name: '已重新进入，继续' }).click();
        await one.page.waitForSelector('dialog', { state: 'detached' });
        await one.press('save');
        await one.page.getByText('草稿已保存').waitFor();
        must((await one.case()).fields.delivery_address === '新地址 88 号', 'the address is lost');
    });

    await step('new: submitted, the form is there and the fields are locked', async () => {
        await one.submit();
        await one.stands('form-ready');
        must(await one.page.locator('button[data-form]').count() === 2, 'two forms');
        const refused = await api(one.page, 'PUT', `/cases/${number}`, { revision: (await one.case()).revision, fields: { ...fields, handler_mobile: '13900000000' } });
        must(refused.status === 409, `a locked field changed: ${refused.status}`);
        await house.look(one, 'form-ready');
    });

    await step('new: another kind of file is refused with a reason; the rest is taken', async () => {
        const gif = await office.write('photo.gif', 'b"GIF89a" + bytes(100)');
        must(/PDF/.test(await one.upload('handler-id', gif)), 'no reason');
        must(await one.page.locator('.slot.filled').count() === 0, 'it was taken');
        await one.handIn();
        await one.page.waitForSelector('.toast.bad');
        await one.fillSlots();
        await house.look(one, 'documents');
        await one.page.locator('.slot[data-slot="handler-id"] button.thumb').click();
        await one.page.waitForFunction(() => document.querySelector('dialog img')?.naturalWidth > 100);
        await house.look(one, 'preview');
        await one.page.keyboard.press('Escape');
        await one.handIn();
        await one.stands('awaiting-payment');
    });

    await step('new: half of the fee is not the fee; the click “paid” decides nothing', async () => {
        await house.look(one, 'payment');
        await one.choosePayment();
        await one.page.waitForSelector('.pay a.button:not([hidden])');
        await one.press('paid');
        await one.page.getByText('还没有收到付款').waitFor();
        await one.payAt('part');
        await until(async () => (await one.case()).payment.received === 20000, { what: 'half' });
        await one.press('paid');
        await one.page.locator('.notice', { hasText: '只收到部分款项' }).waitFor();
        must((await one.page.textContent('.total')).includes('200.00'), 'another rest');
        await house.look(one, 'payment-part');
    });

    await step('new: finance notes the rest as a transfer, once, and the case goes on', async () => {
        const { finance } = house;
        await finance.go('finance', '[name=number]');
        const note = async (amount, reference) => {
            await finance.page.fill('[name=number]', number);
            await finance.page.fill('[name=amount]', amount);
            await finance.page.fill('[name=reference]', reference);
            await finance.page.getByRole('button', { name: '确认到账' }).click();
        };
        await note('二百', 'B-1');
        must(await finance.page.locator('[aria-invalid=true]').count() === 1, 'an amount in words');
        const taken = () => finance.page.waitForFunction(() => document.querySelector('[name=number]').value === '');
        await note('50', `B-${unit}-1`);
        await taken();
        await note('50', `B-${unit}-1`);
        await taken();
        await note('160', `B-${unit}-2`);
        await one.stands('first-review');
        const { payment } = await one.case();
        must(payment.received === 41000, `received ${payment.received}`);
        await until(() => office.sql(`SELECT count(*) FROM ra.refund r JOIN ra.payment p ON p.id = r.payment WHERE p.number = '${number}' AND r.amount = 1000`) === '1', { what: 'ten yuan too much go back' });
        await house.look(one, 'first-review');
        assertClean(finance.page);
    });

    await step('new: returned with a remark, corrected, and handed in anew', async () => {
        must(await house.first.decide(number, 'return', '住所与执照不一致') === 'returned', 'not returned');
        await one.stands('returned');
        await one.seeRemark('住所与执照不一致');
        await house.look(one, 'returned');
        await one.press('edit');
        await one.page.waitForSelector('dialog form fieldset');
        await house.look(one, 'edit-dialog');
        await one.page.locator('dialog [name=street]').fill('新街 9 号');
        await one.page.locator('dialog .actions').getByRole('button', { name: '提交' }).click();
        await one.stands('form-ready');
        must((await one.page.textContent('main')).includes('原申请表已作废'), 'the page does not say that the old form is void');
        must(await one.page.locator('.slot.filled[data-slot="certificate-form"]').count() === 0, 'the old form still counts');
        await house.look(one, 'form-void');
        await one.fillSlots();
        await one.handIn();
        await one.stands('first-review');
    });

    await step('new: two first reviewers at once: one decides, the other is told', async () => {
        const { first, rival } = house;
        for (const officer of [first, rival]) {
            await officer.see(number);
            await officer.page.keyboard.press('a');
            await officer.page.waitForSelector('dialog[open]');
        }
        await first.sign();
        let told = '';
        await rival.sign().catch((error) => { told = error.message; });
        must(told.length > 10, 'the second was not told');
        await rival.page.keyboard.press('Escape');
        await one.stands('awaiting-originals');
        must(office.sql(`SELECT count(*) FROM ra.case_decision WHERE number = '${number}' AND verdict = 'approve'`) === '1', 'two decisions');
        await house.look(one, 'awaiting-originals');
        must((await one.page.textContent('.mail')).includes('数字证书服务中心'), 'where to?');
    });

    await step('new: the device is made and sent, the parcel with the papers comes', async () => {
        await one.press('tracking');
        await one.page.locator('dialog input').nth(0).fill('顺丰');
        await one.page.locator('dialog input').nth(1).fill(`SF${unit}`);
        await one.page.locator('dialog .actions button').last().click();
        await one.page.getByText(`SF${unit}`).waitFor();
        await house.make(number, house.device);
        await house.receive(number);
        await one.stands('second-review');
    });

    await step('new: the second reviewer asks for a supplement, gets it, and passes', async () => {
        must(await house.second.decide(number, 'supplement', '执照复印件未盖章') === 'supplement', 'no supplement');
        await one.stands('supplement');
        await one.seeRemark('执照复印件未盖章');
        await house.look(one, 'supplement');
        await house.receive(number);
        await one.stands('second-review');
        must(await house.second.decide(number) === 'activation-allowed', 'not passed');
        await one.stands('activation-allowed');
        await house.look(one, 'activation-allowed');
    });

    await step('new: activated with the code of the text message, bound, and the certificate is there', async () => {
        await one.press('sendAgain'); // and is told to wait: one went out a moment ago
        await one.page.waitForSelector('.toast.bad');
        const code = await office.code(unit, '激活码：([A-Z0-9]{12})', { about: number });
        await office.device(house.device, `activate("${code}", "Sesame-2026")`);
        await one.stands('activated');
        await house.look(one, 'activated');
        await house.bind(one);
        await one.see(number);
        await one.stands('bound');
        const [file] = await Promise.all([one.page.waitForEvent('download'), one.press('download')]);
        must(file.suggestedFilename().endsWith('.pem'), file.suggestedFilename());
        await one.go('certificates', 'article');
        const [other] = await Promise.all([one.page.waitForEvent('download'), one.press('downloadEncryption')]);
        const said = execFileSync('openssl', ['x509', '-noout', '-ext', 'keyUsage', '-in', await other.path()], { encoding: 'utf8' });
        must(said.includes('Key Encipherment'), `others cannot encrypt to it: ${said}`);
        await house.look(one, 'certificates');
        await one.go('cases', 'tbody tr');
        await house.look(one, 'cases');
        await one.go('', '.offers');
        await house.look(one, 'home');
        assertClean(one.page);
    });
}
