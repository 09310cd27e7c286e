// Names of officers, asked for once: histories and queues hold their ids.

import { get } from '/web/api.js';
import { el } from '/web/ui.js';

let all = null;

export async function officers() {
    all ??= get('/officers').then((answer) => answer.officers).catch(() => { all = null; return []; });
    return all;
}

export const forgetOfficers = () => { all = null; };

// A place for the name, filled when it is known.
export function officerName(id) {
    const node = el('span', id.length === 36 ? id.slice(0, 8) : id);
    officers().then((list) => {
        const one = list.find((officer) => officer.officer_id === id);
        if (one)
            node.textContent = one.name;
    });
    return node;
}
