-- Orders that a device completes, orders with another pending, holders who sign
-- for themselves, and passkeys (docs/architecture.md, "Messages").

ALTER TABLE ca.officer_role DROP CONSTRAINT officer_role_role_check;
ALTER TABLE ca.officer_role ADD CONSTRAINT officer_role_role_check CHECK (role IN (
    'business-administrator', 'first-reviewer', 'second-reviewer', 'maker',
    'intake-clerk', 'finance', 'kmc-operator', 'auditor', 'audit-administrator',
    'customer-service'));

-- passkey: the id is SHA-256 of its raw id, the data the canonical JSON of the
-- credential as it was enrolled.
ALTER TABLE ca.credential DROP CONSTRAINT credential_kind_check;
ALTER TABLE ca.credential ADD CONSTRAINT credential_kind_check CHECK (kind IN ('x509', 'passkey'));
ALTER TABLE ca.credential ADD CONSTRAINT credential_of_officer UNIQUE (officer_id, credential_id);

-- A holder decides by the certificate itself, which is no officer's credential.
ALTER TABLE ca.decision DROP CONSTRAINT decision_credential_id_fkey;
ALTER TABLE ca.decision ALTER COLUMN officer_id DROP NOT NULL;
ALTER TABLE ca.decision ADD FOREIGN KEY (officer_id, credential_id)
    REFERENCES ca.credential (officer_id, credential_id);
ALTER TABLE ca.decision ADD CHECK ((step = 'holder') = (officer_id IS NULL));
ALTER TABLE ca.decision DROP CONSTRAINT decision_verdict_check;
ALTER TABLE ca.decision ADD CONSTRAINT decision_verdict_check CHECK (verdict IN ('approve', 'reject'));
-- By passkey: what was signed is these, the statement's hash within.
ALTER TABLE ca.decision ADD authenticator_data bytea, ADD client_data bytea,
    ADD CHECK ((authenticator_data IS NULL) = (client_data IS NULL));

-- The request that the device brought: the same order with another is another.
ALTER TABLE ca.order ADD csr_sha256 bytea CHECK (octet_length(csr_sha256) = 32);
-- Of the order that waits while this one holds or releases: each is held for
-- once and released once, so that no decision counts twice.
ALTER TABLE ca.order ADD pending_digest bytea CHECK (octet_length(pending_digest) = 32);
CREATE UNIQUE INDEX order_pending ON ca.order (pending_digest, kind) WHERE pending_digest IS NOT NULL;
