// What browser tests share: Debian's Chromium that trusts the state's root,
// virtual authenticators, officers who log in, pictures, axe-core.
//
// SIGNET_STATE: a running state (DIR of ./signet up). Pictures go to the folder
// of SIGNET_PICTURES, if that is set.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const require = createRequire(import.meta.url);
export const pictures = process.env.SIGNET_PICTURES || '';

export const sizes = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

// DIR/env as an object.
export function readState(dir = process.env.SIGNET_STATE) {
    const state = { dir };
    for (const line of readFileSync(join(dir, 'env'), 'utf8').split('\n')) {
        const match = /^(\w+)='(.*)'$/.exec(line);
        if (match)
            state[match[1]] = match[2];
    }
    state.pages = state.SIGNET_PAGES_URL || state.SIGNET_RA_URL.replace('127.0.0.1', 'localhost');
    return state;
}

// A browser with a home of its own, in whose NSS database the root stands; no
// other is asked. root: PEM file, or nothing.
export async function startBrowser({ root } = {}) {
    const home = mkdtempSync(join(tmpdir(), 'signet-browser-'));
    const database = join(home, '.pki', 'nssdb');
    mkdirSync(database, { recursive: true });
    execFileSync('certutil', ['-d', `sql:${database}`, '-N', '--empty-password']);
    if (root)
        execFileSync('certutil', ['-d', `sql:${database}`, '-A', '-t', 'C,,', '-n', 'signet-root', '-i', root]);
    const browser = await chromium.launch({
        executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
        env: { ...process.env, HOME: home, XDG_DATA_HOME: join(home, '.local', 'share') },
        args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--font-render-hinting=none'],
    });
    const close = browser.close.bind(browser);
    browser.close = async () => {
        await close();
        rmSync(home, { recursive: true, force: true });
    };
    return browser;
}

// A person's browser: a context of its own, and a page that fails the test when
// a script fails or the policy refuses something. options: {language, size,
// userAgent, colour}.
export async function openPage(browser, { language = 'zh', size = 'desktop', userAgent, colour = 'light' } = {}) {
    const context = await browser.newContext({
        viewport: sizes[size], locale: language === 'zh' ? 'zh-CN' : 'en-GB', timezoneId: 'Asia/Shanghai',
        userAgent, colorScheme: colour, reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    page.wrongs = [];
    page.on('pageerror', (error) => page.wrongs.push(String(error)));
    page.on('console', (message) => {
        if (message.type() === 'error' && !/status of (4|503)/.test(message.text()))
            page.wrongs.push(message.text());
    });
    return page;
}

export function assertClean(page) {
    if (page.wrongs.length)
        throw new Error(`the page complained:\n${page.wrongs.join('\n')}`);
}

// An authenticator that keeps passkeys and says yes; it lasts as long as the
// page. → {credentials(), setVerified(bool), remove()}
export async function addAuthenticator(page) {
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('WebAuthn.enable', { enableUI: false });
    const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
        options: {
            protocol: 'ctap2', ctap2Version: 'ctap2_1', transport: 'internal', hasResidentKey: true,
            hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
        },
    });
    return {
        credentials: async () => (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
        add: (credential) => cdp.send('WebAuthn.addCredential', { authenticatorId, credential }),
        setVerified: (isUserVerified) => cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
        remove: () => cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId }),
    };
}

// ---- Officers ------------------------------------------------------------------

// The command line of the state, as ./signet would run it. SIGNET_PROGRAM names
// the program when it is not beside the state's signet.
export function signet(state, ...words) {
    const program = process.env.SIGNET_PROGRAM || join(process.env.SIGNET_BUILD || '', 'bin', 'signet');
    const direct = existsSync(program);
    return execFileSync(direct ? program : state.SIGNET, [...(direct ? ['--config', join(state.dir, 'signet.conf')] : ['--state', state.dir]), ...words],
        { encoding: 'utf8', env: { ...process.env, SOFTHSM2_CONF: join(state.dir, 'softhsm2.conf') } });
}

