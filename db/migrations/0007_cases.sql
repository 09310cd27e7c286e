-- The business of the registration authority: cases of seven kinds, with their
-- fields, papers, payments, devices, parcels and notices (domain.md, 1).
-- Instants are timestamptz in whole seconds; money is in fen 分; what is
-- "sealed" is AES-256-GCM under a data key (ra/vault.h).

-- ---- The shortest form of one business, which cases replace ------------------

DROP TABLE ra.certificate, ra.decision, ra.history, ra.applicant, ra.application, ra.application_transition;
DROP SEQUENCE ra.application_number;
DROP FUNCTION ra.check_application(), ra.check_applicant();

-- ---- Accounts and their records ---------------------------------------------

-- Provisioned by the host platform; such an account has no token of its own.
ALTER TABLE ra.account ALTER COLUMN token_hash DROP NOT NULL;
ALTER TABLE ra.account ALTER COLUMN created_by DROP NOT NULL;

-- The unit as the host platform knows it: read-only for applicants (1.2).
CREATE TABLE ra.unit (
    account    text        PRIMARY KEY REFERENCES ra.account,
    revision   integer     NOT NULL CHECK (revision >= 1),
    unit_name  text        NOT NULL,
    uscc       text        NOT NULL,  -- GB 32100-2015
    kind       text        NOT NULL CHECK (kind IN ('company', 'law-firm', 'other')),
    country    text        NOT NULL,
    province   text        NOT NULL,
    locality   text        NOT NULL,
    street     text        NOT NULL,
    language   text        NOT NULL DEFAULT 'zh' CHECK (language IN ('zh', 'en')),
    changed_at timestamptz NOT NULL
);
CREATE INDEX unit_by_name ON ra.unit (unit_name);
CREATE INDEX unit_by_uscc ON ra.unit (uscc);

-- Data keys, wrapped by a key of the token (hsm.h). Never deleted.
CREATE TABLE ra.data_key (
    id         integer     PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    kek_id     bytea       NOT NULL,  -- CKA_ID of the wrapping key
    wrapped    bytea       NOT NULL,  -- RFC 5649
    made_at    timestamptz NOT NULL
);

-- Every look at personal data or scans by an officer.
CREATE TABLE ra.look (
    id         bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at         timestamptz NOT NULL,
    officer_id uuid        NOT NULL,
    number     text        NOT NULL,
    what       text        NOT NULL   -- 'fields', 'document:business-licence:1', ...
);
CREATE INDEX look_by_number ON ra.look (number, id);

-- ---- Holders' certificates ----------------------------------------------------

