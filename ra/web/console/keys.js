// Keys of the console: which there are, and whether a person is writing.

import { say, words } from '/web/i18n.js';
import { dialog, el } from '/web/ui.js';

words({
    'keys.title': ['快捷键', 'Keys'],
    'keys.everywhere': ['任何页面', 'Everywhere'],
    'keys.queue': ['工作队列', 'Queue'],
    'keys.case': ['审核页', 'Review'],
    'keys.help': ['显示本说明', 'These keys'],
    'keys.search': ['查询', 'Search'],
    'keys.to-queue': ['回到队列', 'To the queue'],
    'keys.move': ['下一行、上一行', 'Next row, row before'],
    'keys.open': ['打开', 'Open'],
    'keys.approve': ['通过', 'Approve'],
    'keys.return': ['退回（要求补件）', 'Return, or ask for a supplement'],
    'keys.reject': ['拒绝', 'Reject'],
    'keys.next': ['下一件', 'Next case'],
    'keys.document': ['下一份、上一份资料', 'Next document, document before'],
    'keys.page': ['下一页、上一页', 'Next page, page before'],
    'keys.zoom': ['放大、缩小、适合宽度', 'Larger, smaller, whole width'],
    'keys.turn': ['旋转', 'Turn'],
});

const keys = [
    ['keys.everywhere', [['?', 'keys.help'], ['/', 'keys.search'], ['q', 'keys.to-queue']]],
    ['keys.queue', [['j k', 'keys.move'], ['Enter', 'keys.open']]],
    ['keys.case', [['a', 'keys.approve'], ['r', 'keys.return'], ['x', 'keys.reject'], ['n', 'keys.next'],
        ['j k', 'keys.document'], ['[ ]', 'keys.page'], ['+ - 0', 'keys.zoom'], ['t', 'keys.turn']]],
];

// Whether a key belongs to what a person writes, or to a dialog.
export function isTyping(event) {
    return event.ctrlKey || event.metaKey || event.altKey || event.isComposing || document.querySelector('dialog[open]') ||
        event.target.closest?.('input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]');
}

export const showKeys = () => dialog({
    title: say('keys.title'),
    cancel: say('ui.close'),
    body: el('div.keys', keys.map(([heading, rows]) => el('section', el('h3', say(heading)), el('dl',
        rows.map(([key, text]) => el('div', el('dt', key.split(' ').map((one) => el('kbd', one))), el('dd', say(text)))))))),
});
