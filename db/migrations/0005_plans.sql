-- Every statement of the services is short and has its index. Compiling a plan
-- (jit) would cost a thousand times what running it does, and a plan's price
-- decides about it: one that is told not to read a table whole and must (a few
-- issuers) looks dear enough to be compiled each time.
ALTER ROLE signet_ca SET jit = off;
ALTER ROLE signet_ra SET jit = off;
ALTER ROLE signet_ocsp SET jit = off;
ALTER ROLE signet_audit SET jit = off;

-- Plans of prepared statements are kept, and those that the writer makes on a
-- fresh database are made while the tables are empty: reading all of one is the
-- cheapest then, and a hundred times the price an hour later.
ALTER ROLE signet_ca SET enable_seqscan = off;
