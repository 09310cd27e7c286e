// 变更 CHANGE, in English: the platform knows the new name, the device proves
// itself, the old device comes by mail, is written anew and goes back.

import { assertClean, axe, must } from './lib.mjs';
import { Applicant, step, until } from './people.mjs';

export async function change(house) {
    const { office, unit, account, device } = house;
    const person = await office.person(unit);
    const name = `更名${unit}有限公司`;
    let one;
    let number;

    await step('change: without the device there is none', async () => {
        await office.unit(account, unit, name);
        one = await Applicant.enter(house, account, { language: 'en' });
        number = await one.begin('change');
        must((await one.page.textContent('main')).length > 0 && await one.page.inputValue('[name=unit_name]') === name, 'the platform’s name is not there');
        await one.write({
            province: '广东省', locality: '深圳市', street: '罗田路 1 号', seal: 'yes', handler_name: '周经办', handler_id_type: 'id-card',
            handler_id_number: person.id, handler_mobile: person.mobile, delivery_recipient: '周经办', delivery_mobile: person.mobile,
            delivery_address: '广东省深圳市罗田路 1 号前台', encrypted_files: 'none',
        });
        await one.page.locator('.seal-item input:not([type=radio])').first().fill(name);
        await one.submit();
        await one.page.waitForSelector('.toast.bad');
        await house.look(one, 'change-unproved');
    });

    await step('change: proved, filled, free of charge; the officer sees it field by field', async () => {
        await office.device(device, `prove("${await one.pairingCode()}")`);
        await one.submit();
        await one.stands('form-ready');
        await one.fillSlots();
        await one.handIn();
        await one.stands('first-review');
        must(office.sql(`SELECT count(*) FROM ra.payment WHERE number = '${number}'`) === '0', 'there is a payment');
        const { rival } = house;
        await rival.see(number);
        must((await rival.page.textContent('.changes')).includes(name), 'the new name is not set against the old');
        await axe(rival.page, 'change under review, in English');
        must(await rival.decide(number) === 'awaiting-originals', 'not passed');
        await one.stands('awaiting-originals');
        must((await one.page.textContent('.check-list')).includes('The old device'), 'the device is not asked for');
        await house.look(one, 'change-originals');
    });

    await step('change: the device comes back, is written anew, and activated with the new name', async () => {
        await house.receive(number, { device });
        must(await house.second.decide(number) === 'activation-allowed', 'not passed');
        await house.make(number, device, { isNew: false });
        const code = await office.code(unit, '激活码：([A-Z0-9]{12})', { about: number });
        await office.device(device, `activate("${code}", "Sesame-2026")`);
        await one.stands('activated');
        must(await office.play(`
import subprocess
out = "${name}" in subprocess.run(["openssl", "x509", "-in", office.device("${device}").path("cert.pem"), "-noout", "-subject", "-nameopt", "utf8,sep_comma_plus"], stdout=subprocess.PIPE, text=True).stdout`), 'the certificate has another name');
        await until(() => office.sql(`SELECT reason FROM ra.holder_certificate WHERE account = '${account}' AND state = 'revoked' ORDER BY changed_at DESC LIMIT 1`) === 'affiliationChanged', { what: 'the old one' });
        await house.bind(one);
        await one.stands('bound');
        assertClean(one.page);
        await one.close();
    });
}
