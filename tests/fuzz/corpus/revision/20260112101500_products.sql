-- migd:revision 20260112101500
-- migd:parent 20260105090000
-- migd:message products and their prices, in cents

-- migd:up
CREATE TABLE product (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  price INTEGER NOT NULL CHECK (price >= 0)
);

INSERT INTO product (id, name, price) VALUES
  (1, 'teapot', 2900),
  (2, 'green tea; a tin', 850),
  (3, 'tea towel', 1200);

-- migd:down
DROP TABLE product;
