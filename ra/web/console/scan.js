// Looking at scans: one picture at a time, larger, turned, page by page. The
// pictures are made by the server; nothing of an upload runs here.

import { say, words } from '/web/i18n.js';
import { button, el, fill } from '/web/ui.js';
import { octets } from '/web/words.js';

words({
    'scan.larger': ['放大', 'Larger'],
    'scan.smaller': ['缩小', 'Smaller'],
    'scan.fit': ['适合宽度', 'Whole width'],
    'scan.turn': ['旋转', 'Turn'],
    'scan.before': ['上一页', 'Page before'],
    'scan.after': ['下一页', 'Next page'],
    'scan.page': ['第 {page} / {count} 页', 'Page {page} of {count}'],
    'scan.original': ['下载原件', 'Original file'],
    'scan.none': ['没有上传的资料', 'No document has been uploaded'],
    'scan.missing': ['未上传', 'missing'],
    'scan.failed': ['图像无法显示', 'The picture cannot be shown'],
    'scan.viewer': ['资料图像，可用方向键滚动', 'Picture of the document; arrow keys scroll'],
    'scan.documents': ['资料', 'Documents'],
});

const STEP = 1.25;

// documents: [{slot, label, document: {page_count, file_name, len}}].
// onshow(slot) is called when another document is shown.
export function scanViewer(number, documents, onshow) {
    const shown = documents.filter((one) => one.document);
    let at = 0;
    let page = 1;
    let zoom = 1;
    let turn = 0;
    const image = el('img', { alt: '', draggable: 'false' });
    const sheet = el('div.sheet', image);
    const stage = el('div.stage', { tabindex: 0, role: 'group', 'aria-label': say('scan.viewer') }, sheet);
    const where = el('span.small', { 'aria-live': 'polite' });
    const failed = el('p.empty', { hidden: true }, say('scan.failed'));
    const original = el('a.small', { download: '' }, say('scan.original'));
    const tabs = el('div.tabs', { role: 'tablist', 'aria-label': say('scan.documents') });

    // The sheet takes the room that the turned picture needs; the picture is
    // turned about its middle.
    function place() {
        if (!image.naturalWidth)
            return;
        const isAcross = turn % 180 !== 0;
        const ratio = image.naturalHeight / image.naturalWidth;
        const room = stage.clientWidth - 2;
        const width = room * zoom;
        const across = isAcross ? width / ratio : width;
        sheet.style.width = `${width}px`;
        sheet.style.height = `${isAcross ? across : width * ratio}px`;
        image.style.width = `${isAcross ? across : width}px`;
        image.style.transform = `translate(-50%, -50%) rotate(${turn}deg)`;
    }

    function show() {
        const one = shown[at];
        if (!one)
            return;
        const path = `/v1/cases/${encodeURIComponent(number)}/documents/${encodeURIComponent(one.slot)}`;
        failed.hidden = true;
        image.src = `${path}/pages/${page}`;
        image.alt = `${one.label} ${page}/${one.document.page_count}`;
        original.href = path;
        original.title = `${one.document.file_name} · ${octets(one.document.len)}`;
        fill(where, say('scan.page', { page, count: one.document.page_count }));
        for (const tab of tabs.children) {
            const is = tab.dataset.slot === one.slot;
            tab.setAttribute('aria-selected', String(is));
            tab.tabIndex = is ? 0 : -1;
        }
        onshow?.(one.slot);
    }

    const enlarge = (factor) => {
        zoom = Math.min(8, Math.max(0.3, zoom * factor));
        place();
    };
    const acts = {
        larger: () => enlarge(STEP),
        smaller: () => enlarge(1 / STEP),
        fit: () => { zoom = 1; place(); },
        turn: () => { turn = (turn + 90) % 360; place(); },
        page: (step) => {
            const next = page + step;
            if (shown[at] && next >= 1 && next <= shown[at].document.page_count) {
                page = next;
                stage.scrollTo(0, 0);
                show();
            } else if (step > 0 && at + 1 < shown.length)
                acts.document(1);
        },
        document: (step) => acts.choose(shown[Math.min(shown.length - 1, Math.max(0, at + step))]?.slot),
        choose: (slot) => {
            const index = shown.findIndex((one) => one.slot === slot);
            if (index < 0)
                return;
            at = index;
            page = 1;
            turn = 0;
            stage.scrollTo(0, 0);
            show();
        },
    };

    image.addEventListener('load', place);
    image.addEventListener('error', () => { failed.hidden = false; });
    stage.addEventListener('wheel', (event) => {
        if (!event.ctrlKey && !event.shiftKey)
            return; // plain turning of the wheel scrolls
        event.preventDefault();
        enlarge(event.deltaY < 0 ? 1.1 : 1 / 1.1);
    }, { passive: false });

    // Dragging moves what is larger than the stage.
    let from = null;
    stage.addEventListener('pointerdown', (event) => {
        if (event.pointerType !== 'mouse' || event.button !== 0)
            return;
        from = { x: event.clientX + stage.scrollLeft, y: event.clientY + stage.scrollTop };
        stage.setPointerCapture(event.pointerId);
    });
    stage.addEventListener('pointermove', (event) => {
        if (from)
            stage.scrollTo(from.x - event.clientX, from.y - event.clientY);
    });
    stage.addEventListener('pointerup', () => { from = null; });
    const watch = new ResizeObserver(place);
    watch.observe(stage);

    for (const one of documents)
        tabs.append(el('button', {
            type: 'button', role: 'tab', dataset: { slot: one.slot }, disabled: !one.document, 'aria-selected': 'false',
            onclick: () => acts.choose(one.slot),
        }, one.label, !one.document && one.is_wanted && [' · ', say('scan.missing')]));
    const tool = (label, act, key) => button(label, act, { kind: 'small', key });
    const root = el('section.viewer', { 'aria-label': say('scan.documents') }, tabs,
        shown.length === 0 ? el('p.empty', say('scan.none')) : [
            el('div.scan-tools', tool(say('scan.smaller'), acts.smaller, '-'), tool(say('scan.larger'), acts.larger, '+'),
                tool(say('scan.fit'), acts.fit, '0'), tool(say('scan.turn'), acts.turn, 't'),
                tool(say('scan.before'), () => acts.page(-1), '['), tool(say('scan.after'), () => acts.page(1), ']'), where, original),
            failed, stage]);
    show();
    return { root, ...acts, slot: () => shown[at]?.slot, close: () => watch.disconnect() };
}
