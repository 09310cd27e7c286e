// The seven businesses from notice to end as people do them: applicants in the
// portal, officers in the console with their passkeys, the fee at the provider's
// page, devices with their client beside it. One unit, one life of certificates.
//
// SIGNET_STATE: a state whose renewal opens long before the end.

import { api, assertClean, axe, check, must, openPage, ownBytes, picture, readState, sizes, startBrowser } from './lib.mjs';
import { openOffice } from './office.mjs';
import { Officer, until } from './people.mjs';
import { applyNew } from './business-new.mjs';
import { unlock } from './business-unlock.mjs';
import { renew } from './business-renew.mjs';
import { reissue } from './business-reissue.mjs';
import { change } from './business-change.mjs';
import { seal } from './business-seal.mjs';
import { recover } from './business-recover.mjs';
import { revoke } from './business-revoke.mjs';

const state = readState();
const browser = await startBrowser({ root: state.SIGNET_ROOT });
const office = openOffice(state);
const unit = 100000 + Math.floor(Math.random() * 800000000);
const house = { state, browser, office, unit, run: unit, account: `browser-${unit}`, device: `BB-${unit}` };

// A view as both languages have it: accessible; pictures in both sizes.
house.look = async (applicant, name) => {
    const { page } = applicant;
    const size = page.viewportSize();
    must(!/undefined|\[object|NaN/.test(await page.textContent('main')), `${name}: something has no name`);
    for (const turn of [1, 2]) {
        const language = await page.evaluate(() => document.documentElement.lang.slice(0, 2));
        await axe(page, `${name} ${language} ${size.width}`);
        if (process.env.SIGNET_PICTURES)
            for (const [kind, each] of Object.entries(sizes)) {
                await page.setViewportSize(each);
                await picture(page, `${name}-${language}-${kind}`);
            }
        if (turn === 1 || language !== applicant.language)
            await page.evaluate(async () => {
                const { language: now, setLanguage } = await import('/web/i18n.js');
                setLanguage(now() === 'zh' ? 'en' : 'zh');
            });
    }
    await page.setViewportSize(size);
    const [room, content] = await page.evaluate(() => [document.documentElement.clientWidth, document.documentElement.scrollWidth]);
    must(content <= room, `${name} is ${content} wide in ${room}`);
};

// The maker's desk: a device from stock or one that came back, personalised,
// signed for, sent.
house.make = async (number, serial, { isNew = true } = {}) => {
    const { maker } = house;
    const row = () => maker.page.locator('tr', { hasText: number });
    const last = async () => {
        await maker.page.locator('dialog .actions button').last().click();
    };
    const gone = () => maker.page.waitForSelector('dialog', { state: 'detached' });
    await maker.go('making', '[role=tab]');
    if (isNew) {
        await maker.page.getByRole('tab', { name: '介质库存' }).click();
        await maker.page.getByRole('button', { name: '入库' }).click();
        await maker.page.getByLabel('批次').fill('2026-11');
        await maker.page.getByLabel('型号').fill('SIM-KEY');
        await maker.page.getByLabel('序列号，每行一个').fill(serial);
        await last();
        await maker.page.waitForSelector('.toast.good');
        await maker.go('making', 'tbody tr');
        await row().getByRole('button', { name: '分配介质' }).click();
        await maker.page.locator('dialog input').fill(serial);
        await last();
    } else
        await office.device(serial, 'rewrite()');
    await row().getByRole('button', { name: '个人化' }).click();
    const made = await office.present(serial, number);
    await maker.page.locator('dialog textarea').fill(JSON.stringify(made));
    await last();
    const pin = await maker.page.locator('dialog .figure').textContent();
    await office.device(serial, `keep({"tries": 0, "admin_tries": 0, "admin": "${pin}"})`);
    await maker.page.keyboard.press('Escape');
    await row().getByRole('button', { name: '签名确认' }).click();
    await last();
    await gone();
    await row().getByRole('button', { name: '登记寄出' }).click();
    await maker.page.getByLabel('运单号').fill(`SF${serial.slice(-9)}${number.slice(-6)}`);
    await last();
    await gone();
    assertClean(maker.page);
};

// The clerk's desk: all that is wanted came, and is in order.
house.receive = async (number, { device } = {}) => {
    const { clerk } = house;
    await clerk.go(`intake?code=${number}`, '.paper');
    for (const paper of await clerk.page.locator('.paper').all())
        await paper.getByLabel('已收到，完好').check();
    if (device)
        await clerk.page.fill('[name=device-serial]', device);
    await clerk.page.getByRole('button', { name: '登记', exact: true }).click();
    await clerk.page.waitForSelector('.toast.good');
    const sign = clerk.page.getByRole('button', { name: '资料齐全，签名收讫' });
    if ((await api(clerk.page, 'GET', `/cases/${number}`)).json.state === 'awaiting-originals') {
        await sign.click();
        await until(async () => (await api(clerk.page, 'GET', `/cases/${number}`)).json.state !== 'awaiting-originals', { what: 'signed for' });
    }
    assertClean(clerk.page);
};

house.bind = async (applicant) => {
    const { certificates } = (await api(applicant.page, 'GET', '/certificates')).json;
    await office.bind(applicant.account, certificates.find((one) => one.state === 'valid'));
};

// The case is as old as its deadline wants: the timers see it at their next look.
house.runOut = (number) => office.sql(`UPDATE ra.case_file SET created_at = created_at - (deadline_at - date_trunc('second', now())),
    changed_at = changed_at - (deadline_at - date_trunc('second', now())), deadline_at = date_trunc('second', now()) WHERE number = '${number}'`);

try {
    await office.unit(house.account, unit);
    house.first = await Officer.hire(house, '吴初审', ['first-reviewer']);
    house.rival = await Officer.hire(house, 'Reed First', ['first-reviewer', 'customer-service'], { language: 'en' });
    house.second = await Officer.hire(house, '冯复审', ['second-reviewer']);
    house.maker = await Officer.hire(house, '郑制证', ['maker']);
    house.clerk = await Officer.hire(house, '王收件', ['intake-clerk']);
    house.finance = await Officer.hire(house, '钱财务', ['finance']);
    house.chief = await Officer.hire(house, 'Chen Chief', ['business-administrator'], { language: 'en' });
    // A story alone begins with a unit that has its certificate.
    const only = process.argv.slice(2);
    if (only.length && !only.includes('applyNew'))
        await office.play(`office.certified("${house.account}", ${unit}, "${house.device}")`);
    for (const [name, story] of Object.entries({ applyNew, unlock, renew, reissue, change, seal, recover, revoke }))
        if (!only.length || only.includes(name))
            await story(house);

    await check('a ticket opens the portal once; who has logged out stands before the door', async () => {
        const entrance = await office.entrance(house.account, 'en');
        const page = await openPage(browser, { language: 'en', size: 'phone' });
        await page.goto(entrance);
        await page.waitForSelector('.offers');
        await page.getByRole('button', { name: 'Log out' }).click();
        await page.waitForSelector('.enter');
        await house.look({ page, language: 'en' }, 'outside');
        const thief = await openPage(browser);
        await thief.goto(entrance);
        await thief.waitForSelector('.enter .problem');
        await house.look({ page: thief, language: 'zh' }, 'outside-used');
        assertClean(page);
        await page.context().close();
        await thief.context().close();
    });

    await check('each page’s own bytes are less than 150 kB', async () => {
        const page = await openPage(browser);
        const entrance = await office.entrance(house.account, 'zh');
        const portal = await ownBytes(page, entrance);
        must(portal < 150000, `the portal has ${portal}`);
        await page.context().close();
        const other = await openPage(browser);
        const console_ = await ownBytes(other, `${state.pages}/console/`);
        must(console_ < 150000, `the console has ${console_}`);
        await other.context().close();
    });

    await check('what came in between: no page complained', async () => {
        for (const one of [house.applicant, house.first, house.rival, house.second, house.maker, house.clerk, house.finance, house.chief])
            if (one)
                assertClean(one.page);
    });
} finally {
    await browser.close();
    office.close();
}
