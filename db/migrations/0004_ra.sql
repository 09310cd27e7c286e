-- The registration authority: who applied for what, what was decided, and what
-- came of it. Instants are timestamptz in whole seconds.

CREATE TABLE ra.account (
    account    text        PRIMARY KEY CHECK (account ~ '^[a-z0-9][a-z0-9._-]{2,63}$'),
    token_hash bytea       NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),  -- SHA-256 of the bearer token
    created_by uuid        NOT NULL,  -- officer
    created_at timestamptz NOT NULL
);

-- The way of an application. ra/application.c has the same table with events
-- and actors; this is a second lock on the same door.
CREATE TABLE ra.application_transition (
    from_state text,
    to_state   text,
    PRIMARY KEY (from_state, to_state)
);
INSERT INTO ra.application_transition VALUES
    ('draft', 'submitted'), ('draft', 'withdrawn'),
    ('submitted', 'entered'), ('submitted', 'returned'), ('submitted', 'withdrawn'),
    ('entered', 'first-passed'), ('entered', 'returned'), ('entered', 'rejected'), ('entered', 'withdrawn'),
    ('first-passed', 'issuing'), ('first-passed', 'returned'), ('first-passed', 'rejected'),
    ('first-passed', 'withdrawn'),
    ('returned', 'submitted'), ('returned', 'withdrawn'),
    ('issuing', 'issued'), ('issuing', 'returned');  -- the latter: the CA refused the order

CREATE SEQUENCE ra.application_number;

