-- One schema for each part of the house, one role for each service, least
-- rights. Run by the owner (signet_owner), who may create roles.
DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['signet_ca', 'signet_ra', 'signet_ocsp', 'signet_audit'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', role);
        END IF;
    END LOOP;
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA log;
CREATE SCHEMA ca;
CREATE SCHEMA ra;
GRANT USAGE ON SCHEMA log TO signet_ca, signet_ra, signet_ocsp, signet_audit;
GRANT USAGE ON SCHEMA ca TO signet_ca, signet_ocsp;
GRANT USAGE ON SCHEMA ra TO signet_ra;
