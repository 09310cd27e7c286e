// People in front of a browser: an applicant in the portal, officers in the
// console. They do what a person does: read, click, type.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { api, check, must, newOfficer, openPage } from './lib.mjs';


// Each step stands on those before it: after one that failed there are none.
export async function step(name, run) {
    await check(name, run);
    if (process.exitCode)
        throw new Error(`“${name}” failed; what stands on it was not tried`);
}

// Waits until `ask` gives something; its last answer when it never does.
export async function until(ask, { what = 'it', wait_s = 30 } = {}) {
    const end = Date.now() + wait_s * 1000;
    for (;;) {
        const answer = await ask();
        if (answer)
            return answer;
        if (Date.now() > end)
            throw new Error(`${what}: not within ${wait_s} s`);
        await new Promise((done) => setTimeout(done, 150));
    }
}

const spoken = {
    zh: {
        agree: '同意并继续', submit: '提交', handIn: '提交资料', next: '下一步', pay: '去支付', paid: '支付成功', transfer: '银行转账', online: '在线支付', again: '更改支付方式',
        code: '获取配对码', withdraw: '撤回', save: '保存草稿', edit: '修改填写信息', tracking: '填写快递单号', logOut: '退出', replace: '重新提交新业务',
        download: '下载签名证书', downloadEncryption: '下载加密证书', invoice: '下载发票', sendAgain: '没有收到激活短信？重新发送', keep: '保存',
    },
    en: {
        agree: 'Agree and continue', submit: 'Submit', handIn: 'Hand in', next: 'Next', pay: 'Pay now', paid: 'I have paid', transfer: 'Bank transfer', online: 'Online', again: 'Choose again',
        code: 'Get a code', withdraw: 'Withdraw', save: 'Keep the draft', edit: 'Change what was filled in', tracking: 'Give the tracking number', logOut: 'Log out', replace: 'File it again',
        download: 'Download the signing certificate', downloadEncryption: 'Download the encryption certificate', invoice: 'Download the invoice', sendAgain: 'No text message? Send it again', keep: 'Save',
    },
};

export class Applicant {
    static async enter(house, account, { language = 'zh', size = 'desktop' } = {}) {
        const page = await openPage(house.browser, { language, size });
        page.setDefaultTimeout(15000);
        await page.goto(await house.office.entrance(account, language));
        await page.waitForSelector('.offers');
        return new Applicant(house, account, page, language);
    }

    constructor(house, account, page, language) {
        Object.assign(this, { house, account, page, language, words: spoken[language] });
    }

    // A second tab of the same browser.
    async tab(hash = '') {
        const page = await this.page.context().newPage();
        page.wrongs = this.page.wrongs;
        page.on('pageerror', (error) => page.wrongs.push(String(error)));
        await page.goto(`${this.house.state.pages}/portal/#/${hash}`);
        return new Applicant(this.house, this.account, page, this.language);
    }

    // The platform opens the door again, in the same browser.
    async come() {
        await this.page.goto('about:blank');
        await this.page.goto(await this.house.office.entrance(this.account, this.language));
        await this.page.waitForSelector('.offers');
    }

    async close() { await this.page.context().close(); }

    button(name) { return this.page.getByRole('button', { name: this.words[name] || name, exact: true }); }

    async press(name) {
        await this.button(name).last().click();
    }

    async go(hash, selector) {
        await this.page.goto(`${this.house.state.pages}/portal/#/${hash}`);
        await this.page.waitForSelector(selector);
    }

    get number() { return /case\/([A-Z]?\d+-\d+)/.exec(this.page.url())?.[1]; }

    async see(number = this.number) {
        await this.page.goto('about:blank');
        await this.go(`case/${number}`, '.timeline');
    }

    // What the page says about where the case stands, when one looks at it again.
    async stands(state, { wait_s = 20 } = {}) {
        const { number } = this;
        await until(async () => (await api(this.page, 'GET', `/cases/${number}`)).json.state === state, { what: `${number} ${state}`, wait_s });
        await this.page.evaluate(() => window.dispatchEvent(new Event('focus')));
        await this.page.waitForSelector(`[data-state="${state}"]`);
    }

    async case(number = this.number) { return (await api(this.page, 'GET', `/cases/${number}`)).json; }

    // From the hall, through the notice, to the draft.
    async begin(business) {
        await this.go('', '.offers');
        await this.page.click(`.offer a[href="#/apply/${business}"]`);
        await this.page.waitForSelector('.narrow h1');
        for (const box of await this.page.locator('.narrow input[type=checkbox]').all())
            await box.check();
        await this.press('agree');
        await this.page.waitForSelector('form fieldset');
        return this.number;
    }

