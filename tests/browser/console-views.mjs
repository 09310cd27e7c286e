// Every view of the console, in both languages, both sizes, light and dark:
// axe-core, the keyboard, and the octets that are signed.

import { createHash } from 'node:crypto';
import { addAuthenticator, assertClean, axe, check, must, openPage, picture, startBrowser } from './lib.mjs';
import { officerId, openStage, order } from './stage.mjs';

const canonical = (value) => (value && typeof value === 'object' && !Array.isArray(value)
    ? `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`
    : Array.isArray(value) ? `[${value.map(canonical).join(',')}]` : JSON.stringify(value));
const digestOf = (value) => createHash('sha256').update(canonical(value)).digest('hex');

const stage = await openStage(digestOf);
const browser = await startBrowser();

const views = {
    'queue': ['#/queue', '.list tbody tr'],
    'review': ['#/case/N20261124-000001', '.sheet img'],
    'change': ['#/case/N20261124-000002', '.changes'],
    'search': ['#/search?q=杭州', '.list tbody tr'],
    'certificate': ['#/certificate/issuing-1/01a2b3c4d5e6f708192a3b4c5d6e7f80', '.pem'],
    'making': ['#/making', 'tbody tr'],
    'intake': ['#/intake?code=C20261124-000002', '.paper'],
    'finance': ['#/finance', '.fields'],
    'dashboard': ['#/dashboard', '.chart'],
    'calendar': ['#/calendar', '.days'],
    'officers': ['#/officers', 'tbody tr'],
};

async function visit(page, name) {
    const [hash, selector] = views[name];
    await page.goto(`${stage.url}/console/${hash}`);
    await page.waitForSelector(selector, { state: 'attached' });
    await page.waitForLoadState('networkidle');
}

// Nothing sticks out of a phone's width.
async function fits(page, name) {
    const [room, content] = await page.evaluate(() => [document.documentElement.clientWidth, document.documentElement.scrollWidth]);
    must(content <= room, `${name} is ${content} wide in ${room}`);
}

