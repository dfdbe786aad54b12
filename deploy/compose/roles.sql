-- The schema's owner, whose password migd holds, and nobody else.
CREATE ROLE shop_owner LOGIN PASSWORD 'owner-of-the-example';
CREATE DATABASE shop OWNER shop_owner;