// Folders of the demonstration's administrators.
export function administrators(state) {
    return readdirSync(join(state.dir, 'officers')).filter((name) => name.includes('admin')).sort()
        .map((name) => join(state.dir, 'officers', name));
}

// Invites, makes the passkey in this page, approves with two certificates.
export async function enrollOfficer(state, page, { name, person, roles }) {
    const [first, second] = administrators(state);
    const invited = signet(state, 'officer', 'invite', name, '--person', person, '--roles', roles.join(','), '--officer', first);
    const id = /case (\S+)/.exec(invited)[1];
    const url = /https:\S+/.exec(invited)[0];
    await page.goto(url);
    await page.click('#make');
    await page.waitForSelector('.notice.good');
    signet(state, 'officer', 'approve', id, '--officer', first);
    const last = signet(state, 'officer', 'approve', id, '--officer', second);
    if (!/is done/.test(last))
        throw new Error(`not enrolled: ${last}`);
    return id;
}

// Logs in with the passkey that the page's authenticator holds.
export async function logIn(state, page) {
    await page.goto(`${state.pages}/console/`);
    await page.click('#login');
    await page.waitForSelector('.filters');
}

// A whole officer: page, authenticator, enrolment, log-in.
export async function newOfficer(state, browser, officer, options) {
    const page = await openPage(browser, options);
    page.authenticator = await addAuthenticator(page);
    await enrollOfficer(state, page, officer);
    await logIn(state, page);
    return page;
}

// A call of the API with the page's session, as the pages make them.
export async function api(page, method, path, body) {
    return page.evaluate(async ([how, where, what]) => {
        const session = await (await fetch('/v1/session')).json();
        const answer = await fetch(`/v1${where}`, {
            method: how,
            headers: { 'Content-Type': 'application/json', 'X-Signet-CSRF': session.csrf || '' },
            body: what === undefined ? undefined : JSON.stringify(what),
        });
        const text = await answer.text();
        let json = null;
        try { json = JSON.parse(text); } catch { /* a picture, a file */ }
        return { status: answer.status, json, text };
    }, [method, path, body]);
}

// ---- Looking ----------------------------------------------------------------------

export async function picture(page, name) {
    if (!pictures)
        return;
    mkdirSync(pictures, { recursive: true });
    await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: false });
}

// What axe-core finds serious or critical; throws when there is anything.
export async function axe(page, name) {
    // Not as a <script>: the policy would refuse it.
    await page.evaluate(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
    const { violations } = await page.evaluate(() => window.axe.run(document, {
        runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] },
    }));
    const serious = violations.filter((one) => ['serious', 'critical'].includes(one.impact));
    if (serious.length)
        throw new Error(`${name}: ${serious.map((one) => `${one.id}: ${one.help}\n${one.nodes.map((node) => `    ${node.html.slice(0, 160)} ${node.any[0]?.message || ''}`).join('\n')}`).join('\n')}`);
    return violations.length;
}

// Octets of the page itself that came from us: HTML, scripts, style.
export async function ownBytes(page, url) {
    const bodies = [];
    const count = (response) => {
        if (/\.(js|css|html|svg)$|\/$/.test(new URL(response.url()).pathname))
            bodies.push(response.body().catch(() => Buffer.alloc(0)));
    };
    page.on('response', count);
    await page.goto(url);
    await page.waitForSelector('main h1');
    await page.waitForLoadState('networkidle');
    page.off('response', count);
    return (await Promise.all(bodies)).reduce((sum, body) => sum + body.length, 0);
}

// ---- Telling ------------------------------------------------------------------------

export const must = (holds, what) => { if (!holds) throw new Error(what); };

let done = 0;
// check('a sentence', async () => {...}): one line each, as the other tests do.
export async function check(name, run) {
    try {
        await run();
        done++;
        console.log(`ok ${done} - ${name}`);
    } catch (error) {
        console.log(`not ok - ${name}\n${error.stack || error}`);
        process.exitCode = 1;
    }
}
