// Passkeys (WebAuthn): making one, logging in with one, and signing a decision:
// the challenge is the SHA-256 of the statement's canonical JSON
// (docs/architecture.md, "The decision", "Passkeys").

// RFC 8785 for what we sign: objects, arrays, texts, integers, booleans.
export function canonical(value) {
    if (value === null || typeof value === 'boolean' || typeof value === 'string')
        return JSON.stringify(value);
    if (typeof value === 'number') {
        if (!Number.isSafeInteger(value))
            throw new TypeError('only integers are signed');
        return String(value);
    }
    if (Array.isArray(value))
        return `[${value.map(canonical).join(',')}]`;
    // The default order of sort() is that of UTF-16 code units, as RFC 8785, 3.2.3.
    return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
}

export const utf8 = (text) => new TextEncoder().encode(text);

export async function sha256(bytes) {
    return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}

export const hex = (bytes) => Array.from(bytes, (octet) => octet.toString(16).padStart(2, '0')).join('');

function base64(buffer) {
    let text = '';
    for (const octet of new Uint8Array(buffer))
        text += String.fromCharCode(octet);
    return btoa(text);
}

export const unbase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

export const isSupported = () => typeof PublicKeyCredential === 'function' && window.isSecureContext;

// Makes a passkey for an invitation: {rp_id, challenge (base64), user: {id
// (UUID), name}}. → what the server reads the credential from.
export async function makePasskey({ rp_id, challenge, user }) {
    const made = await navigator.credentials.create({
        publicKey: {
            rp: { id: rp_id, name: 'Signet' },
            user: { id: utf8(user.id), name: user.name, displayName: user.name },
            challenge: unbase64(challenge),
            pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: 'public-key', alg })),
            authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
            attestation: 'none',
            timeout: 120000,
        },
    });
    return {
        attestation_object: base64(made.response.attestationObject),
        client_data: base64(made.response.clientDataJSON),
    };
}

async function assertion(challenge, rpId, rawId) {
    const got = await navigator.credentials.get({
        publicKey: {
            challenge,
            rpId,
            allowCredentials: rawId ? [{ type: 'public-key', id: unbase64(rawId) }] : [],
            userVerification: 'required',
            timeout: 120000,
        },
    });
    return {
        credential_id: hex(await sha256(got.rawId)),
        authenticator_data: base64(got.response.authenticatorData),
        client_data: base64(got.response.clientDataJSON),
        signature: base64(got.response.signature),
    };
}

// The log-in's answer to {challenge (base64), rp_id}.
export const answerChallenge = ({ challenge, rp_id }) => assertion(unbase64(challenge), rp_id, null);

// Signs a statement (an object) with the passkey of this session.
export async function signStatement(statement, { rp_id, raw_id }) {
    return assertion(await sha256(utf8(canonical(statement))), rp_id, raw_id);
}

// An instant as statements carry it: whole seconds, UTC.
export const instant = (date = new Date()) => `${date.toISOString().slice(0, 19)}Z`;
