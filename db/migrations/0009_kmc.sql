-- The key management centre 密钥管理中心: escrowed encryption keys of holders, as
-- blobs that only the recovery token opens (ca-core/kmc/). A schema and a role
-- of its own: no other service reads or writes here. Rows with a signature are
-- signed by the KMC's record key in the token `kgen` (ca-core/kmc/record.h): a
-- row that was swapped, or written by anybody else, is found when it is used.
CREATE SCHEMA kmc;

-- Keys of the token `krec`. The private half never leaves it; the public half
-- is all that `kgen` has.
CREATE TABLE kmc.recovery_key (
    id        integer     PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    cka_id    bytea       NOT NULL UNIQUE CHECK (octet_length(cka_id) BETWEEN 1 AND 32),
    spki      bytea       NOT NULL,  -- RSA-3072
    state     text        NOT NULL CHECK (state IN ('active', 'retiring', 'retired')),
    made_at   timestamptz NOT NULL,
    signature bytea       NOT NULL   -- over cka_id, spki, made_at
);
CREATE UNIQUE INDEX recovery_key_active ON kmc.recovery_key (state) WHERE state = 'active';

-- Who may call, known by the key of a client certificate: authorities, and the
-- people who decide on recoveries. Operators hold the shares of krec's PIN.
CREATE TABLE kmc.party (
    name        text        PRIMARY KEY CHECK (octet_length(name) BETWEEN 1 AND 64),
    role        text        NOT NULL CHECK (role IN ('ca', 'operator', 'ra-officer', 'audit-administrator')),
    certificate bytea       NOT NULL,  -- DER; its key signs decisions and opens the share
    spki_sha256 bytea       NOT NULL UNIQUE CHECK (octet_length(spki_sha256) = 32),
    place       integer     UNIQUE CHECK (place BETWEEN 1 AND 16),  -- x of the share
    needed      integer     CHECK (needed BETWEEN 2 AND 16),        -- m
    share       bytea,                 -- CMS EnvelopedData
    share_sha256 bytea      CHECK (octet_length(share_sha256) = 32),  -- of the share in clear: a wrong one is known at once
    enrolled_at timestamptz NOT NULL,
    signature   bytea       NOT NULL,
    CHECK ((role = 'operator') = (share IS NOT NULL)),
    CHECK ((share IS NULL) = (place IS NULL) AND (share IS NULL) = (needed IS NULL)
        AND (share IS NULL) = (share_sha256 IS NULL))
);

-- Life of a key: 备用库 -> 在用库 -> 历史库 (domain.md, 1.6). What stands by has no
-- row: its content key is in kgen's session and nowhere else, or else kgen could
-- read back what it made.
CREATE TABLE kmc.escrowed_key (
    id           uuid        PRIMARY KEY,
    key_type     text        NOT NULL,
    spki         bytea       NOT NULL,
    spki_sha256  bytea       NOT NULL UNIQUE CHECK (octet_length(spki_sha256) = 32),
    wrapped      bytea       NOT NULL,  -- PKCS #8 under a content key: RFC 5649
    content_key  bytea       NOT NULL,  -- the content key under the recovery key: RSA-OAEP
    recovery_key integer     NOT NULL REFERENCES kmc.recovery_key,
    state        text        NOT NULL CHECK (state IN ('in-use', 'history')),
    ca           text        NOT NULL REFERENCES kmc.party (name),
    request_id   uuid        NOT NULL,  -- its order: the same asks again and gets the same key
    holder       text        NOT NULL,  -- account
    transport_sha256 bytea   NOT NULL CHECK (octet_length(transport_sha256) = 32),
    delivery     bytea,                 -- the content key under the transport key, until received
    made_at      timestamptz NOT NULL,
    retired_at   timestamptz,
    signature    bytea       NOT NULL,  -- over all that is not state, delivery or retired_at
    UNIQUE (ca, request_id),
    CHECK ((state = 'history') = (retired_at IS NOT NULL))
);
CREATE INDEX escrowed_key_by_holder ON kmc.escrowed_key (ca, holder);
CREATE INDEX escrowed_key_by_recovery ON kmc.escrowed_key (recovery_key, id);

-- Whatever krec is opened for: a recovery for a customer or a court, the change
-- of the recovery key, the proof that every key still opens.
CREATE TABLE kmc.recovery_case (
    id         uuid        PRIMARY KEY,
    kind       text        NOT NULL CHECK (kind IN ('customer', 'judicial', 'rotation', 'verification')),
    state      text        NOT NULL CHECK (state IN ('open', 'approved', 'done', 'refused', 'expired', 'aborted')),
    requester  text        NOT NULL,
    opened_by  text        NOT NULL REFERENCES kmc.party (name),
    body       bytea       NOT NULL,  -- canonical JSON: what is approved
    digest     bytea       NOT NULL CHECK (octet_length(digest) = 32),
    opened_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    closed_at  timestamptz,
    outcome    text,                  -- why, or what was done
    answer     bytea,                 -- JSON: the wrapped keys, until received
    CHECK ((state IN ('open', 'approved')) = (closed_at IS NULL)),
    CHECK (state = 'done' OR answer IS NULL)
);
CREATE INDEX recovery_case_open ON kmc.recovery_case (expires_at) WHERE closed_at IS NULL;
CREATE INDEX recovery_case_by_time ON kmc.recovery_case (opened_at);

CREATE TABLE kmc.approval (
    recovery_case uuid        NOT NULL REFERENCES kmc.recovery_case,
    party         text        NOT NULL REFERENCES kmc.party (name),
    step          text        NOT NULL CHECK (step IN ('ra-officer', 'operator', 'audit-administrator')),
    verdict       text        NOT NULL CHECK (verdict IN ('approve', 'refuse')),
    statement     bytea       NOT NULL,
    signature     bytea       NOT NULL,
    decided_at    timestamptz NOT NULL,
    PRIMARY KEY (recovery_case, party)
);

DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'signet_kmc') THEN CREATE ROLE signet_kmc LOGIN; END IF;
END $$;
GRANT USAGE ON SCHEMA kmc, log TO signet_kmc;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA kmc TO signet_kmc;
GRANT UPDATE (state) ON kmc.recovery_key TO signet_kmc;
GRANT UPDATE (content_key, recovery_key, state, delivery, retired_at, signature) ON kmc.escrowed_key TO signet_kmc;
GRANT UPDATE (state, closed_at, outcome, answer) ON kmc.recovery_case TO signet_kmc;
GRANT INSERT ON log.entry TO signet_kmc;
GRANT SELECT, UPDATE (next_index) ON log.head TO signet_kmc;
