-- The CA core. Instants are timestamptz in whole seconds.

CREATE TABLE ca.issuer (
    issuer_id   smallint    GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text        NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9-]{1,64}$'),
    state       text        NOT NULL CHECK (state IN ('planned', 'active', 'retired', 'crl-only')),
    is_root     boolean     NOT NULL,
    generation  integer     NOT NULL CHECK (generation >= 1),
    token       text        NOT NULL,  -- label of the PKCS#11 token
    key_id      bytea       NOT NULL,  -- CKA_ID
    key_type    text        NOT NULL,  -- hsm/scheme.h
    scheme      text        NOT NULL,  -- hsm/scheme.h
    subject     bytea       NOT NULL,  -- DER Name
    spki        bytea       NOT NULL,  -- DER SubjectPublicKeyInfo
    certificate bytea,                 -- DER; NULL while planned
    not_after   timestamptz,
    parent_id   smallint    REFERENCES ca.issuer,
    created_at  timestamptz NOT NULL
);

-- Certificates that tie two generations of a CA together (RFC 4210, 4.4).
CREATE TABLE ca.link_certificate (
    subject_id  smallint NOT NULL REFERENCES ca.issuer,
    signer_id   smallint NOT NULL REFERENCES ca.issuer,
    certificate bytea    NOT NULL,
    PRIMARY KEY (subject_id, signer_id)
);

CREATE TABLE ca.officer (
    officer_id uuid        PRIMARY KEY,
    name       text        NOT NULL,
    person     text        NOT NULL UNIQUE,  -- personnel number: one human being, one row
    state      text        NOT NULL CHECK (state IN ('active', 'dismissed')),
    since      timestamptz NOT NULL,
    until      timestamptz
);

CREATE TABLE ca.officer_role (
    officer_id uuid NOT NULL REFERENCES ca.officer,
    role       text NOT NULL CHECK (role IN (
        'business-administrator', 'first-reviewer', 'second-reviewer', 'maker',
        'intake-clerk', 'finance', 'kmc-operator', 'auditor', 'audit-administrator')),
    PRIMARY KEY (officer_id, role)
);

CREATE TABLE ca.credential (
    credential_id bytea       PRIMARY KEY,  -- x509: SHA-256 of the certificate
    officer_id    uuid        NOT NULL REFERENCES ca.officer,
    kind          text        NOT NULL CHECK (kind IN ('x509')),
    public_data   bytea       NOT NULL,     -- x509: the DER certificate
    state         text        NOT NULL CHECK (state IN ('active', 'revoked')),
    not_before    timestamptz NOT NULL,
    not_after     timestamptz NOT NULL
);

