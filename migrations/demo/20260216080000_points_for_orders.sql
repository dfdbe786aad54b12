-- migd:revision 20260216080000
-- migd:parent 20260209110000
-- migd:message an order earns points

-- A body with semicolons in it, in each dialect's own way.

-- migd:up on=sqlite
CREATE TRIGGER order_line_points AFTER INSERT ON order_line
BEGIN
  UPDATE customer
  SET points = points + new.quantity
  WHERE id = (SELECT customer FROM orders WHERE id = new.orders);
END;
-- migd:up on=postgresql
CREATE FUNCTION order_line_points() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE customer
  SET points = points + new.quantity
  WHERE id = (SELECT customer FROM orders WHERE id = new.orders);
  RETURN new;
END;
$$;
CREATE TRIGGER order_line_points AFTER INSERT ON order_line
  FOR EACH ROW EXECUTE FUNCTION order_line_points();

-- migd:down on=sqlite
DROP TRIGGER order_line_points;
-- migd:down on=postgresql
DROP TRIGGER order_line_points ON order_line;
DROP FUNCTION order_line_points();
