-- The issuance log. Entries are numbered without gaps and in commit order:
-- whoever appends first takes the row of log.head (last lock of its
-- transaction), so a missing number is a removed entry, and the number is the
-- leaf's index in the Merkle tree (RFC 6962) that is built over them.
CREATE TABLE log.head (
    singleton  boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    next_index bigint  NOT NULL DEFAULT 0
);
INSERT INTO log.head DEFAULT VALUES;

CREATE TABLE log.entry (
    index   bigint      PRIMARY KEY,
    at      timestamptz NOT NULL,
    event   text        NOT NULL,  -- 'certificate.issued', 'order.refused', ...
    subject text        NOT NULL,  -- what it is about: order id, serial, account
    body    bytea       NOT NULL,  -- canonical JSON (RFC 8785); holds at, event, subject
    hash    bytea       NOT NULL CHECK (octet_length(hash) = 32)  -- SHA-256(0x00 || body): RFC 6962, 2.1
);
CREATE INDEX entry_at ON log.entry (at);
CREATE INDEX entry_subject ON log.entry (subject);

CREATE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'log.entry is append-only';
END
$$;
CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE ON log.entry
    FOR EACH ROW EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER entry_no_truncate BEFORE TRUNCATE ON log.entry
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

GRANT SELECT, INSERT ON log.entry TO signet_ca;
GRANT INSERT ON log.entry TO signet_ra;
GRANT SELECT, UPDATE (next_index) ON log.head TO signet_ca, signet_ra;
GRANT SELECT ON log.head TO signet_ocsp;
GRANT SELECT ON log.entry, log.head TO signet_audit;
