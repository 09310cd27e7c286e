-- An officer's credential is a certificate, most often one of ours: when that is
-- held or revoked, the officer decides nothing with it (db/sql_ca.c).
CREATE INDEX certificate_withdrawn ON ca.certificate (sha256(der)) WHERE state IN ('held', 'revoked');
