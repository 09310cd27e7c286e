// Views of one page by the part after '#': "#/case/N20261124-000001?tab=papers".
// A view is a module whose default export is
//     async (main, {path: [...], query: URLSearchParams}) → cleanup or nothing

import { el, fill, problemBox } from './ui.js';

let table = {};
let main = null;
let leave = null;
let turn = 0;

export function here() {
    const text = decodeURI(location.hash.replace(/^#\/?/, ''));
    const [path, search = ''] = text.split('?');
    const parts = path.split('/').filter(Boolean).map(decodeURIComponent);
    return { name: parts[0] || '', path: parts.slice(1), query: new URLSearchParams(search) };
}

export function go(hash, { replace = false } = {}) {
    const target = `#/${hash.replace(/^#?\//, '')}`;
    if (replace)
        history.replaceState(null, '', target);
    else if (location.hash !== target) {
        location.hash = target;
        return;
    }
    show();
}

export async function show() {
    const mine = ++turn;
    const place = here();
    const load = table[place.name] || table[''];
    let view;
    if (typeof leave === 'function')
        leave();
    leave = null;
    main.setAttribute('aria-busy', 'true');
    try {
        view = await load(place);
        if (mine !== turn)
            return;
        const fresh = el('div.view');
        const cleanup = await view.default(fresh, place);
        if (mine !== turn) {
            if (typeof cleanup === 'function')
                cleanup();
            return;
        }
        leave = cleanup;
        fill(main, fresh);
        // For readers of the screen a new view is a new page.
        const heading = main.querySelector('h1');
        if (heading && !main.contains(document.activeElement)) {
            heading.tabIndex = -1;
            heading.focus({ preventScroll: true });
        }
        window.scrollTo(0, 0);
    } catch (error) {
        if (mine === turn)
            fill(main, problemBox(error));
    } finally {
        if (mine === turn) {
            main.removeAttribute('aria-busy');
            document.dispatchEvent(new CustomEvent('view', { detail: place }));
        }
    }
}

// routes(main, {'': () => import('./home.js'), 'case': () => import('./case.js')})
export function routes(element, views) {
    table = views;
    main = element;
    window.addEventListener('hashchange', show);
    return show();
}
