// Who is not in front of a browser: the host platform, devices with their
// client, text messages, the clock. One Python beside the test, which has
// tests/sim/play.py at hand: `office`.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const sim = join(dirname(fileURLToPath(import.meta.url)), '..', 'sim');
const listener = `
import json, os, sys, traceback
sys.path.insert(0, sys.argv[1])
import play
office = play.Office(sys.argv[2], sys.argv[3])
kept = {}
answers = os.fdopen(3, "w")
for line in sys.stdin:
    scope = {"json": json, "os": os, "play": play, "office": office, "kept": kept, "out": None}
    try:
        exec(json.loads(line), scope)
        answer = {"out": scope["out"]}
    except Exception as e:
        answer = {"error": f"{e}", "status": getattr(e, "status", None), "trace": traceback.format_exc()}
    print(json.dumps(answer), file=answers, flush=True)
`;

export class Refused extends Error {}

export function openOffice(state) {
    const work = mkdtempSync(join(tmpdir(), 'signet-browser-devices-'));
    const python = spawn('python3', ['-c', listener, sim, state.dir, work], { stdio: ['pipe', 'ignore', 'inherit', 'pipe'] });
    const waiting = [];
    createInterface({ input: python.stdio[3] }).on('line', (line) => {
        const { resolve, reject } = waiting.shift();
        const answer = JSON.parse(line);
        if (answer.status)
            reject(new Refused(answer.error));
        else if (answer.error)
            reject(new Error(answer.trace));
        else
            resolve(answer.out);
    });
    python.on('exit', () => waiting.splice(0).forEach(({ reject }) => reject(new Error('the office has closed'))));
    // Runs lines of Python; what they leave in `out` comes back.
    const play = (lines) => new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        python.stdin.write(`${JSON.stringify(lines)}\n`);
    });
    const text = JSON.stringify;
    return {
        work,
        play,
        close: () => {
            python.stdin.end();
            rmSync(work, { recursive: true, force: true });
        },
        person: (unit) => play(`out = {"id": play.id_number(${unit}), "mobile": play.mobile(${unit})}`),
        unit: (account, unit, name) => play(`out = office.unit(${text(account)}, ${unit}${name ? `, ${text(name)}` : ''})`),
        // Where the platform sends the browser of this account.
        entrance: async (account, language) => (await play(
            `out = office.platform.post("/v1/platform/sessions", {"account": ${text(account)}, "language": ${text(language)}})`)).url,
        bind: (account, one) => play(
            `office.platform.post("/v1/platform/accounts/${account}/binding", ${text({ issuer: one.issuer, serial: one.serial })})`),
        messages: () => play('out = len(office.world.call("GET", "/sms"))'),
        // The newest code in a text message to this unit's handler about this case.
        code: (unit, pattern, { about = '', after = 0 } = {}) => play(
            `out = office.world.code_for(play.mobile(${unit}), r${text(pattern).replaceAll('\\\\', '\\')}, about=${text(about)}, after=${after})`),
        // A device as signet-key shows it to the maker's desk.
        present: (serial, number) => play(
            `device = office.device(${text(serial)})\ndevice.blank(${text(serial)})\nout = device.present(${text(number)})`),
        // A call of a device: device('SIM-1', 'prove("12345678")').
        device: (serial, call) => play(`out = office.device(${text(serial)}).${call}`),
        // The key management centre agrees to what waits for this account's keys.
        recovered: (account) => play(`import centre\nout = centre.Centre(office.state).recovered(${text(account)})`),
        bank: (path, how) => play(`out = office.world.call("POST", ${text(path)}, json.loads(${text(text(how))}))`),
        write: (name, lines) => play(`path = os.path.join(office.devices, ${text(name)})\nos.makedirs(office.devices, exist_ok=True)\nopen(path, "wb").write(${lines})\nout = path`),
        sql: (question) => execFileSync('psql', ['-At', state.SIGNET_PG, '-c', question], { encoding: 'utf8' }).trim(),
    };
}
