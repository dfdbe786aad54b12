-- migd:revision 20260119083000
-- migd:parent 20260112101500
-- migd:message orders and their lines

-- migd:up
CREATE TABLE orders (
  id INTEGER PRIMARY KEY,
  customer INTEGER NOT NULL REFERENCES customer (id),
  placed TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  shipped TIMESTAMP
);

CREATE TABLE order_line (
  orders INTEGER NOT NULL REFERENCES orders (id),
  product INTEGER NOT NULL REFERENCES product (id),
  quantity INTEGER NOT NULL CHECK (quantity > 0),
  PRIMARY KEY (orders, product)
);

-- migd:down
DROP TABLE order_line;
DROP TABLE orders;
