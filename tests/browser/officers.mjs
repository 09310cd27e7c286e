// Officers come in: invited, enrolled by two administrators, logged in; and the
// ways that do not lead in.

import { addAuthenticator, api, assertClean, axe, check, logIn, must, newOfficer, openPage, ownBytes, picture, readState, signet, administrators, sizes, startBrowser } from './lib.mjs';

const state = readState();
const browser = await startBrowser({ root: state.SIGNET_ROOT });
const stamp = Date.now().toString(36);
let chief;
let second;


try {
    await check('the log-in page is calm, accessible and says nothing of who there is', async () => {
        for (const language of ['zh', 'en'])
            for (const size of Object.keys(sizes)) {
                const page = await openPage(browser, { language, size });
                await page.goto(`${state.pages}/console/`);
                await page.waitForSelector('#login');
                await picture(page, `login-${language}-${size}`);
                await axe(page, `login ${language} ${size}`);
                assertClean(page);
                await page.context().close();
            }
    });

    await check('a person without a passkey does not get in', async () => {
        const page = await openPage(browser);
        const authenticator = await addAuthenticator(page);
        await page.goto(`${state.pages}/console/`);
        await page.click('#login');
        await page.waitForSelector('.problem, .notice.bad');
        must((await api(page, 'GET', '/officers')).status === 401, 'the officers were told');
        await authenticator.remove();
        await page.context().close();
    });

    await check('an officer is invited, makes a passkey, is approved by two, and logs in', async () => {
        chief = await newOfficer(state, browser, { name: '陈主管', person: `B-${stamp}-1`, roles: ['business-administrator'] });
        must((await chief.textContent('.who')) === '陈主管', 'another name');
        await picture(chief, 'queue-empty');
        assertClean(chief);
    });

    await check('the first approval alone enrolls nobody', async () => {
        const page = await openPage(browser);
        await addAuthenticator(page);
        const invited = signet(state, 'officer', 'invite', '未批准', '--person', `B-${stamp}-x`, '--roles', 'maker', '--officer', administrators(state)[0]);
        await page.goto(/https:\S+/.exec(invited)[0]);
        await page.waitForSelector('#make');
        await picture(page, 'invitation');
        await axe(page, 'invitation');
        await page.click('#make');
        await page.waitForSelector('.notice.good');
        signet(state, 'officer', 'approve', /case (\S+)/.exec(invited)[1], '--officer', administrators(state)[0]);
        await page.goto(`${state.pages}/console/`);
        await page.click('#login');
        await page.waitForSelector('.notice.bad');
        // The link was for once.
        await page.goto('about:blank');
        await page.goto(/https:\S+/.exec(invited)[0]);
        await page.waitForSelector('.notice.warn');
        await page.context().close();
    });

    await check('administrators invite and approve in the console with their passkeys', async () => {
        second = await newOfficer(state, browser, { name: '林副主管', person: `B-${stamp}-2`, roles: ['business-administrator'] });
        await chief.goto(`${state.pages}/console/#/officers`);
        await chief.getByRole('button', { name: '邀请人员' }).click();
        await chief.getByLabel('姓名').fill('何初审');
        await chief.getByLabel('工号').fill(`B-${stamp}-3`);
        await chief.getByLabel('初审员', { exact: true }).check();
        await picture(chief, 'officers-invite');
        await axe(chief, 'invite');
        await chief.locator('dialog').getByRole('button', { name: '邀请人员' }).click();
        const url = await chief.locator('.invitation').textContent();
        await chief.locator('dialog').getByRole('button', { name: '关闭' }).click();
        const page = await openPage(browser);
        page.authenticator = await addAuthenticator(page);
        await page.goto(url);
        await page.click('#make');
        await page.waitForSelector('.notice.good');
        for (const administrator of [chief, second]) {
            await administrator.goto(`${state.pages}/console/#/officers`);
            await administrator.reload();
            const row = administrator.locator('tr', { hasText: '何初审' });
            await row.getByRole('button', { name: '批准' }).click();
            await picture(administrator, 'officers-approve');
            await administrator.locator('dialog').getByRole('button', { name: '批准' }).click();
            await administrator.waitForSelector('.toast.good');
        }
        await logIn(state, page);
        must((await page.textContent('.who')) === '何初审', 'another name');
        await page.context().close();
    });

    await check('who approved has no second approval', async () => {
        await chief.goto(`${state.pages}/console/#/officers`);
        await chief.waitForSelector('tbody tr');
        must(await chief.locator('tr', { hasText: '何初审' }).getByRole('button', { name: '批准' }).count() === 0, 'there is a button');
        await picture(chief, 'officers');
        await axe(chief, 'officers');
        for (const tab of ['在册人员', '登录会话']) {
            await chief.getByRole('tab', { name: tab }).click();
            await chief.waitForSelector('tbody tr');
            await picture(chief, `officers-${tab}`);
            await axe(chief, tab);
        }
    });

    await check('a cookie taken to another browser opens nothing, and ends', async () => {
        const cookies = await second.context().cookies();
        must(cookies.every((one) => one.httpOnly && one.secure && one.sameSite === 'Strict' && one.name.startsWith('__Host-')), 'a weak cookie');
        const thief = await openPage(browser, { userAgent: 'Mozilla/5.0 (thief)' });
        await thief.context().addCookies(cookies);
        await thief.goto(`${state.pages}/console/`);
        await thief.waitForSelector('#login');
        await second.reload();
        await second.waitForSelector('#login');
        await logIn(state, second);
        await thief.context().close();
    });

    await check('a call without the token of the session changes nothing', async () => {
        const status = await second.evaluate(async () => (await fetch('/v1/session', { method: 'DELETE' })).status);
        must(status === 403, `status ${status}`);
        must((await api(second, 'GET', '/session')).status === 200, 'the session ended');
    });

    await check('an administrator ends another session, and that officer sees the log-in', async () => {
        await chief.goto(`${state.pages}/console/#/officers`);
        await chief.getByRole('tab', { name: '登录会话' }).click();
        await chief.locator('tr', { hasText: '林副主管' }).first().getByRole('button', { name: '结束会话' }).click();
        await chief.waitForTimeout(500);
        await second.goto(`${state.pages}/console/#/dashboard`);
        await second.waitForSelector('#login');
    });

    await check('another passkey of an officer opens the same, and a dismissed officer has none', async () => {
        const [one, two] = administrators(state);
        const both = (id) => [one, two].map((folder) => signet(state, 'officer', 'approve', id, '--officer', folder)).at(-1);
        await chief.goto('about:blank');
        await chief.goto(`${state.pages}/console/#/officers`);
        await chief.getByRole('tab', { name: '在册人员' }).click();
        const id = (await api(chief, 'GET', '/officers')).json.officers.find((officer) => officer.person === `B-${stamp}-3`).officer_id;
        await chief.locator('tr', { hasText: `B-${stamp}-3` }).getByRole('button', { name: '增加凭证' }).click();
        const url = await chief.locator('.invitation').textContent();
        await chief.locator('dialog').getByRole('button', { name: '关闭' }).click();
        const page = await openPage(browser);
        await addAuthenticator(page);
        await page.goto(url);
        await page.click('#make');
        await page.waitForSelector('.notice.good');
        const found = (await api(chief, 'GET', '/officer-cases')).json.cases.find((row) => row.kind === 'enroll-credential' && row.officer_id === id);
        must(/is done/.test(both(found.id)), 'not enrolled');
        await logIn(state, page);
        must((await page.textContent('.who')) === '何初审', 'another name');
        const released = /case (\S+?):/.exec(signet(state, 'officer', 'release', id, '--officer', one))[1];
        must(/is done/.test(both(released)), 'not dismissed');
        await page.waitForTimeout(5500); // the register is kept for five seconds
        await page.goto(`${state.pages}/console/#/dashboard`);
        await page.waitForSelector('#login');
        await page.click('#login');
        await page.waitForSelector('.notice.bad');
        await page.context().close();
    });

    await check('the language switches at once and is remembered', async () => {
        await chief.click('.language');
        await chief.waitForSelector('text=Queue');
        must(await chief.evaluate(() => document.documentElement.lang) === 'en', 'lang stays');
        await chief.reload();
        await chief.waitForSelector('text=Queue');
        await chief.click('.language');
    });

    await check('the keys are told by one', async () => {
        await chief.goto(`${state.pages}/console/#/queue`);
        await chief.waitForSelector('.filters');
        await chief.keyboard.press('?');
        await chief.waitForSelector('dialog[open] .keys');
        await picture(chief, 'keys');
        await axe(chief, 'keys');
        await chief.keyboard.press('Escape');
    });

    await check('logging out ends the session', async () => {
        await chief.getByRole('button', { name: '退出' }).click();
        await chief.waitForSelector('#login');
        must((await api(chief, 'GET', '/session')).status === 401, 'it goes on');
    });

    await check('every page of the console has fewer than 150 kB of its own', async () => {
        const page = await openPage(browser);
        let size = await ownBytes(page, `${state.pages}/console/`);
        must(size > 20000 && size < 150000, `${size} octets`);
        await logIn(state, chief);
        for (const view of ['queue', 'search', 'dashboard', 'officers', 'calendar']) {
            await chief.goto('about:blank');
            size = await ownBytes(chief, `${state.pages}/console/#/${view}`);
            must(size > 20000 && size < 150000, `${view}: ${size} octets`);
        }
        assertClean(page);
        await page.context().close();
    });
} finally {
    await browser.close();
}
