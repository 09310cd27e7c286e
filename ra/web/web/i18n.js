// Two languages, 中文 and English. A text is said, not written: what el() of
// ui.js is given as say(...) changes by itself when the language changes.

const KEPT = 'signet.language';
const dictionary = new Map();
const tags = { zh: 'zh-CN', en: 'en' };

function first() {
    let kept = null;
    try {
        kept = localStorage.getItem(KEPT);
    } catch { /* no storage: the browser's language it is */ }
    if (kept === 'zh' || kept === 'en')
        return kept;
    return (navigator.language || 'zh').toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

let now = first();
document.documentElement.lang = tags[now];

export const language = () => now;

// words({'queue.title': ['工作队列', 'Work queue'], ...}): adds to the one
// dictionary. Every page's module brings its own.
export function words(entries) {
    for (const [key, pair] of Object.entries(entries))
        dictionary.set(key, pair);
}

// The text now; {name} in it is replaced by values.name. An unknown key is its
// own text: seen at once, and harmless. A third text is the English one for n = 1.
export function t(key, values) {
    const texts = dictionary.get(key);
    const isOne = texts?.[2] && Number(values?.n) === 1;
    const text = texts ? texts[now === 'zh' ? 0 : isOne ? 2 : 1] : key;
    return values ? text.replace(/\{(\w+)\}/g, (all, name) => String(values[name] ?? all)) : text;
}

export const known = (key) => dictionary.has(key);

export class Said {
    constructor(make) { this.make = make; }
    toString() { return this.make(); }
}

// For el(): a text of the dictionary, of the server ({"zh", "en"}), or of a
// function that is called again when the language changes.
export const say = (key, values) => new Said(() => t(key, values));
export const both = (texts) => new Said(() => (texts ? texts[now] || texts.zh || texts.en || '' : ''));
export const said = (make) => new Said(make);
export const textNow = (text) => (text == null ? '' : String(text));

export function setLanguage(language) {
    if (!(language in tags) || language === now)
        return;
    now = language;
    try {
        localStorage.setItem(KEPT, now);
    } catch { /* then only until the page is left */ }
    document.documentElement.lang = tags[now];
    sayAgain(document);
    document.dispatchEvent(new CustomEvent('language', { detail: now }));
}

// Walks what stands on the page and says it in the present language.
function sayAgain(root) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        if (node.nodeType === Node.TEXT_NODE) {
            if (node.said)
                node.data = String(node.said);
        } else if (node.saidAttributes) {
            for (const [name, text] of node.saidAttributes)
                node.setAttribute(name, String(text));
        }
    }
    if (document.saidTitle)
        document.title = `${document.saidTitle} · Signet`;
}

export function title(text) {
    document.saidTitle = text;
    document.title = `${text} · Signet`;
}
