-- Pairs and earlier keys (docs/architecture.md, "Pairs"): what a device vouches
-- for, and orders that bring a holder's earlier keys into it.

-- The device's transport key (SPKI), and its own key's signature over it: one
-- such key for each time that the device is made. Devices that were made before
-- have none.
ALTER TABLE ra.device ADD transport bytea, ADD transport_signature bytea,
    ADD CHECK ((transport IS NULL) = (transport_signature IS NULL)),
    ADD CHECK (transport IS NULL OR spki IS NOT NULL);

-- recover: the earlier keys of the holder into the device of the case.
ALTER TABLE ra.case_order DROP CONSTRAINT case_order_purpose_check;
ALTER TABLE ra.case_order ADD CONSTRAINT case_order_purpose_check
    CHECK (purpose IN ('issue', 'hold', 'release', 'revoke', 'supersede', 'recover'));
-- Of recover: what was last heard of the recovery, how long it stands open, and
-- when we asked. Of issue and recover: when the device said that it has the keys.
ALTER TABLE ra.case_order
    ADD recovery text CHECK (recovery IN ('none', 'open', 'approved', 'done', 'refused', 'expired', 'aborted')),
    ADD recovery_until timestamptz,
    ADD looked_at timestamptz NOT NULL DEFAULT to_timestamp(0),
    ADD received_at timestamptz,
    ADD CHECK (recovery IS NULL OR purpose = 'recover');
CREATE INDEX case_order_open_recovery ON ra.case_order (looked_at) WHERE recovery IN ('open', 'approved');
CREATE INDEX case_order_unfetched ON ra.case_order (place) WHERE recovery = 'done' AND received_at IS NULL;

-- ---- The business 密钥恢复 (domain.md, 1.7) --------------------------------------

ALTER TABLE ra.case_file DROP CONSTRAINT case_file_number_check;
ALTER TABLE ra.case_file ADD CONSTRAINT case_file_number_check CHECK (number ~ '^[NWICSURK][0-9]{8}-[0-9]{6,}$');
ALTER TABLE ra.case_file DROP CONSTRAINT case_file_business_check;
ALTER TABLE ra.case_file ADD CONSTRAINT case_file_business_check CHECK (business IN
    ('new', 'renew', 'reissue', 'change', 'seal', 'unlock', 'revoke', 'recover'));
ALTER TABLE ra.form DROP CONSTRAINT form_kind_check;
ALTER TABLE ra.form ADD CONSTRAINT form_kind_check CHECK (kind IN ('certificate', 'seal', 'unlock', 'revocation', 'recovery'));

-- It touches no certificate and may wait for days: like unlock it runs beside
-- the others, one for each account.
DROP INDEX ra.case_file_open;
CREATE UNIQUE INDEX case_file_open ON ra.case_file (account)
    WHERE business NOT IN ('unlock', 'recover') AND state NOT IN
    ('activated', 'bound', 'installed', 'revoked', 'rejected', 'closed');
CREATE UNIQUE INDEX case_file_open_recover ON ra.case_file (account)
    WHERE business = 'recover' AND state NOT IN ('installed', 'rejected', 'closed');

INSERT INTO ra.case_transition VALUES
    ('recover', 'draft', 'form-ready'),
    ('recover', 'draft', 'closed'),
    ('recover', 'form-ready', 'first-review'),
    ('recover', 'form-ready', 'closed'),
    ('recover', 'first-review', 'returned'),
    ('recover', 'first-review', 'second-review'),
    ('recover', 'first-review', 'rejected'),
    ('recover', 'first-review', 'closed'),
    ('recover', 'returned', 'form-ready'),
    ('recover', 'returned', 'first-review'),
    ('recover', 'returned', 'closed'),
    ('recover', 'second-review', 'returned'),
    ('recover', 'second-review', 'recovering'),
    ('recover', 'second-review', 'rejected'),
    ('recover', 'second-review', 'closed'),
    ('recover', 'recovering', 'first-review'),
    ('recover', 'recovering', 'keys-ready'),
    ('recover', 'recovering', 'closed'),
    ('recover', 'keys-ready', 'installed'),
    ('recover', 'keys-ready', 'closed');

-- Keys go to the key management centre's people by two reviewers' word alone.
CREATE FUNCTION ra.check_recovery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(DISTINCT person) FROM ra.case_decision d
        WHERE d.number = NEW.number AND d.revision = NEW.revision AND d.verdict = 'approve'
        AND d.step IN ('first-review', 'second-review')) < 2 THEN
        RAISE EXCEPTION 'a recovery takes the decisions of two reviewers';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER recovery_check BEFORE UPDATE OF state ON ra.case_file FOR EACH ROW
    WHEN (NEW.state = 'recovering') EXECUTE FUNCTION ra.check_recovery();
