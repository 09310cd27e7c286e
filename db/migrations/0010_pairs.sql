-- Pairs 双证书 (docs/architecture.md, "Pairs"): which orders' keys the key
-- management centre keeps. A row is there before it is asked for a key, so that
-- no key is made of which nobody here knows: `key_id` comes with the order.
CREATE TABLE ca.escrow (
    order_id    uuid        PRIMARY KEY,  -- the centre's request; the row of ca.order comes later, or never
    asked_at    timestamptz NOT NULL,
    key_id      uuid        UNIQUE,       -- the centre's
    spki_sha256 bytea       CHECK (octet_length(spki_sha256) = 32),
    due_at      timestamptz NOT NULL,     -- when the key goes into history 历史库
    received_at timestamptz,              -- the device has it
    retired_at  timestamptz,              -- it is there
    CHECK ((key_id IS NULL) = (spki_sha256 IS NULL))
);
CREATE INDEX escrow_due ON ca.escrow (due_at) WHERE retired_at IS NULL;

-- Whatever way a certificate for encryption comes to its end, its key is due.
CREATE FUNCTION ca.escrow_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE ca.escrow SET due_at = least(due_at, now()) WHERE order_id = NEW.order_id AND retired_at IS NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER certificate_escrow AFTER UPDATE OF state ON ca.certificate FOR EACH ROW
    WHEN (NEW.ordinal = 1 AND NEW.state IN ('revoked', 'void') AND OLD.state <> NEW.state)
    EXECUTE FUNCTION ca.escrow_ends();

GRANT SELECT, INSERT, UPDATE ON ca.escrow TO signet_ca;