-- One row a certificate; `pair` counts 1 (signing) and 2 (encryption) of one order.
CREATE TABLE ra.holder_certificate (
    issuer       text        NOT NULL,
    serial       bytea       NOT NULL CHECK (octet_length(serial) = 16),
    pair         smallint    NOT NULL DEFAULT 1 CHECK (pair IN (1, 2)),
    number       text        NOT NULL,  -- the case that issued it
    account      text        NOT NULL REFERENCES ra.account,
    device       text,                  -- serial number of the USB key
    der          bytea       NOT NULL,
    issuer_der   bytea       NOT NULL,
    spki_sha256  bytea       NOT NULL CHECK (octet_length(spki_sha256) = 32),
    state        text        NOT NULL CHECK (state IN ('valid', 'held', 'revoked')),
    reason       text,                  -- RFC 5280 name, while revoked
    not_before   timestamptz NOT NULL,
    not_after    timestamptz NOT NULL,
    bound_at     timestamptz,           -- 绑定, by the host platform
    stored_at    timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    -- Handler of record 经办人 (1.8 #13): of the last completed business of this
    -- certificate whose handler was reviewed.
    handler_case text,
    reminded     smallint    NOT NULL DEFAULT 0,  -- expiry reminders sent
    looked_at    timestamptz NOT NULL DEFAULT to_timestamp(0),  -- at its state in the CA core
    PRIMARY KEY (issuer, serial),
    UNIQUE (number, pair)
);
CREATE INDEX holder_certificate_by_account ON ra.holder_certificate (account, not_after);
CREATE INDEX holder_certificate_by_end ON ra.holder_certificate (not_after) WHERE state <> 'revoked';
CREATE INDEX holder_certificate_by_look ON ra.holder_certificate (looked_at) WHERE state <> 'revoked';
CREATE INDEX holder_certificate_by_device ON ra.holder_certificate (device);
CREATE INDEX holder_certificate_by_serial ON ra.holder_certificate (serial);

-- ---- Cases --------------------------------------------------------------------

CREATE SEQUENCE ra.case_number;

CREATE TABLE ra.case_file (
    number       text        PRIMARY KEY CHECK (number ~ '^[NWICSUR][0-9]{8}-[0-9]{6,}$'),
    business     text        NOT NULL CHECK (business IN
                             ('new', 'renew', 'reissue', 'change', 'seal', 'unlock', 'revoke')),
    account      text        NOT NULL REFERENCES ra.account,
    state        text        NOT NULL,
    revision     integer     NOT NULL DEFAULT 1 CHECK (revision >= 1),  -- what was printed on the form
    unit_name    text        NOT NULL,  -- copies of the fields, for lists and search
    uscc         text        NOT NULL,
    language     text        NOT NULL DEFAULT 'zh',
    notice_version text,                -- 供应商须知 accepted
    notice_at    timestamptz,
    predecessor_issuer text,            -- the certificate that the business is about
    predecessor_serial bytea,
    device       text,                  -- USB key of the case, once known
    order_id     uuid        UNIQUE,    -- the order that officers sign, of this revision
    order_body   bytea,                 -- canonical JSON (RFC 8785)
    order_digest bytea       CHECK (octet_length(order_digest) = 32),
    replaces     text        REFERENCES ra.case_file,  -- closed for correction, filed anew (1.2)
    assigned_to  uuid,                  -- officer who works on it
    held_by      uuid,                  -- officer who put it aside, until
    held_until   timestamptz,
    is_sample    boolean     NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL,
    submitted_at timestamptz,
    changed_at   timestamptz NOT NULL,  -- of the state
    deadline_at  timestamptz,           -- when the timer of this state acts
    completed_at timestamptz,           -- 办结 (1.8 #11)
    CHECK ((order_id IS NULL) = (order_body IS NULL) AND (order_id IS NULL) = (order_digest IS NULL)),
    CHECK ((predecessor_issuer IS NULL) = (predecessor_serial IS NULL))
);
-- What the queue walks: db/sql_ra_read.h.
CREATE INDEX case_file_by_state ON ra.case_file (state, business, changed_at, number);
CREATE INDEX case_file_by_account ON ra.case_file (account, number);
CREATE INDEX case_file_by_unit ON ra.case_file (unit_name text_pattern_ops);  -- search by the beginning
CREATE INDEX case_file_by_uscc ON ra.case_file (uscc);
CREATE INDEX case_file_by_device ON ra.case_file (device);
CREATE INDEX case_file_by_predecessor ON ra.case_file (predecessor_serial) WHERE predecessor_serial IS NOT NULL;
CREATE INDEX case_file_by_deadline ON ra.case_file (deadline_at) WHERE deadline_at IS NOT NULL;
CREATE INDEX case_file_completed ON ra.case_file (completed_at);
CREATE INDEX case_file_by_hold ON ra.case_file (held_until) WHERE held_until IS NOT NULL;
-- One open business that touches certificates for each account; unlock runs
-- beside it (1.8 #20).
CREATE UNIQUE INDEX case_file_open ON ra.case_file (account)
    WHERE business <> 'unlock' AND state NOT IN
    ('activated', 'bound', 'installed', 'revoked', 'rejected', 'closed');
CREATE UNIQUE INDEX case_file_open_unlock ON ra.case_file (account)
    WHERE business = 'unlock' AND state NOT IN ('done', 'failed', 'rejected', 'closed');

-- The way of a case, from ra/case.c: a second lock on the same door. The rows
-- are written by `signet db migrate` from 0007 alone; tests compare them.
CREATE TABLE ra.case_transition (
    business   text,
    from_state text,
    to_state   text,
    PRIMARY KEY (business, from_state, to_state)
);
INSERT INTO ra.case_transition VALUES
    ('new', 'draft', 'form-ready'),
    ('new', 'draft', 'closed'),
    ('new', 'form-ready', 'awaiting-payment'),
    ('new', 'form-ready', 'first-review'),
    ('new', 'form-ready', 'closed'),
    ('new', 'awaiting-payment', 'first-review'),
    ('new', 'awaiting-payment', 'closed'),
    ('new', 'first-review', 'returned'),
    ('new', 'first-review', 'awaiting-originals'),
    ('new', 'first-review', 'rejected'),
    ('new', 'first-review', 'closed'),
    ('new', 'returned', 'form-ready'),
    ('new', 'returned', 'first-review'),
    ('new', 'returned', 'closed'),
    ('new', 'awaiting-originals', 'second-review'),
    ('new', 'awaiting-originals', 'closed'),
    ('new', 'second-review', 'supplement'),
    ('new', 'second-review', 'activation-allowed'),
    ('new', 'second-review', 'rejected'),
    ('new', 'second-review', 'closed'),
    ('new', 'supplement', 'second-review'),
    ('new', 'supplement', 'closed'),
    ('new', 'activation-allowed', 'issuing'),
    ('new', 'activation-allowed', 'closed'),
    ('new', 'issuing', 'activation-allowed'),
    ('new', 'issuing', 'activated'),
    ('new', 'activated', 'bound'),
    ('new', 'bound', 'activated'),
    ('renew', 'draft', 'submitted'),
    ('renew', 'draft', 'closed'),
    ('renew', 'submitted', 'awaiting-payment'),
    ('renew', 'submitted', 'issuing'),
    ('renew', 'submitted', 'closed'),
    ('renew', 'awaiting-payment', 'issuing'),
    ('renew', 'awaiting-payment', 'closed'),
    ('renew', 'issuing', 'issue-failed'),
    ('renew', 'issuing', 'issued'),
    ('renew', 'issue-failed', 'issuing'),
    ('renew', 'issue-failed', 'closed'),
    ('renew', 'issued', 'installed'),
    ('reissue', 'draft', 'form-ready'),
    ('reissue', 'draft', 'closed'),
    ('reissue', 'form-ready', 'awaiting-payment'),
    ('reissue', 'form-ready', 'first-review'),
    ('reissue', 'form-ready', 'closed'),
    ('reissue', 'awaiting-payment', 'first-review'),
    ('reissue', 'awaiting-payment', 'closed'),
    ('reissue', 'first-review', 'returned'),
    ('reissue', 'first-review', 'awaiting-originals'),
    ('reissue', 'first-review', 'rejected'),
    ('reissue', 'first-review', 'closed'),
    ('reissue', 'returned', 'form-ready'),
    ('reissue', 'returned', 'first-review'),
    ('reissue', 'returned', 'closed'),
    ('reissue', 'awaiting-originals', 'second-review'),
    ('reissue', 'awaiting-originals', 'closed'),
    ('reissue', 'second-review', 'supplement'),
    ('reissue', 'second-review', 'activation-allowed'),
    ('reissue', 'second-review', 'rejected'),
    ('reissue', 'second-review', 'closed'),
    ('reissue', 'supplement', 'second-review'),
    ('reissue', 'supplement', 'closed'),
    ('reissue', 'activation-allowed', 'issuing'),
    ('reissue', 'activation-allowed', 'closed'),
    ('reissue', 'issuing', 'activation-allowed'),
    ('reissue', 'issuing', 'activated'),
    ('reissue', 'activated', 'bound'),
    ('reissue', 'bound', 'activated'),
    ('change', 'draft', 'form-ready'),
    ('change', 'draft', 'closed'),
    ('change', 'form-ready', 'awaiting-payment'),
    ('change', 'form-ready', 'first-review'),
    ('change', 'form-ready', 'closed'),
    ('change', 'awaiting-payment', 'first-review'),
    ('change', 'awaiting-payment', 'closed'),
    ('change', 'first-review', 'returned'),
    ('change', 'first-review', 'awaiting-originals'),
    ('change', 'first-review', 'rejected'),
    ('change', 'first-review', 'closed'),
    ('change', 'returned', 'form-ready'),
    ('change', 'returned', 'first-review'),
    ('change', 'returned', 'closed'),
    ('change', 'awaiting-originals', 'second-review'),
    ('change', 'awaiting-originals', 'closed'),
    ('change', 'second-review', 'supplement'),
    ('change', 'second-review', 'activation-allowed'),
    ('change', 'second-review', 'rejected'),
    ('change', 'second-review', 'closed'),
    ('change', 'supplement', 'second-review'),
    ('change', 'supplement', 'closed'),
    ('change', 'activation-allowed', 'issuing'),
    ('change', 'activation-allowed', 'closed'),
    ('change', 'issuing', 'activation-allowed'),
    ('change', 'issuing', 'activated'),
    ('change', 'activated', 'bound'),
    ('change', 'bound', 'activated'),
    ('seal', 'draft', 'form-ready'),
    ('seal', 'draft', 'closed'),
    ('seal', 'form-ready', 'in-review'),
    ('seal', 'form-ready', 'closed'),
    ('seal', 'returned', 'form-ready'),
    ('seal', 'returned', 'in-review'),
    ('seal', 'returned', 'closed'),
    ('seal', 'in-review', 'returned'),
    ('seal', 'in-review', 'seal-approved'),
    ('seal', 'in-review', 'rejected'),
    ('seal', 'in-review', 'closed'),
    ('seal', 'seal-approved', 'seal-signed'),
    ('seal', 'seal-approved', 'closed'),
    ('seal', 'seal-signed', 'installed'),
    ('seal', 'seal-signed', 'closed'),
    ('unlock', 'draft', 'form-ready'),
    ('unlock', 'draft', 'approved'),
    ('unlock', 'draft', 'closed'),
    ('unlock', 'form-ready', 'in-review'),
    ('unlock', 'form-ready', 'closed'),
    ('unlock', 'returned', 'form-ready'),
    ('unlock', 'returned', 'in-review'),
    ('unlock', 'returned', 'closed'),
    ('unlock', 'in-review', 'returned'),
    ('unlock', 'in-review', 'approved'),
    ('unlock', 'in-review', 'rejected'),
    ('unlock', 'in-review', 'closed'),
    ('unlock', 'approved', 'code-sent'),
    ('unlock', 'approved', 'closed'),
    ('unlock', 'code-sent', 'code-verified'),
    ('unlock', 'code-sent', 'closed'),
    ('unlock', 'code-verified', 'done'),
    ('unlock', 'code-verified', 'failed'),
    ('revoke', 'draft', 'form-ready'),
    ('revoke', 'draft', 'closed'),
    ('revoke', 'form-ready', 'awaiting-payment'),
    ('revoke', 'form-ready', 'first-review'),
    ('revoke', 'form-ready', 'closed'),
    ('revoke', 'awaiting-payment', 'first-review'),
    ('revoke', 'awaiting-payment', 'closed'),
    ('revoke', 'first-review', 'returned'),
    ('revoke', 'first-review', 'awaiting-originals'),
    ('revoke', 'first-review', 'rejected'),
    ('revoke', 'first-review', 'closed'),
    ('revoke', 'returned', 'form-ready'),
    ('revoke', 'returned', 'first-review'),
    ('revoke', 'returned', 'closed'),
    ('revoke', 'awaiting-originals', 'second-review'),
    ('revoke', 'awaiting-originals', 'closed'),
    ('revoke', 'second-review', 'supplement'),
    ('revoke', 'second-review', 'revoking'),
    ('revoke', 'second-review', 'rejected'),
    ('revoke', 'second-review', 'closed'),
    ('revoke', 'supplement', 'second-review'),
    ('revoke', 'supplement', 'closed'),
    ('revoke', 'revoking', 'second-review'),
    ('revoke', 'revoking', 'revoked');

CREATE TABLE ra.case_field (
    number    text    NOT NULL REFERENCES ra.case_file,
    name      text    NOT NULL,          -- of the business definition
    value     text,                      -- NULL when sealed
    sealed    bytea,                     -- personal data
    blind     bytea,                     -- HMAC for exact search of personal data
    is_locked boolean NOT NULL,          -- from submission on (1.8 #9)
    PRIMARY KEY (number, name),
    CHECK ((value IS NULL) <> (sealed IS NULL))
);
CREATE INDEX case_field_by_blind ON ra.case_field (blind) WHERE blind IS NOT NULL;

-- Every transition and every other act, chained (1.9 #10).
CREATE TABLE ra.case_history (
    number text        NOT NULL REFERENCES ra.case_file,
    seq    integer     NOT NULL CHECK (seq >= 1),
    at     timestamptz NOT NULL,
    event  text        NOT NULL,
    actor  text        NOT NULL,
    body   bytea       NOT NULL,  -- canonical JSON, holds the previous hash
    hash   bytea       NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (number, seq)
);
CREATE INDEX case_history_by_time ON ra.case_history (at);

CREATE TABLE ra.case_decision (
    number        text        NOT NULL REFERENCES ra.case_file,
    revision      integer     NOT NULL,
    step          text        NOT NULL CHECK (step IN ('entry', 'first-review', 'second-review', 'making')),
    round         integer     NOT NULL DEFAULT 1,  -- a step may be taken again after SUPPLEMENT, or for another device
    officer_id    uuid        NOT NULL,
    person        text        NOT NULL,
    credential_id bytea       NOT NULL CHECK (octet_length(credential_id) = 32),
    verdict       text        NOT NULL CHECK (verdict IN ('approve', 'return', 'reject', 'supplement')),
    decided_at    timestamptz NOT NULL,
    decision      bytea       NOT NULL,  -- as sent: canonical JSON of the decision object
    statement     bytea       NOT NULL,  -- canonical JSON that was signed
    PRIMARY KEY (number, revision, step, round)
);
-- Who takes one step of a revision takes no other (1.9 #2).
CREATE FUNCTION ra.check_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ra.case_decision d WHERE d.number = NEW.number AND d.revision = NEW.revision
               AND d.step <> NEW.step AND (d.person = NEW.person OR d.officer_id = NEW.officer_id)) THEN
        RAISE EXCEPTION 'one person takes one step of a case';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER decision_check BEFORE INSERT ON ra.case_decision
    FOR EACH ROW EXECUTE FUNCTION ra.check_decision();

-- Orders on their way to the CA core. One case may have several: hold at first
-- review, revoke at second, the revocation of what a renewal replaced.
CREATE TABLE ra.case_order (
    order_id   uuid        PRIMARY KEY,
    place      bigint      GENERATED ALWAYS AS IDENTITY,  -- orders of one case go in this order; made_at has whole seconds
    number     text        NOT NULL REFERENCES ra.case_file,
    purpose    text        NOT NULL CHECK (purpose IN ('issue', 'hold', 'release', 'revoke', 'supersede')),
    envelope   bytea       NOT NULL,  -- canonical JSON: order, decisions, and what the device added
    state      text        NOT NULL CHECK (state IN ('waiting', 'queued', 'done', 'refused')),
    made_at    timestamptz NOT NULL,
    send_at    timestamptz,           -- while queued
    send_count integer     NOT NULL DEFAULT 0,
    problem    text,
    done_at    timestamptz,
    CHECK ((state = 'queued') = (send_at IS NOT NULL))
);
CREATE INDEX case_order_by_number ON ra.case_order (number);
CREATE INDEX case_order_to_send ON ra.case_order (send_at) WHERE state = 'queued';

-- ---- Documents and forms --------------------------------------------------------

CREATE TABLE ra.document (
    id         uuid        PRIMARY KEY,
    number     text        NOT NULL REFERENCES ra.case_file,
    slot       text        NOT NULL,  -- of the business definition
    revision   integer     NOT NULL,  -- of the case when it was uploaded
    state      text        NOT NULL CHECK (state IN ('current', 'replaced', 'void')),
    media_type text        NOT NULL CHECK (media_type IN ('application/pdf', 'image/jpeg', 'image/png')),
    file_name  text        NOT NULL,  -- as the applicant called it; for display only
    len        integer     NOT NULL,
    sha256     bytea       NOT NULL CHECK (octet_length(sha256) = 32),  -- of the octets that came
    sealed     bytea       NOT NULL,  -- those octets
    page_count integer     NOT NULL,
    -- What the code on a form said (db/document.h); 'none' where there is no form.
    form_state text        NOT NULL DEFAULT 'none' CHECK (form_state IN ('none', 'unread', 'current', 'other')),
    added_at   timestamptz NOT NULL
);
CREATE UNIQUE INDEX document_current ON ra.document (number, slot) WHERE state = 'current';
-- What is shown: pictures that we made ourselves; nothing active comes back.
CREATE TABLE ra.document_page (
    document uuid    NOT NULL REFERENCES ra.document,
    page     integer NOT NULL CHECK (page >= 1),
    width    integer NOT NULL,
    height   integer NOT NULL,
    sealed   bytea   NOT NULL,  -- JPEG
    PRIMARY KEY (document, page)
);

CREATE TABLE ra.form (
    number     text        NOT NULL REFERENCES ra.case_file,
    revision   integer     NOT NULL,
    kind       text        NOT NULL CHECK (kind IN ('certificate', 'seal', 'unlock', 'revocation')),
    sealed     bytea       NOT NULL,  -- PDF
    sha256     bytea       NOT NULL CHECK (octet_length(sha256) = 32),  -- of the PDF
    made_at    timestamptz NOT NULL,
    PRIMARY KEY (number, revision, kind)
);

-- What automatic checks found: for the officer's eyes, never a decision.
CREATE TABLE ra.finding (
    number   text        NOT NULL REFERENCES ra.case_file,
    revision integer     NOT NULL,
    subject  text        NOT NULL,  -- 'field:uscc', 'document:business-licence', 'case'
    code     text        NOT NULL,  -- 'uscc-check-digit', 'no-red-seal', ...
    level    text        NOT NULL CHECK (level IN ('ok', 'note', 'warning')),
    detail   text,                  -- JSON object with numbers and names for the message
    found_at timestamptz NOT NULL,
    PRIMARY KEY (number, revision, subject, code)
);

-- Papers on their way in: one row for each original that the definition asks for.
CREATE TABLE ra.paper (
    number      text        NOT NULL REFERENCES ra.case_file,
    slot        text        NOT NULL,  -- or 'device'
    state       text        NOT NULL CHECK (state IN ('awaited', 'received', 'defective')),
    remark      text,
    officer_id  uuid,
    changed_at  timestamptz NOT NULL,
    PRIMARY KEY (number, slot)
);

-- ---- Devices and parcels ----------------------------------------------------------

CREATE TABLE ra.device (
    serial       text        PRIMARY KEY CHECK (serial ~ '^[A-Z0-9][A-Z0-9-]{3,31}$'),
    model        text        NOT NULL,
    state        text        NOT NULL CHECK (state IN ('in-stock', 'allocated', 'personalised', 'shipped',
                             'delivered', 'active', 'pin-locked', 'returned', 'rewritten', 'lost', 'destroyed')),
    number       text        REFERENCES ra.case_file,  -- the case that it is for
    account      text        REFERENCES ra.account,
    spki         bytea,                 -- its own key, made at personalisation: what activation proves
    admin_sealed bytea,                 -- administrator PIN 管理员密码
    admin_next_sealed bytea,            -- the one that replaces it, until acknowledged
    batch        text,
    changed_at   timestamptz NOT NULL,
    CHECK (state IN ('in-stock', 'allocated', 'lost', 'destroyed') OR spki IS NOT NULL)
);
CREATE INDEX device_by_state ON ra.device (state, serial);
CREATE INDEX device_by_number ON ra.device (number);
CREATE TABLE ra.device_event (
    serial text        NOT NULL REFERENCES ra.device,
    seq    integer     NOT NULL,
    at     timestamptz NOT NULL,
    from_state text    NOT NULL,
    to_state text      NOT NULL,
    actor  text        NOT NULL,
    number text,
    PRIMARY KEY (serial, seq)
);

CREATE TABLE ra.shipment (
    id         uuid        PRIMARY KEY,
    number     text        NOT NULL REFERENCES ra.case_file,
    direction  text        NOT NULL CHECK (direction IN ('out', 'in')),
    carrier    text        NOT NULL,
    tracking   text        NOT NULL,
    device     text        REFERENCES ra.device,
    state      text        NOT NULL CHECK (state IN ('announced', 'shipped', 'delivered', 'failed')),
    changed_at timestamptz NOT NULL,
    UNIQUE (carrier, tracking)
);
CREATE INDEX shipment_by_number ON ra.shipment (number);
CREATE TABLE ra.shipment_event (
    shipment uuid        NOT NULL REFERENCES ra.shipment,
    event_id text        NOT NULL,  -- the courier's: a callback that comes twice counts once
    at       timestamptz NOT NULL,
    status   text        NOT NULL,
    place    text,
    PRIMARY KEY (shipment, event_id)
);

-- Codes that a person types: activation 激活码, one-time passwords 验证码 (1.8 #14).
CREATE TABLE ra.code (
    id          uuid        PRIMARY KEY,
    number      text        NOT NULL REFERENCES ra.case_file,
    purpose     text        NOT NULL CHECK (purpose IN ('activation', 'unlock', 'handler-change', 'client')),
    hash        bytea       NOT NULL,
    destination bytea,                 -- HMAC of the telephone number: limits a day
    expires_at  timestamptz NOT NULL,
    tries_left  smallint    NOT NULL CHECK (tries_left >= 0),
    used_at     timestamptz,
    made_at     timestamptz NOT NULL
);
CREATE INDEX code_by_number ON ra.code (number, purpose, made_at);
CREATE INDEX code_by_destination ON ra.code (destination, made_at);

-- ---- Money --------------------------------------------------------------------------

CREATE TABLE ra.payment (
    id          uuid        PRIMARY KEY,
    number      text        NOT NULL REFERENCES ra.case_file,
    amount      bigint      NOT NULL CHECK (amount > 0),  -- fen, by the price at submission
    received    bigint      NOT NULL DEFAULT 0 CHECK (received >= 0),
    refunded    bigint      NOT NULL DEFAULT 0 CHECK (refunded >= 0),
    state       text        NOT NULL CHECK (state IN ('created', 'paid', 'refunding', 'refunded', 'closed', 'transferred')),
    method      text        CHECK (method IN ('online', 'transfer')),
    provider_id text        UNIQUE,    -- the provider's number of the order
    origin      uuid        REFERENCES ra.payment,  -- taken over: the order that was paid at first
    invoice_title text,                -- 发票信息: title, tax number, e-mail
    invoice_tax_number text,
    invoice_email text,
    created_at  timestamptz NOT NULL,
    paid_at     timestamptz,
    changed_at  timestamptz NOT NULL,
    CHECK (refunded <= received)
);
CREATE UNIQUE INDEX payment_of_case ON ra.payment (number) WHERE state <> 'closed';
CREATE INDEX payment_open ON ra.payment (state, created_at);
-- What came in or went out: a callback that comes twice is one row.
CREATE TABLE ra.payment_event (
    payment  uuid        NOT NULL REFERENCES ra.payment,
    event_id text        NOT NULL,  -- the provider's, or the bank's reference
    kind     text        NOT NULL CHECK (kind IN ('received', 'refunded', 'late', 'query')),
    method   text        NOT NULL CHECK (method IN ('online', 'transfer')),  -- goes back by the way it came
    amount   bigint      NOT NULL,
    at       timestamptz NOT NULL,
    actor    text        NOT NULL,
    PRIMARY KEY (payment, event_id)
);
CREATE UNIQUE INDEX payment_event_once ON ra.payment_event (event_id);  -- no money counts for two cases
CREATE INDEX payment_event_by_time ON ra.payment_event (at);
CREATE TABLE ra.refund (
    id         uuid        PRIMARY KEY,
    payment    uuid        NOT NULL REFERENCES ra.payment,
    amount     bigint      NOT NULL CHECK (amount > 0),
    method     text        NOT NULL CHECK (method IN ('online', 'transfer')),
    reason     text        NOT NULL,
    -- moved: the replacing case took the money over
    state      text        NOT NULL CHECK (state IN ('due', 'waiting-device', 'sent', 'done', 'failed', 'moved')),
    officer_id uuid,
    send_at    timestamptz,
    send_count integer     NOT NULL DEFAULT 0,
    problem    text,
    made_at    timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX refund_to_send ON ra.refund (send_at) WHERE send_at IS NOT NULL;
CREATE INDEX refund_by_payment ON ra.refund (payment);
-- No refund once activated or issued (1.9 #5), unless more was paid than asked.
CREATE FUNCTION ra.check_refund() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.reason <> 'overpaid' AND EXISTS (
        SELECT FROM ra.payment p JOIN ra.case_file c USING (number) WHERE p.id = NEW.payment
        AND c.state IN ('activated', 'bound', 'issued', 'installed')) THEN
        RAISE EXCEPTION 'nothing is refunded after activation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER refund_check BEFORE INSERT ON ra.refund FOR EACH ROW EXECUTE FUNCTION ra.check_refund();

CREATE TABLE ra.invoice_counter (singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton), last bigint NOT NULL);
INSERT INTO ra.invoice_counter VALUES (true, 0);
CREATE TABLE ra.invoice (
    invoice_number bigint      PRIMARY KEY,  -- without gaps
    number         text        NOT NULL UNIQUE REFERENCES ra.case_file,
    payment        uuid        NOT NULL REFERENCES ra.payment,
    amount         bigint      NOT NULL,
    xml            bytea       NOT NULL,
    issued_at      timestamptz NOT NULL
);
CREATE INDEX invoice_by_time ON ra.invoice (issued_at);
-- Numbers of signed calls from outside: none is taken twice (ra/signed_call.h).
CREATE TABLE ra.nonce (
    sender text        NOT NULL,  -- 'payment', 'courier'
    nonce  text        NOT NULL,
    at     timestamptz NOT NULL,
    PRIMARY KEY (sender, nonce)
);
CREATE INDEX nonce_by_time ON ra.nonce (at);
CREATE TABLE ra.reconciliation (
    day        date        PRIMARY KEY,
    report     bytea       NOT NULL,  -- JSON
    is_matched boolean     NOT NULL,
    made_at    timestamptz NOT NULL
);

-- ---- Notices ---------------------------------------------------------------------------

CREATE TABLE ra.notice (
    id         uuid        PRIMARY KEY,
    number     text        REFERENCES ra.case_file,
    event      text        NOT NULL,  -- template
    channel    text        NOT NULL CHECK (channel IN ('sms', 'email', 'webhook')),
    language   text        NOT NULL,
    dedupe     text        NOT NULL UNIQUE,  -- case, event, round, channel
    sealed     bytea       NOT NULL,  -- {"to", "subject"?, "text"}
    state      text        NOT NULL CHECK (state IN ('queued', 'sent', 'failed')),
    send_at    timestamptz,
    send_count integer     NOT NULL DEFAULT 0,
    problem    text,
    made_at    timestamptz NOT NULL,
    sent_at    timestamptz,
    CHECK ((state = 'queued') = (send_at IS NOT NULL))
);
CREATE INDEX notice_to_send ON ra.notice (send_at) WHERE state = 'queued';
CREATE INDEX notice_by_number ON ra.notice (number);

-- ---- Sessions and officers ---------------------------------------------------------------

CREATE TABLE ra.session (
    id_hash    bytea       PRIMARY KEY CHECK (octet_length(id_hash) = 32),
    kind       text        NOT NULL CHECK (kind IN ('officer', 'account')),
    subject    text        NOT NULL,  -- officer id or account
    credential_id bytea,              -- the officer's
    csrf       bytea       NOT NULL CHECK (octet_length(csrf) = 32),
    language   text        NOT NULL DEFAULT 'zh',
    browser    bytea       NOT NULL,  -- SHA-256 of its User-Agent: a stolen cookie is of no use elsewhere
    made_at    timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz
);
CREATE INDEX session_by_subject ON ra.session (kind, subject);
-- One-time secrets: tickets of the host platform, challenges of WebAuthn.
CREATE TABLE ra.ticket (
    hash       bytea       PRIMARY KEY CHECK (octet_length(hash) = 32),
    purpose    text        NOT NULL CHECK (purpose IN ('session', 'passkey-login', 'invitation')),
    subject    text        NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
-- An officer, or another credential of one, on the way into the CA's register:
-- invited by an administrator, enrolled by two (design.md, "Officers").
CREATE TABLE ra.officer_case (
    id          uuid        PRIMARY KEY,
    kind        text        NOT NULL CHECK (kind IN ('enroll-officer', 'enroll-credential', 'dismiss-officer')),
    officer_id  uuid        NOT NULL,
    name        text        NOT NULL,
    person      text        NOT NULL,
    roles       text        NOT NULL,  -- separated by blanks
    state       text        NOT NULL CHECK (state IN ('invited', 'ready', 'approved', 'sending', 'done', 'refused', 'withdrawn')),
    credential  bytea,                 -- JSON as in the order
    order_id    uuid,
    order_body  bytea,
    order_digest bytea,
    decisions   bytea,                 -- JSON array
    problem     text,
    invited_by  uuid        NOT NULL,
    made_at     timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL
);

-- ---- Seals 印章 --------------------------------------------------------------

-- Each that a case had approved (db/seal.h). A seal names the certificate that
-- uses it, so it ends with it: 1.8 #19.
CREATE TABLE ra.seal (
    number     text        NOT NULL REFERENCES ra.case_file,
    type       text        NOT NULL CHECK (type IN ('official', 'contract')),  -- 公章, 合同专用章
    name       text        NOT NULL,
    account    text        NOT NULL REFERENCES ra.account,
    document   uuid        NOT NULL REFERENCES ra.document,  -- the form with its impressions
    issuer     text        NOT NULL,
    serial     bytea       NOT NULL CHECK (octet_length(serial) = 16),
    state      text        NOT NULL CHECK (state IN ('ordered', 'signed', 'installed', 'void')),
    made_at    timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (number, type)
);
CREATE INDEX seal_by_certificate ON ra.seal (issuer, serial);
CREATE INDEX seal_ordered ON ra.seal (made_at) WHERE state = 'ordered';

-- ---- Calendar and jobs --------------------------------------------------------------------

-- Only days that are not what their weekday says: holidays 节假日 and make-up
-- days 调休 (1.8 #12).
CREATE TABLE ra.calendar (
    day        date    PRIMARY KEY,
    is_working boolean NOT NULL,
    note       text    NOT NULL
);
CREATE TABLE ra.lease (
    job        text        PRIMARY KEY,
    holder     uuid        NOT NULL,
    until      timestamptz NOT NULL
);

-- ---- Second locks ----------------------------------------------------------------------------

CREATE FUNCTION ra.check_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.number <> NEW.number OR OLD.account <> NEW.account OR OLD.business <> NEW.business THEN
        RAISE EXCEPTION 'a case keeps its number, account and business';
    END IF;
    IF OLD.state <> NEW.state AND NOT EXISTS (
        SELECT FROM ra.case_transition t WHERE t.business = NEW.business
        AND t.from_state = OLD.state AND t.to_state = NEW.state) THEN
        RAISE EXCEPTION 'no transition of % from % to %', NEW.business, OLD.state, NEW.state;
    END IF;
    IF OLD.order_id = NEW.order_id AND OLD.order_body <> NEW.order_body THEN
        RAISE EXCEPTION 'an order never changes';
    END IF;
    IF NEW.state = 'activation-allowed' AND OLD.state <> NEW.state AND OLD.state <> 'issuing' AND (
        SELECT count(DISTINCT person) FROM ra.case_decision d
        WHERE d.number = NEW.number AND d.revision = NEW.revision AND d.verdict = 'approve'
        AND d.step IN ('first-review', 'second-review')) < 2 THEN
        RAISE EXCEPTION 'activation takes the decisions of two reviewers';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER case_check BEFORE UPDATE ON ra.case_file FOR EACH ROW EXECUTE FUNCTION ra.check_case();

-- A locked field never changes on a row that is no draft (1.9 #7).
CREATE FUNCTION ra.check_field() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    now_in text;
    locked boolean;
BEGIN
    SELECT state INTO STRICT now_in FROM ra.case_file
        WHERE number = CASE TG_OP WHEN 'DELETE' THEN OLD.number ELSE NEW.number END;
    locked := CASE TG_OP WHEN 'INSERT' THEN NEW.is_locked ELSE OLD.is_locked END;
    IF now_in <> 'draft' AND (locked OR now_in NOT IN ('returned', 'in-review')) THEN
        RAISE EXCEPTION 'this field is locked in state %', now_in;
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
CREATE TRIGGER field_check BEFORE INSERT OR UPDATE OR DELETE ON ra.case_field
    FOR EACH ROW EXECUTE FUNCTION ra.check_field();

GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA ra TO signet_ra;
GRANT UPDATE ON ra.account, ra.unit, ra.holder_certificate, ra.case_file, ra.case_field, ra.case_order, ra.document,
    ra.seal, ra.paper, ra.device, ra.shipment, ra.code, ra.payment, ra.refund, ra.invoice_counter, ra.reconciliation, ra.notice,
    ra.session, ra.ticket, ra.officer_case, ra.calendar, ra.lease TO signet_ra;
GRANT DELETE ON ra.case_field, ra.finding, ra.calendar, ra.lease, ra.ticket, ra.nonce TO signet_ra;
REVOKE INSERT ON ra.case_transition FROM signet_ra;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA ra TO signet_ra;
