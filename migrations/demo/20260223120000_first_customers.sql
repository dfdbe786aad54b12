-- migd:revision 20260223120000
-- migd:parent 20260216080000
-- migd:message the first customers, and what they drank

-- migd:up
INSERT INTO customer (id, name, email, since) VALUES
  (1, 'Ada', 'ada@example.org', '2026-01-05'),
  (2, 'Grace', 'grace@example.org', '2026-01-13');

INSERT INTO orders (id, customer, shipped) VALUES (1, 1, CURRENT_TIMESTAMP), (2, 2, NULL);

INSERT INTO order_line (orders, product, quantity) VALUES (1, 1, 1), (1, 2, 3), (2, 3, 2);

-- migd:down
DELETE FROM order_line WHERE orders IN (1, 2);
DELETE FROM orders WHERE id IN (1, 2);
DELETE FROM customer WHERE id IN (1, 2);