CREATE TABLE ra.application (
    number       text        PRIMARY KEY CHECK (number ~ '^[A-Z][0-9]{8}-[0-9]{6,}$'),
    account      text        NOT NULL REFERENCES ra.account,
    state        text        NOT NULL CHECK (state IN ('draft', 'submitted', 'entered', 'first-passed',
                                 'issuing', 'issued', 'returned', 'rejected', 'withdrawn')),
    revision     integer     NOT NULL DEFAULT 1 CHECK (revision >= 1),  -- grows with every edit
    years        smallint    NOT NULL CHECK (years BETWEEN 1 AND 5),    -- domain.md, 1.2
    csr          bytea       NOT NULL,  -- DER PKCS #10
    order_id     uuid        UNIQUE,    -- of this revision, from its submission on
    order_body   bytea,                 -- canonical JSON (RFC 8785)
    order_digest bytea       CHECK (octet_length(order_digest) = 32),
    created_at   timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    send_at      timestamptz,           -- while issuing: when the order is to be sent (again)
    send_count   integer     NOT NULL DEFAULT 0,
    send_problem text,                  -- why the last sending was not answered
    CHECK ((order_id IS NULL) = (order_body IS NULL) AND (order_id IS NULL) = (order_digest IS NULL)),
    CHECK (state IN ('draft', 'returned', 'withdrawn') OR order_id IS NOT NULL),
    CHECK ((state = 'issuing') = (send_at IS NOT NULL))
);
CREATE INDEX application_by_state ON ra.application (state, number);
CREATE INDEX application_by_account ON ra.application (account, number);
CREATE INDEX application_to_send ON ra.application (send_at) WHERE state = 'issuing';
-- One open business for each account (domain.md, 1.8 #20).
CREATE UNIQUE INDEX application_open ON ra.application (account)
    WHERE state NOT IN ('issued', 'rejected', 'withdrawn');

-- The applicant's record, as it is applied for.
CREATE TABLE ra.applicant (
    number           text PRIMARY KEY REFERENCES ra.application,
    unit_name        text NOT NULL,
    uscc             text NOT NULL,  -- GB 32100-2015
    kind             text NOT NULL CHECK (kind IN ('company', 'law-firm', 'other')),
    country          text NOT NULL,
    province         text NOT NULL,
    locality         text NOT NULL,
    street           text NOT NULL,
    handler_name     text NOT NULL,
    handler_person   text NOT NULL,  -- compared with the officers' persons: nobody decides on their own
    handler_mobile   text NOT NULL,
    handler_email    text
);

-- Every transition, chained: body holds the hash of the one before it, so a
-- history that was altered or cut does not add up (domain.md, 1.9 #10).
CREATE TABLE ra.history (
    number text        NOT NULL REFERENCES ra.application,
    seq    integer     NOT NULL CHECK (seq >= 1),
    at     timestamptz NOT NULL,
    body   bytea       NOT NULL,  -- canonical JSON
    hash   bytea       NOT NULL CHECK (octet_length(hash) = 32),  -- SHA-256 of body
    PRIMARY KEY (number, seq)
);

CREATE TABLE ra.decision (
    number        text        NOT NULL REFERENCES ra.application,
    revision      integer     NOT NULL,
    step          text        NOT NULL CHECK (step IN ('entry', 'first-review', 'second-review')),
    officer_id    uuid        NOT NULL,
    person        text        NOT NULL,
    credential_id bytea       NOT NULL CHECK (octet_length(credential_id) = 32),
    verdict       text        NOT NULL CHECK (verdict IN ('approve', 'return', 'reject')),
    decided_at    timestamptz NOT NULL,
    statement     bytea       NOT NULL,  -- canonical JSON that was signed
    signature     bytea       NOT NULL,
    PRIMARY KEY (number, revision, step),
    -- Who entered never reviews; first and second reviewer are two people.
    UNIQUE (number, revision, officer_id),
    UNIQUE (number, revision, person)
);

CREATE TABLE ra.certificate (
    number     text        PRIMARY KEY REFERENCES ra.application,
    issuer     text        NOT NULL,
    serial     bytea       NOT NULL CHECK (octet_length(serial) = 16),
    der        bytea       NOT NULL,
    issuer_der bytea       NOT NULL,  -- the issuing CA's certificate: the chain that is handed out
    stored_at  timestamptz NOT NULL,
    UNIQUE (issuer, serial)
);

CREATE FUNCTION ra.check_application() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.number <> NEW.number OR OLD.account <> NEW.account THEN
        RAISE EXCEPTION 'an application keeps its number and account';
    END IF;
    IF OLD.state <> NEW.state AND NOT EXISTS (
        SELECT FROM ra.application_transition WHERE from_state = OLD.state AND to_state = NEW.state) THEN
        RAISE EXCEPTION 'no transition from % to %', OLD.state, NEW.state;
    END IF;
    -- Locked after submission (domain.md, 1.9 #7). A returned one may bring
    -- another request; its years stay.
    IF (OLD.csr <> NEW.csr AND OLD.state NOT IN ('draft', 'returned')) OR
       (OLD.years <> NEW.years AND OLD.state <> 'draft') THEN
        RAISE EXCEPTION 'this field is locked in state %', OLD.state;
    END IF;
    IF OLD.order_id IS DISTINCT FROM NEW.order_id AND OLD.state NOT IN ('draft', 'returned') OR
       OLD.order_id = NEW.order_id AND OLD.order_body <> NEW.order_body THEN
        RAISE EXCEPTION 'an order is made at submission and never changes';
    END IF;
    IF NEW.state = 'issuing' AND OLD.state <> 'issuing' AND (
        SELECT count(DISTINCT person) FROM ra.decision
        WHERE number = NEW.number AND revision = NEW.revision AND verdict = 'approve') <> 3 THEN
        RAISE EXCEPTION 'an order goes out with the decisions of three people';
    END IF;
    IF NEW.state = 'issued' AND NOT EXISTS (
        SELECT FROM ra.certificate WHERE number = NEW.number) THEN
        RAISE EXCEPTION 'issued means that the certificate is here';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER application_check BEFORE UPDATE ON ra.application
    FOR EACH ROW EXECUTE FUNCTION ra.check_application();

CREATE FUNCTION ra.check_applicant() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    now_in text;
BEGIN
    SELECT state INTO STRICT now_in FROM ra.application WHERE number = OLD.number;
    IF now_in = 'draft' THEN
        RETURN NEW;
    END IF;
    -- Returned for correction: domicile and e-mail only (domain.md, 1.8 #9).
    IF now_in <> 'returned' OR
       (OLD.number, OLD.unit_name, OLD.uscc, OLD.kind, OLD.handler_name, OLD.handler_person, OLD.handler_mobile)
       IS DISTINCT FROM
       (NEW.number, NEW.unit_name, NEW.uscc, NEW.kind, NEW.handler_name, NEW.handler_person, NEW.handler_mobile) THEN
        RAISE EXCEPTION 'this field is locked in state %', now_in;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER applicant_check BEFORE UPDATE ON ra.applicant
    FOR EACH ROW EXECUTE FUNCTION ra.check_applicant();

-- Decisions, histories and certificates are only ever added.
GRANT SELECT, INSERT ON ra.account, ra.application, ra.applicant, ra.history, ra.decision, ra.certificate
    TO signet_ra;
GRANT SELECT ON ra.application_transition TO signet_ra;
GRANT UPDATE ON ra.application, ra.applicant TO signet_ra;
GRANT USAGE ON SEQUENCE ra.application_number TO signet_ra;