CREATE TABLE ca.order (
    order_id    uuid        PRIMARY KEY,
    digest      bytea       NOT NULL CHECK (octet_length(digest) = 32),
    kind        text        NOT NULL,
    body        bytea       NOT NULL,  -- canonical JSON of the order
    state       text        NOT NULL CHECK (state IN ('recorded', 'done', 'failed')),
    problem     text,                  -- why it failed
    requested_by text       NOT NULL,  -- the peer that sent it
    received_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX order_open ON ca.order (received_at) WHERE state = 'recorded';

CREATE TABLE ca.decision (
    order_id      uuid        NOT NULL REFERENCES ca.order,
    step          text        NOT NULL,
    officer_id    uuid        NOT NULL REFERENCES ca.officer,
    credential_id bytea       NOT NULL REFERENCES ca.credential,
    verdict       text        NOT NULL CHECK (verdict IN ('approve')),
    decided_at    timestamptz NOT NULL,
    statement     bytea       NOT NULL,  -- canonical JSON that was signed
    signature     bytea       NOT NULL,
    PRIMARY KEY (order_id, step),
    UNIQUE (order_id, officer_id)
);

CREATE TABLE ca.certificate (
    issuer_id    smallint    NOT NULL REFERENCES ca.issuer,
    serial       bytea       NOT NULL CHECK (octet_length(serial) = 16),
    order_id     uuid        NOT NULL REFERENCES ca.order,
    ordinal      smallint    NOT NULL DEFAULT 0,  -- of the order's certificates
    profile      text        NOT NULL,
    subject      bytea       NOT NULL,  -- DER Name
    subject_text text        NOT NULL,  -- RFC 4514, for people and searches
    spki_sha256  bytea       NOT NULL CHECK (octet_length(spki_sha256) = 32),
    account      text,                  -- of the applicant, if any
    tbs          bytea       NOT NULL,  -- DER TBSCertificate, before it is signed
    der          bytea,                 -- the certificate, once signed
    not_before   timestamptz NOT NULL,
    not_after    timestamptz NOT NULL,
    state        text        NOT NULL CHECK (state IN ('intended', 'valid', 'held', 'revoked', 'void')),
    reason       smallint,              -- CRLReason, RFC 5280, 5.3.1
    revoked_at   timestamptz,           -- or held since
    invalid_from timestamptz,           -- invalidity date, RFC 5280, 5.3.2
    predecessor  bytea,                 -- serial, under the same CA's name or another's
    predecessor_issuer_id smallint REFERENCES ca.issuer,
    status_index bigint,                -- index of the log entry of the last status change
    PRIMARY KEY (issuer_id, serial),
    UNIQUE (order_id, ordinal),
    CHECK ((state IN ('intended', 'void')) = (der IS NULL)),
    CHECK ((state IN ('held', 'revoked')) = (revoked_at IS NOT NULL)),
    CHECK (state <> 'held' OR reason = 6)
);
CREATE INDEX certificate_status_index ON ca.certificate (status_index);
CREATE INDEX certificate_key ON ca.certificate (spki_sha256);
CREATE INDEX certificate_subject ON ca.certificate (subject_text);
CREATE INDEX certificate_account ON ca.certificate (account) WHERE account IS NOT NULL;
CREATE INDEX certificate_revoked ON ca.certificate (issuer_id, serial) WHERE state IN ('held', 'revoked');
CREATE INDEX certificate_intended ON ca.certificate (order_id) WHERE state = 'intended';

-- The same table as ca-core/status.c has; a second lock on the same door.
CREATE TABLE ca.certificate_transition (
    from_state text,
    to_state   text,
    PRIMARY KEY (from_state, to_state)
);
INSERT INTO ca.certificate_transition VALUES
    ('intended', 'valid'), ('intended', 'void'),
    ('valid', 'held'), ('held', 'valid'),
    ('valid', 'revoked'), ('held', 'revoked'),
    ('revoked', 'revoked');  -- a later compromise raises the reason

CREATE FUNCTION ca.check_certificate_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.tbs <> NEW.tbs OR OLD.serial <> NEW.serial OR OLD.issuer_id <> NEW.issuer_id THEN
        RAISE EXCEPTION 'a certificate''s content never changes';
    END IF;
    IF OLD.der IS NOT NULL AND OLD.der IS DISTINCT FROM NEW.der THEN
        RAISE EXCEPTION 'a signed certificate never changes';
    END IF;
    IF (OLD.state <> NEW.state OR OLD.state = 'revoked') AND NOT EXISTS (
        SELECT FROM ca.certificate_transition
        WHERE from_state = OLD.state AND to_state = NEW.state) THEN
        RAISE EXCEPTION 'no transition from % to %', OLD.state, NEW.state;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER certificate_transition BEFORE UPDATE ON ca.certificate
    FOR EACH ROW EXECUTE FUNCTION ca.check_certificate_transition();

CREATE TABLE ca.blocked_key (
    spki_sha256 bytea       PRIMARY KEY CHECK (octet_length(spki_sha256) = 32),
    why         text        NOT NULL,
    order_id    uuid        REFERENCES ca.order,
    blocked_at  timestamptz NOT NULL
);

-- Keys of the OCSP responder's token that may be certified as delegated
-- signers. The certificates are rows of ca.certificate.
CREATE TABLE ca.ocsp_key (
    issuer_id smallint NOT NULL REFERENCES ca.issuer,
    key_id    bytea    NOT NULL,  -- CKA_ID in the OCSP token
    scheme    text     NOT NULL,
    spki      bytea    NOT NULL,
    state     text     NOT NULL CHECK (state IN ('active', 'retired')),
    PRIMARY KEY (issuer_id, key_id)
);

CREATE TABLE ca.log_key (
    key_id bytea    PRIMARY KEY,  -- CKA_ID in the CA token
    scheme text     NOT NULL,
    spki   bytea    NOT NULL,
    state  text     NOT NULL CHECK (state IN ('active', 'retired'))
);

CREATE TABLE ca.crl (
    issuer_id   smallint    NOT NULL REFERENCES ca.issuer,
    number      bigint      NOT NULL CHECK (number > 0),
    this_update timestamptz NOT NULL,
    next_update timestamptz NOT NULL,
    entries     bigint      NOT NULL,
    status_index bigint     NOT NULL,  -- every change below this one is in it
    sha256      bytea       NOT NULL CHECK (octet_length(sha256) = 32),  -- of the DER; before, of its TBS
    signed_at   timestamptz,           -- NULL: number taken, not signed
    der         bytea,                 -- NULL: not signed, or outlived
    PRIMARY KEY (issuer_id, number),
    CHECK (der IS NULL OR signed_at IS NOT NULL)
);

-- Singleton jobs: whoever holds the row does the work.
CREATE TABLE ca.lease (
    name   text        PRIMARY KEY,
    holder text        NOT NULL,
    until  timestamptz NOT NULL
);

GRANT SELECT ON ALL TABLES IN SCHEMA ca TO signet_ca;
GRANT INSERT, UPDATE ON ca.issuer, ca.link_certificate, ca.officer, ca.credential, ca.order,
    ca.ocsp_key, ca.log_key, ca.crl, ca.lease, ca.certificate TO signet_ca;
GRANT INSERT ON ca.decision, ca.blocked_key, ca.officer_role TO signet_ca;
GRANT DELETE ON ca.officer_role TO signet_ca;

-- The status service sees status, never applicants or orders.
GRANT SELECT ON ca.issuer, ca.crl, ca.ocsp_key, ca.link_certificate TO signet_ocsp;
GRANT SELECT (issuer_id, serial, profile, spki_sha256, der, not_before, not_after, state, reason,
    revoked_at, invalid_from, status_index) ON ca.certificate TO signet_ocsp;
