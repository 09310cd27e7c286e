// Forms to print and documents to upload: one file for each slot, looked at by
// the server, shown as the server's own pictures.

import { call, del, get } from '/web/api.js';
import { button, dialog, download, el, fill, notice, toast, toastError } from '/web/ui.js';
import { both, say, words } from '/web/i18n.js';
import { octets } from '/web/words.js';

words({
    'documents.forms': ['一、下载申请表', '1. Download the form'],
    'documents.forms.text': ['打印后由经办人手写签名、填写日期，并加盖单位实体公章。', 'Print it; the handler signs by hand and fills in the date; stamp it with the unit’s seal.'],
    'documents.form.certificate': ['《机构数字证书申请表》', 'Application form for the certificate'],
    'documents.form.seal': ['《电子印章申请表》', 'Application form for the seal'],
    'documents.form.unlock': ['《解锁申请表》', 'Unlock form'],
    'documents.form.revocation': ['《注销申请表》', 'Revocation form'],
    'documents.form.recovery': ['《密钥恢复申请表》', 'Key recovery form'],
    'documents.upload': ['二、逐一上传扫描件', '2. Upload the scans one by one'],
    'documents.upload.text': ['彩色扫描，PDF、JPEG 或 PNG，一份资料一个文件，请不要把所有资料扫描在一份文件内。', 'Scanned in colour, as PDF, JPEG or PNG: one file for each document, never all in one.'],
    'documents.choose': ['选择文件', 'Choose a file'],
    'documents.replace': ['重新上传', 'Replace'],
    'documents.remove': ['删除', 'Remove'],
    'documents.view': ['查看', 'View'],
    'documents.optional': ['选填', 'optional'],
    'documents.pages': ['{n} 页', '{n} pages', '{n} page'],
    'documents.page': ['第 {n} 页', 'Page {n}'],
    'documents.busy': ['正在上传和检查…', 'Uploading and checking …'],
    'documents.got': ['已上传', 'Uploaded'],
    'documents.void': ['申请表上的内容有修改，原申请表已作废：请下载新的申请表，重新签字、盖章并上传。', 'What is printed on the form has changed and the earlier form is void: download the new one, sign, stamp and upload it.'],
});

export function formsPanel(one, definition) {
    const kinds = [...new Set(one.slots.filter((slot) => slot.is_wanted && slot.form).map((slot) => slot.form))];
    if (!kinds.length)
        return null;
    return el('section.card', el('h2', say('documents.forms')), el('p', say('documents.forms.text')),
        one.forms.some((form) => !form.is_current) && one.slots.some((slot) => slot.is_wanted && slot.form && !slot.document) && notice('warn', say('documents.void')),
        el('div.actions', kinds.map((kind) => button(say(`documents.form.${kind}`), async () =>
            download(await get(`/cases/${one.number}/forms/${kind}`), `${one.number}-${kind}-r${one.revision}.pdf`),
        { kind: 'primary', 'data-form': kind }))), definition.forms_note && el('p', both(definition.forms_note)));
}

async function preview(number, slot, label) {
    const pages = [];
    for (let page = 1; page <= slot.document.page_count; page++)
        pages.push(el('figure', el('img', {
            src: `/v1/cases/${number}/documents/${slot.slot}/pages/${page}`, alt: say('documents.page', { n: page }), loading: 'lazy',
        })));
    await dialog({ title: label, body: el('div.preview', pages), wide: true, cancel: say('ui.close') });
}

function slotBox(one, slot, definition, isOpen, reload) {
    const about = definition.slots.find((each) => each.slot === slot.slot) || { label: { zh: slot.slot, en: slot.slot } };
    const label = both(about.label);
    const busy = el('p.small', { role: 'status' });
    const input = el('input.hidden', { type: 'file', accept: '.pdf,.jpg,.jpeg,.png,application/pdf,image/jpeg,image/png', tabindex: -1, 'aria-label': label });
    const box = el('section.slot', { class: slot.document ? 'filled' : '', 'data-slot': slot.slot });
    const send = async (file) => {
        fill(busy, say('documents.busy'), el('progress'));
        try {
            await call('PUT', `/cases/${one.number}/documents/${slot.slot}?name=${encodeURIComponent(file.name.slice(0, 200))}`, file);
            toast(say('documents.got'), 'good');
            await reload();
        } catch (error) {
            fill(busy);
            toastError(error);
        }
    };
    input.addEventListener('change', () => input.files[0] && send(input.files[0]));
    if (isOpen) {
        box.addEventListener('dragover', (event) => { event.preventDefault(); box.classList.add('over'); });
        box.addEventListener('dragleave', () => box.classList.remove('over'));
        box.addEventListener('drop', (event) => {
            event.preventDefault();
            box.classList.remove('over');
            if (event.dataTransfer.files[0])
                send(event.dataTransfer.files[0]);
        });
    }
    const view = slot.document && (() => preview(one.number, slot, label));
    fill(box, view
        ? button([el('img', { src: `/v1/cases/${one.number}/documents/${slot.slot}/pages/1`, alt: '' }), el('span.hidden', say('documents.view'), ' ', label)], view, { kind: 'thumb' })
        : el('div.thumb', { 'aria-hidden': 'true' }, '＋'),
    el('div', el('h3', label, !slot.is_required && el('span.dim.small', ' (', say('documents.optional'), ')')),
        about.help && el('p.small.dim', both(about.help)),
        slot.document && el('p.small', slot.document.file_name, ' · ', octets(slot.document.len), ' · ', say('documents.pages', { n: slot.document.page_count })),
        isOpen && el('div.actions', button(slot.document ? say('documents.replace') : say('documents.choose'), () => input.click(), { kind: slot.document ? 'small' : 'small primary' }),
            slot.document && button(say('documents.remove'), async () => {
                await del(`/cases/${one.number}/documents/${slot.slot}`);
                await reload();
            }, { kind: 'quiet small' })), input, busy));
    return box;
}

export function slotsPanel(one, definition, isOpen, reload) {
    const wanted = one.slots.filter((slot) => slot.is_wanted && definition.slots.some((each) => each.slot === slot.slot));
    if (!wanted.length)
        return null;
    return el('section.card', el('h2', say('documents.upload')), isOpen && el('p', say('documents.upload.text')),
        wanted.map((slot) => slotBox(one, slot, definition, isOpen, reload)));
}
