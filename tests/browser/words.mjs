// Every text of the pages is there in both languages, and every state, event,
// business and role that the server names has a word.

import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check } from './lib.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const read = (path) => readFileSync(join(root, path), 'utf8');
const modules = ['web', 'portal', 'console'].flatMap((folder) => readdirSync(join(root, 'ra', 'web', folder))
    .filter((name) => name.endsWith('.js')).map((name) => ({ name: `${folder}/${name}`, folder, text: read(`ra/web/${folder}/${name}`) })));
const must = (wrongs, what) => { if (wrongs.length) throw new Error(`${what}: ${wrongs.join(', ')}`); };

// What words({...}) says: 'key': ['中文', 'English'], and a third text for one.
const entry = /^\s*'([\w.-]+)': \[\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"),\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"),?(?:\s*(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"),?)?\s*\]/gm;
const said = new Map();
for (const one of modules)
    for (const [, key, zh, en] of one.text.matchAll(entry)) {
        said.set(key, { zh: zh.slice(1, -1), en: en.slice(1, -1), where: one });
        (one.words ??= new Set()).add(key);
    }

// A module and all that it has loaded before it runs.
function loaded(name, found = new Set()) {
    const one = modules.find((each) => each.name === name);
    if (!one || found.has(one))
        return found;
    found.add(one);
    for (const [, path] of one.text.matchAll(/^import\b[^;]*?'([^']+\.js)';/gm))
        loaded(path.startsWith('/') ? path.slice(1) : `${one.folder}/${path.slice(2)}`, found);
    return found;
}

await check('every word is there in both languages, each in its own', async () => {
    must([...said].filter(([, { zh, en }]) => !zh || !en).map(([key]) => key), 'empty');
    must([...said].filter(([key, { en }]) => /\p{Script=Han}/u.test(en) && !['ui.language'].includes(key)).map(([key]) => key), 'English in 中文');
    const fields = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort().join();
    must([...said].filter(([, { zh, en }]) => fields(zh) !== fields(en)).map(([key]) => key), 'not the same values');
});

await check('every word that a page says is there, whichever view is the first', async () => {
    const missing = [];
    for (const one of modules.filter(({ folder }) => folder !== 'web')) {
        const here = [...loaded(`${one.folder}/main.js`), ...loaded(one.name)];
        for (const { name, text } of here)
            for (const [, key] of text.matchAll(/\b(?:say|t|title)\('([\w-]+\.[\w.-]+)'/g))
                if (!here.some(({ words }) => words?.has(key)))
                    missing.push(`${key} (${name} in ${one.name})`);
    }
    must(missing, 'missing');
});

await check('what the server names has a word', async () => {
    const names = (table) => [...new RegExp(`${table}\\[[A-Z_]*\\] = \\{([^;]*)\\};`).exec(read('ra/case.c'))[1].matchAll(/"([a-z-]+)"/g)].map((match) => match[1]);
    must(names('state_names').filter((name) => !said.has(`state.${name}`)), 'states');
    must(names('business_names').filter((name) => !said.has(`business.${name}`)), 'businesses');
    must(names('event_names').filter((name) => !said.has(`event.${name}`)), 'events');
    must(names('actor_names').filter((name) => !said.has(`role.${name}`)), 'actors');
    const roles = [.../role_names\[[A-Z_]*\] = \{([^;]*)\};/.exec(read('ca-core/api.c'))[1].matchAll(/"([a-z-]+)"/g)].map((match) => match[1]);
    must(roles.filter((name) => !said.has(`role.${name}`)), 'roles');
});

await check('nothing is inline, and nothing becomes markup', async () => {
    must(modules.filter((one) => /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/.test(one.text)).map((one) => one.name), 'markup of text');
    for (const folder of ['portal', 'console']) {
        const html = read(`ra/web/${folder}/index.html`);
        if (/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/.test(html))
            throw new Error(`${folder}/index.html has something inline`);
    }
});
