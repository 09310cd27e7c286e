// One case through the console: first review with a return, the device made and
// sent, originals noted, second review; each officer with a passkey of their
// own. Applicant, platform and courier are played by tests/sim.

import { api, assertClean, axe, check, must, newOfficer, picture, readState, startBrowser } from './lib.mjs';
import { openOffice } from './office.mjs';

const state = readState();
const unit = 100000 + Math.floor(Math.random() * 800000000);
const serial = `BR-${unit}`;

const browser = await startBrowser({ root: state.SIGNET_ROOT });
const office = openOffice(state);
let people = 0;
const officer = (name, roles) => newOfficer(state, browser, { name, person: `R-${unit}-${++people}`, roles });
let number;
let first;
let second;
let maker;
let clerk;

const open = async (page) => {
    await page.goto('about:blank');
    await page.goto(`${state.pages}/console/#/case/${number}`);
    await page.waitForSelector('.review');
};
const stateOf = async (page) => (await api(page, 'GET', `/cases/${number}`)).json.state;
const sign = async (page) => {
    await page.locator('dialog .actions button').last().click();
    await page.waitForSelector('.toast.good');
};

try {
    await check('a case that is paid waits in the first reviewer’s queue', async () => {
        number = await office.play(`
office.unit("browser-${unit}", ${unit})
applicant = play.Applicant(office, "browser-${unit}")
number = office.filed(applicant, "new", office.fields("new", ${unit}))
office.pay(applicant, number)
office.await_state(applicant, number, "first-review")
out = number`);
        first = await officer('吴初审', ['first-reviewer']);
        await first.goto(`${state.pages}/console/#/search?q=${number}`);
        await first.waitForSelector('.list tbody tr');
        await first.goto(`${state.pages}/console/#/queue`);
        await first.waitForSelector('.list tbody tr');
        await picture(first, 'real-queue');
        await axe(first, 'queue');
        assertClean(first);
    });

    await check('the review shows fields, findings and scans', async () => {
        await open(first);
        await first.waitForFunction(() => document.querySelector('.sheet img')?.naturalWidth > 100);
        must((await first.textContent('.left')).includes('周经办'), 'the handler is not there');
        await picture(first, 'real-review');
        await axe(first, 'review');
        await first.getByRole('tab', { name: '核对' }).click();
        must(await first.locator('.left input[type=checkbox]').count() > 3, 'no checklist');
        await picture(first, 'real-checklist');
        await first.getByRole('tab', { name: '经过' }).click();
        await first.waitForSelector('.timeline li');
        await picture(first, 'real-history');
        assertClean(first);
    });

    await check('returned with a reason, handed in again, then passed', async () => {
        await open(first);
        await first.keyboard.press('r');
        await first.fill('dialog textarea', '营业执照扫描件不清晰');
        await sign(first);
        must(await stateOf(first) === 'returned', await stateOf(first));
        await office.play(`
applicant = play.Applicant(office, "browser-${unit}")
assert applicant.case("${number}")["remark"] == "营业执照扫描件不清晰"
applicant.hand_in("${number}")`);
        await open(first);
        await first.getByRole('tab', { name: '核对' }).click();
        for (const box of await first.locator('.left input[type=checkbox]').all())
            await box.check();
        await first.keyboard.press('a');
        await sign(first);
        must(await stateOf(first) === 'awaiting-originals', await stateOf(first));
        assertClean(first);
    });

    await check('what is passed cannot be passed again', async () => {
        await open(first);
        must(await first.getByRole('button', { name: '通过' }).count() === 0, 'it can be passed twice');
    });

    await check('the maker allocates, personalises, signs and ships', async () => {
        maker = await officer('郑制证', ['maker']);
        const row = () => maker.locator('tr', { hasText: number });
        const visit = async () => {
            await maker.goto('about:blank');
            await maker.goto(`${state.pages}/console/#/making`);
            await maker.waitForSelector('tbody tr');
        };
        const last = () => maker.locator('dialog .actions button').last().click();
        await visit();
        await maker.getByRole('tab', { name: '介质库存' }).click();
        await maker.getByRole('button', { name: '入库' }).click();
        await maker.getByLabel('批次').fill('2026-11');
        await maker.getByLabel('型号').fill('SIM-KEY');
        await maker.getByLabel('序列号，每行一个').fill(serial);
        await last();
        await maker.waitForSelector('.toast.good');
        await visit();
        await picture(maker, 'real-making');
        await axe(maker, 'making');
        await row().getByRole('button', { name: '分配介质' }).click();
        await maker.locator('dialog input').fill(serial);
        await last();
        await row().getByRole('button', { name: '个人化' }).click();
        const made = await office.present(serial, number);
        await maker.locator('dialog textarea').fill(JSON.stringify(made));
        await last();
        await maker.waitForSelector('dialog .figure');
        must((await maker.textContent('dialog .figure')).length === 16, 'no PIN');
        await maker.keyboard.press('Escape');
        await row().getByRole('button', { name: '签名确认' }).click();
        await last();
        await maker.waitForSelector('dialog', { state: 'detached' });
        await row().waitFor();
        must(await row().getByRole('button', { name: '签名确认' }).count() === 0, 'to be signed for twice');
        await row().getByRole('button', { name: '登记寄出' }).click();
        await maker.getByLabel('运单号').fill(`SF${unit}`);
        await last();
        await maker.waitForSelector('dialog', { state: 'detached' });
        const device = (await api(maker, 'GET', `/cases/${number}/device`)).json;
        must(device.state === 'shipped' && device.is_signed, JSON.stringify(device));
        assertClean(maker);
    });

    await check('the intake clerk notes what came, a defect first, and signs when all is there', async () => {
        clerk = await officer('王收件', ['intake-clerk']);
        await clerk.goto(`${state.pages}/console/#/intake`);
        await clerk.fill('#code', number);
        await clerk.keyboard.press('Enter');
        await clerk.waitForSelector('.paper');
        const papers = await clerk.locator('.paper').count();
        for (let i = 0; i < papers; i++)
            await clerk.locator('.paper').nth(i).getByLabel(i === 0 ? '有缺陷' : '已收到，完好').check();
        await clerk.locator('.paper').first().getByLabel('缺陷说明').fill('公章不清');
        await clerk.getByRole('button', { name: '登记' }).click();
        await clerk.waitForSelector('.toast.good');
        await picture(clerk, 'real-intake');
        await axe(clerk, 'intake');
        await clerk.locator('.paper').first().getByLabel('已收到，完好').check();
        await clerk.getByRole('button', { name: '登记' }).click();
        await clerk.getByRole('button', { name: '资料齐全，签名收讫' }).click();
        await clerk.waitForFunction(() => document.querySelectorAll('.paper').length === 0);
        must(await stateOf(clerk) === 'second-review', await stateOf(clerk));
        assertClean(clerk);
    });

    await check('the second reviewer is another person, and passes', async () => {
        second = await officer('冯复审', ['second-reviewer']);
        await open(second);
        await picture(second, 'real-second-review');
        await second.keyboard.press('a');
        await sign(second);
        must(await stateOf(second) === 'activation-allowed', await stateOf(second));
        assertClean(second);
    });

    await check('the certificate that follows is shown with its state and chain', async () => {
        await office.play(`
applicant = play.Applicant(office, "browser-${unit}")
device = office.device("${serial}")
device.keep({"tries": 0, "admin_tries": 0, "admin": "unknown"})
office.activate(applicant, "${number}", device, play.mobile(${unit}))`);
        const one = (await api(second, 'GET', `/cases/${number}`)).json.certificate;
        await second.goto(`${state.pages}/console/#/certificate/${one.issuer}/${one.serial}`);
        await second.waitForSelector('.pem');
        await picture(second, 'real-certificate');
        await axe(second, 'certificate');
        await second.goto(`${state.pages}/console/#/search?q=${one.serial}`);
        await second.waitForSelector('.list tbody tr');
        assertClean(second);
    });

    await check('put aside, taken up again, assigned', async () => {
        number = await office.play(`
office.unit("browser-${unit}b", ${unit + 1})
applicant = play.Applicant(office, "browser-${unit}b")
number = office.filed(applicant, "new", office.fields("new", ${unit + 1}))
office.pay(applicant, number)
office.await_state(applicant, number, "first-review")
out = number`);
        await open(first);
        await first.getByRole('button', { name: '搁置' }).click();
        await first.locator('dialog input[type=datetime-local]').fill('2027-01-15T09:00');
        await first.getByLabel('原因').fill('等待工商核实');
        await first.locator('dialog .actions button').last().click();
        await first.getByRole('button', { name: '恢复办理' }).click();
        await first.getByRole('button', { name: '搁置' }).waitFor();
        await first.getByRole('button', { name: '分派' }).click();
        await first.locator('dialog .actions button').last().click();
        await first.waitForFunction(() => document.querySelector('.lead')?.textContent.includes('吴初审'));
        assertClean(first);
    });

    await check('two officers who decide at once: one decision counts, the other is told', async () => {
        const rival = await officer('褚初审', ['first-reviewer', 'finance']);
        await api(first, 'POST', `/cases/${number}/assign`, { officer_id: null });
        await open(first);
        await open(rival);
        await first.keyboard.press('a');
        await first.waitForSelector('dialog[open]');
        await rival.keyboard.press('a');
        await rival.waitForSelector('dialog[open]');
        await sign(first);
        await rival.locator('dialog .actions button').last().click();
        await rival.waitForSelector('dialog .problem');
        must(await stateOf(first) === 'awaiting-originals', await stateOf(first));
        await rival.keyboard.press('Escape');
        await rival.goto(`${state.pages}/console/#/finance`);
        for (const tab of ['退款', '对账']) {
            await rival.getByRole('tab', { name: tab }).click();
            await rival.waitForSelector('.panel .empty, .panel tbody tr');
        }
        assertClean(rival);
    });

    await check('customer service closes a case with a stamped statement, and not without', async () => {
        const service = await officer('卫客服', ['customer-service']);
        await open(service);
        await service.getByRole('button', { name: '关闭业务' }).click();
        await service.getByLabel('说明（申请人可见）').fill('单位名称填错，重新提交');
        await service.locator('dialog .actions button').last().click();
        must(await service.locator('dialog [aria-invalid=true]').count() === 1, 'closed without');
        const file = await office.write('statement.png', 'play.paper("statement")');
        await service.setInputFiles('dialog input[type=file]', file);
        await axe(service, 'close');
        await picture(service, 'real-close');
        await service.locator('dialog .actions button').last().click();
        await service.waitForSelector('dialog', { state: 'detached' });
        must(await stateOf(service) === 'closed', await stateOf(service));
        assertClean(service);
    });

    await check('dashboard and calendar answer', async () => {
        await first.goto(`${state.pages}/console/#/dashboard`);
        await first.waitForSelector('.chart');
        await picture(first, 'real-dashboard');
        const chief = await officer('蒋主管', ['business-administrator']);
        await chief.goto(`${state.pages}/console/#/calendar`);
        await chief.waitForSelector('.days button');
        await chief.locator('.days button').nth(5).click();
        await chief.getByLabel('说明').fill('测试调休');
        await chief.locator('dialog .actions button').last().click();
        await chief.waitForSelector('.days .special');
        await axe(chief, 'calendar');
        assertClean(chief);
        assertClean(first);
    });
} finally {
    await browser.close();
    office.close();
}
