// 密钥恢复 RECOVER, in Chinese at a desk: the second reviewer sends the form back
// once; then an officer and operators of the key management centre agree, and the
// device fetches every earlier key.

import { assertClean, must } from './lib.mjs';
import { Applicant, step, until } from './people.mjs';

export async function recover(house) {
    const { office, unit, account, device } = house;
    const person = await office.person(unit);
    let one;
    let number;

    await step('recover: offered to who has a certificate; free of charge and without papers by mail', async () => {
        one = await Applicant.enter(house, account);
        await house.look(one, 'home');
        number = await one.begin('recover');
        must(number.startsWith('K'), `the number is ${number}`);
        await one.write({ reason: 'earlier', handler_name: '周经办', handler_id_type: 'id-card', handler_id_number: person.id, handler_mobile: person.mobile });
        await house.look(one, 'recover-draft');
        await one.submit();
        await one.stands('form-ready');
        await one.fillSlots();
        await house.look(one, 'recover-documents');
        await one.handIn();
        await one.stands('first-review');
        must(office.sql(`SELECT count(*) FROM ra.payment WHERE number = '${number}'`) === '0', 'there is a payment');
        await house.look(one, 'recover-review');
    });

    await step('recover: two reviews of the scans; the second sends them back once', async () => {
        const { first, second } = house;
        await first.see(number);
        await house.look(first, 'console-recover');
        must(await first.decide(number) === 'second-review', 'not passed, or originals are wanted');
        must(await second.decide(number, 'return', '申请表缺少日期') === 'returned', 'not returned');
        await one.stands('returned');
        await one.seeRemark('申请表缺少日期');
        await one.fillSlots({ again: true });
        await one.handIn();
        await one.stands('first-review');
        await first.decide(number);
        must(await second.decide(number) === 'recovering', 'not passed');
        await one.stands('recovering');
        await until(async () => (await one.case()).old_keys?.state === 'open', { what: 'the case at the centre' });
        await one.see(number);
        await house.look(one, 'recover-recovering');
        await second.see(number);
        await house.look(second, 'console-recover-open');
    });

    await step('recover: the key management centre agrees, the device has its earlier keys', async () => {
        const mark = await office.messages();
        await office.recovered(account);
        await one.stands('keys-ready');
        await one.page.getByText('signet-key recover').waitFor();
        await house.look(one, 'recover-ready');
        must(await office.code(unit, '(signet-key recover)', { about: number, after: mark }), 'nobody is told');
        const taken = await office.device(device, `keys("${number}")`);
        const made = office.sql(`SELECT count(*) FROM ra.holder_certificate WHERE account = '${account}' AND pair = 2`);
        must(taken.recovered > 0 && String((await office.device(device, 'show()')).encryption_keys) === made, `${taken.recovered} of ${made} keys`);
        await one.stands('installed');
        await house.look(one, 'recover-installed');
        assertClean(one.page);
        await one.close();
    });
}
