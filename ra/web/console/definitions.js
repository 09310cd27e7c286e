// The definitions of the businesses (GET /v1/businesses), asked for once.

import { get } from '/web/api.js';
import { both, said } from '/web/i18n.js';

let all = null;

async function load() {
    const answer = await get('/businesses');
    return new Map((Array.isArray(answer) ? answer : answer.businesses).map((one) => [one.business, one]));
}

export async function definitionOf(business) {
    all ??= load();
    try {
        return (await all).get(business) || { fields: [], slots: [] };
    } catch {
        all = null; // asked again at the next case
        return { fields: [], slots: [] };
    }
}

const labelIn = (list, name) => {
    const one = (list || []).find((item) => (item.name ?? item.slot) === name);
    return one ? both(one.label) : said(() => name);
};

export const fieldLabel = (definition, name) => labelIn(definition.fields, name);
export const slotLabel = (definition, name) => labelIn(definition.slots, name);

// A value as people read it: the label of a choice, "1 / 2" of seals.
export function fieldValue(definition, name, value) {
    const field = (definition.fields || []).find((one) => one.name === name);
    const choice = field?.choices?.find((one) => one.value === value);
    if (choice)
        return both(choice.label);
    if (field?.type === 'flag')
        return said(() => (value === 'yes' ? '✓' : '—'));
    if (field?.type === 'seals') {
        try {
            const seals = typeof value === 'string' ? JSON.parse(value) : value;
            return seals.map((seal) => seal.name).join('；');
        } catch {
            return String(value);
        }
    }
    return value == null ? '' : String(value);
}
