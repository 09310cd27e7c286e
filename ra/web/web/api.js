// Calls of the JSON API (docs/openapi.yaml) from a page: the session's cookie
// goes along by itself, the CSRF token by a header. What goes wrong is a
// Problem, whose message is fit to be shown.

import { language, t, words } from './i18n.js';

words({
    'problem.offline': ['连不上服务器。请检查网络后重试。', 'The server cannot be reached. Check the network and try again.'],
    'problem.400': ['填写的内容有误', 'Something in the request is not right'],
    'problem.401': ['登录已失效，请重新登录', 'You are not logged in any more; log in again'],
    'problem.403': ['没有权限办理此操作', 'You are not allowed to do this'],
    'problem.404': ['没有找到', 'Not found'],
    'problem.409': ['当前状态不允许此操作，请刷新后查看', 'The present state does not allow this; reload and look again'],
    'problem.413': ['文件过大', 'The file is too large'],
    'problem.415': ['文件类型不支持', 'This type of file is not taken'],
    'problem.429': ['操作过于频繁，请稍后再试', 'Too many attempts; try again in a little while'],
    'problem.500': ['服务器出错，请联系管理员', 'Something went wrong on the server; tell the administrator'],
    'problem.503': ['系统繁忙，请稍后重试', 'The system is busy; try again in a moment'],
    'problem.request': ['请求编号 {id}', 'Request {id}'],
});

export class Problem extends Error {
    constructor(status, document) {
        super(document?.detail || document?.title || `HTTP ${status}`);
        this.status = status;           // 0: no answer came
        this.detail = document?.detail; // the server's words
        this.requestId = document?.request_id;
        this.document = document || {};
    }

    // One line in the reader's language; the server's own words, where it has
    // any, stand in `detail`.
    get headline() {
        if (this.status === 0)
            return t('problem.offline');
        const known = [400, 401, 403, 404, 409, 413, 415, 429, 503];
        return t(`problem.${known.includes(this.status) ? this.status : 500}`);
    }

    // "NAME: 中文 / English" of the server says all, to a reader of either.
    get text() {
        const { detail } = this;
        const [, zh, en] = /^(?:\w+: )?(.*\p{Script=Han}.*?) \/ (.*)$/su.exec(detail || '') || [];
        if (zh)
            return language() === 'zh' ? zh : en;
        return detail ? `${this.headline}：${detail}`.replace('：', language() === 'zh' ? '：' : ': ') : this.headline;
    }
}

let session = null;          // the answer of GET /v1/session
let onLoggedOut = () => {};  // what a page does when the session has ended

export const currentSession = () => session;
export const whenLoggedOut = (act) => { onLoggedOut = act; };

async function read(response) {
    const type = response.headers.get('Content-Type') || '';
    if (response.status === 204)
        return null;
    if (type.includes('json'))
        return response.json();
    return response.blob();
}

// call('POST', '/cases', {...}) → the answer's JSON, or a Blob for other types.
// `body` may be a Blob or File, sent as it is. options: {signal, quiet}: quiet
// leaves a 401 to the caller.
export async function call(method, path, body, options = {}) {
    const headers = { Accept: 'application/json' };
    const init = { method, headers, credentials: 'same-origin', redirect: 'error', signal: options.signal };
    if (method !== 'GET' && method !== 'HEAD' && session?.csrf)
        headers['X-Signet-CSRF'] = session.csrf;
    if (body instanceof Blob) {
        headers['Content-Type'] = body.type || 'application/octet-stream';
        init.body = body;
    } else if (body !== undefined) {
        headers['Content-Type'] = 'application/json';
        init.body = JSON.stringify(body);
    }
    let response;
    try {
        response = await fetch(`/v1${path}`, init);
    } catch (error) {
        if (error.name === 'AbortError')
            throw error;
        throw new Problem(0, null);
    }
    let answer = null;
    try {
        answer = await read(response);
    } catch { /* an answer cut short */ }
    if (response.ok)
        return answer;
    const problem = new Problem(response.status, answer instanceof Blob ? null : answer);
    if (response.status === 401 && !options.quiet) {
        session = null;
        onLoggedOut();
    }
    throw problem;
}

export const get = (path, options) => call('GET', path, undefined, options);
export const post = (path, body = {}, options) => call('POST', path, body, options);
export const put = (path, body, options) => call('PUT', path, body, options);
export const del = (path, options) => call('DELETE', path, undefined, options);

// Reads the session; null when there is none.
export async function loadSession() {
    try {
        session = await call('GET', '/session', undefined, { quiet: true });
    } catch (problem) {
        if (problem.status !== 401)
            throw problem;
        session = null;
    }
    return session;
}

export async function logOut() {
    try {
        await call('DELETE', '/session', undefined, { quiet: true });
    } catch { /* it has ended already */ }
    session = null;
}

// '?a=1&b=2' of what is neither null nor ''.
export function query(values) {
    const parts = Object.entries(values).filter(([, value]) => value != null && value !== '');
    return parts.length ? `?${new URLSearchParams(parts)}` : '';
}