try {
    for (const [name] of Object.entries(views))
        await check(`${name}: accessible in both languages and sizes, light and dark`, async () => {
            for (const [language, size, colour] of [['zh', 'desktop', 'light'], ['en', 'desktop', 'dark'], ['zh', 'phone', 'dark'], ['en', 'phone', 'light']]) {
                const page = await openPage(browser, { language, size, colour });
                await visit(page, name);
                await picture(page, `${name}-${language}-${size}`);
                await axe(page, `${name} ${language} ${size} ${colour}`);
                await fits(page, `${name} ${language} ${size}`);
                must(!/undefined|\[object|NaN/.test(await page.textContent('main')), `${name}: something has no name`);
                for (const tab of await page.locator('.tabbed .tabs [role=tab]').all()) {
                    await tab.click();
                    await page.waitForLoadState('networkidle');
                    await axe(page, `${name} ${await tab.textContent()}`);
                    await picture(page, `${name}-${(await tab.textContent()).replace(/\W+/gu, '')}-${language}-${size}`);
                    must(!/undefined|\[object|NaN/.test(await page.textContent('main')), `${name}: something has no name`);
                }
                assertClean(page);
                await page.context().close();
            }
        });

    await check('a view whose call fails says so, with the request to tell', async () => {
        const page = await openPage(browser);
        await page.goto(`${stage.url}/console/#/certificate/issuing-1/ff`);
        await page.waitForSelector('.problem');
        must((await page.textContent('.problem')).includes('abc'), 'no request id');
        await axe(page, 'problem');
        await page.context().close();
    });

    await check('the queue is walked and opened by keys', async () => {
        const page = await openPage(browser);
        await visit(page, 'queue');
        await page.keyboard.press('j');
        await page.keyboard.press('j');
        await page.keyboard.press('k');
        await page.keyboard.press('Enter');
        await page.waitForSelector('.review');
        must(page.url().includes('N20261124-000001'), page.url());
        await page.keyboard.press('q');
        await page.waitForSelector('.filters');
        await page.context().close();
    });

    await check('scans are enlarged, turned and paged by keys', async () => {
        const page = await openPage(browser);
        await visit(page, 'review');
        const width = () => page.evaluate(() => parseFloat(document.querySelector('.sheet').style.width));
        const before = await width();
        await page.keyboard.press('+');
        must(await width() > before, 'not larger');
        await page.keyboard.press('-');
        await page.keyboard.press('0');
        must(Math.abs(await width() - before) < 1, 'not as before');
        await page.keyboard.press('t');
        must(/rotate\(90deg\)/.test(await page.evaluate(() => document.querySelector('.sheet img').style.transform)), 'not turned');
        await page.keyboard.press(']');
        must((await page.getAttribute('.sheet img', 'src')).endsWith('/pages/2'), 'not the next page');
        await page.keyboard.press('j');
        must((await page.getAttribute('.sheet img', 'src')).includes('seal-form/pages/1'), 'not the next document');
        await picture(page, 'scan-turned');
        await page.context().close();
    });

    await check('what is signed is the canonical statement over the order that is shown', async () => {
        const page = await openPage(browser);
        await addAuthenticator(page);
        await visit(page, 'review');
        await page.evaluate(async () => {
            const { makePasskey } = await import('/web/passkey.js');
            await makePasskey({ rp_id: 'localhost', challenge: btoa('0123456789abcdef'), user: { id: '1', name: '何' } });
        });
        stage.posted.length = 0;
        await page.keyboard.press('a');
        await page.waitForSelector('dialog[open]');
        await picture(page, 'review-approve');
        await axe(page, 'approve');
        await page.locator('dialog .actions button').last().click();
        await page.waitForSelector('.toast.good');
        const { body } = stage.posted.find((one) => one.path.endsWith('/decisions'));
        const statement = { decided_at: body.decided_at, digest: digestOf(order), officer_id: officerId, order_id: order.order_id, step: 'first-review', verdict: 'approve' };
        const client = JSON.parse(Buffer.from(body.client_data, 'base64').toString());
        must(client.type === 'webauthn.get', client.type);
        must(client.challenge === createHash('sha256').update(canonical(statement)).digest('base64url'), 'another challenge');
        must(/^[0-9a-f]{64}$/.test(body.credential_id) && body.signature && body.authenticator_data, 'incomplete');
        assertClean(page);
        await page.context().close();
    });

    await check('a return needs a reason, takes the remarks of fields, and signs them', async () => {
        const page = await openPage(browser);
        await addAuthenticator(page);
        await visit(page, 'review');
        await page.evaluate(async () => {
            const { makePasskey } = await import('/web/passkey.js');
            await makePasskey({ rp_id: 'localhost', challenge: btoa('0123456789abcdef'), user: { id: '1', name: '何' } });
        });
        await page.locator('.pen').nth(1).click();
        await page.keyboard.type('与执照不一致');
        await page.locator('h1').click();
        stage.posted.length = 0;
        await page.keyboard.press('r');
        await page.waitForSelector('dialog[open] textarea');
        must((await page.inputValue('dialog textarea')).includes('与执照不一致'), 'the remark is not there');
        await page.fill('dialog textarea', '');
        await page.locator('dialog .actions button').last().click();
        must(stage.posted.length === 0 && await page.locator('dialog [aria-invalid=true]').count() === 1, 'sent without a reason');
        await page.fill('dialog textarea', '请更正');
        await picture(page, 'review-return');
        await axe(page, 'return');
        await page.locator('dialog .actions button').last().click();
        await page.waitForSelector('.toast.good');
        const { body } = stage.posted.find((one) => one.path.endsWith('/decisions'));
        const statement = { decided_at: body.decided_at, digest: digestOf(order), officer_id: officerId, order_id: order.order_id, remark: '请更正', step: 'first-review', verdict: 'return' };
        must(JSON.parse(Buffer.from(body.client_data, 'base64').toString()).challenge === createHash('sha256').update(canonical(statement)).digest('base64url'), 'another challenge');
        must(body.remarks.uscc === '与执照不一致', 'the remark of the field is lost');
        await page.context().close();
    });

    await check('an order that does not have the digest it is told with is not signed', async () => {
        const page = await openPage(browser);
        await addAuthenticator(page);
        const right = stage.table.case;
        stage.table.case = (number) => ({ ...right(number), order: { ...order, validity: { rule: 'years', years: 5 } } });
        await visit(page, 'review');
        stage.posted.length = 0;
        await page.keyboard.press('a');
        await page.locator('dialog .actions button').last().click();
        await page.waitForSelector('dialog .problem');
        must(stage.posted.length === 0, 'it was sent');
        stage.table.case = right;
        await page.context().close();
    });

    await check('what an applicant wrote stays text', async () => {
        const page = await openPage(browser);
        const right = stage.table.case;
        stage.table.case = (number) => ({ ...right(number), unit_name: '<img src=x onerror="document.title=1">', remark: '<script>alert(1)</script>' });
        await visit(page, 'review');
        must((await page.textContent('h1')).startsWith('<img'), 'it became an element');
        must(await page.locator('main script').count() === 0, 'a script');
        stage.table.case = right;
        assertClean(page);
        await page.context().close();
    });

    await check('a session that has ended leads to the log-in', async () => {
        const page = await openPage(browser);
        await visit(page, 'queue');
        const right = stage.table['GET /session'];
        stage.table['GET /session'] = null;
        stage.table['GET /dashboard'] = null;
        await page.goto(`${stage.url}/console/#/dashboard`);
        await page.waitForSelector('#login');
        stage.table['GET /session'] = right;
        await page.context().close();
    });
} finally {
    await browser.close();
    stage.close();
}