    // {name: value}: texts are typed, choices clicked.
    async write(values) {
        for (const [name, value] of Object.entries(values)) {
            const input = this.page.locator(`form [name="${name}"]`);
            const kind = await input.first().evaluate((node) => (node.tagName === 'SELECT' ? 'select' : node.type));
            if (kind === 'select')
                await input.selectOption(value);
            else if (kind === 'radio')
                await this.page.locator(`form [name="${name}"][value="${value}"]`).check();
            else if (kind === 'checkbox')
                await input.setChecked(value === 'yes');
            else
                await input.fill(value);
        }
    }

    async submit() {
        await this.button('submit').first().click();
        await this.page.locator('dialog').getByRole('button', { name: this.words.submit, exact: true }).click();
    }

    // Downloads each form; a scanner makes a picture of it.
    async scans() {
        const made = {};
        for (const button of await this.page.locator('button[data-form]').all()) {
            const kind = await button.getAttribute('data-form');
            const [file] = await Promise.all([this.page.waitForEvent('download'), button.click()]);
            const path = join(this.house.office.work, `${this.number}-${kind}.pdf`);
            writeFileSync(path, readFileSync(await file.path()));
            made[kind] = await this.house.office.write(`${this.number}-${kind}.png`, `play.scan_of_form(open(${JSON.stringify(path)}, "rb").read())`);
        }
        return made;
    }

    // One file into one slot, and what the page says about it.
    async upload(slot, path) {
        await this.page.evaluate(() => document.querySelectorAll('.toast').forEach((toast) => toast.remove()));
        await this.page.locator(`.slot[data-slot="${slot}"] input[type=file]`).setInputFiles(path);
        await this.page.waitForFunction(() => document.querySelector('.toast') && !document.querySelector('.slot progress'));
        return this.page.locator('.toast').last().textContent();
    }

    // All slots, each with its paper.
    async fillSlots({ again = false } = {}) {
        const scans = await this.scans();
        const one = await this.case();
        for (const slot of one.slots.filter((each) => each.is_wanted && (again || !each.document || each.form))) {
            const path = slot.form ? scans[slot.form]
                : await this.house.office.write(`${slot.slot}.png`, `play.paper(${JSON.stringify(this.number + slot.slot)})`);
            await this.upload(slot.slot, path);
            await this.page.waitForSelector(`.slot.filled[data-slot="${slot.slot}"]`);
        }
    }

    async handIn() { await this.press('handIn'); }

    // The invoice, then the way to the provider.
    async choosePayment(method = 'online') {
        await this.page.locator(`input[name=method][value=${method}]`).check();
        await this.press('next');
    }

    // On the provider's page, in a tab of its own: 'all', 'part', 'more', 'silent'.
    async payAt(how) {
        await this.page.waitForSelector('.pay a.button:not([hidden])');
        const [bank] = await Promise.all([this.page.context().waitForEvent('page'), this.page.locator('.pay a.button').click()]);
        await bank.click(`button[value=${how}]`);
        await bank.waitForSelector('[role=status]');
        await bank.close();
    }

    async pairingCode() {
        await this.press('code');
        return (await this.page.locator('p.code').textContent()).replace(/\s/g, '');
    }

    async seeRemark(text) {
        await this.page.waitForSelector('.notice');
        must((await this.page.locator('.notice').first().textContent()).includes(text), `the remark is not there: ${text}`);
    }
}

export class Officer {
    static async hire(house, name, roles, options = {}) {
        const page = await newOfficer(house.state, house.browser, { name, person: `B-${house.run}-${name}`, roles }, options);
        page.setDefaultTimeout(15000);
        return new Officer(house, page, options.language || 'zh');
    }

    constructor(house, page, language) {
        Object.assign(this, { house, page, language });
    }

    async go(hash, selector) {
        await this.page.goto('about:blank');
        await this.page.goto(`${this.house.state.pages}/console/#/${hash}`);
        await this.page.waitForSelector(selector);
    }

    async see(number) {
        await this.go(`case/${number}`, '.review');
        await this.page.waitForFunction(() => document.querySelector('.lead'));
    }

    async sign() {
        await this.page.locator('dialog .actions button').last().click();
        await this.page.waitForSelector('.toast.good, dialog .problem');
        const problem = this.page.locator('dialog .problem');
        if (await problem.count())
            throw new Error(await problem.textContent());
    }

    // verdict: 'approve' (a), 'return' or 'supplement' (r), 'reject' (x); by keys.
    async decide(number, verdict = 'approve', remark) {
        await this.see(number);
        await this.page.keyboard.press({ approve: 'a', return: 'r', supplement: 'r', reject: 'x' }[verdict]);
        await this.page.waitForSelector('dialog[open]');
        if (remark)
            await this.page.fill('dialog textarea', remark);
        await this.sign();
        return (await api(this.page, 'GET', `/cases/${number}`)).json.state;
    }
}
