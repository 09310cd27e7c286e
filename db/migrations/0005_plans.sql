-- Plans of prepared statements are kept, and those that the writer makes on a
-- fresh database are made while the tables are empty: reading all of one is the
-- cheapest then, and a hundred times the price an hour later. Every statement
-- of this role has its index.
ALTER ROLE signet_ca SET enable_seqscan = off;
