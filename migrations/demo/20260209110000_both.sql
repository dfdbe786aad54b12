-- migd:revision 20260209110000
-- migd:parent 20260202140000, 20260203093000
-- migd:message both lines of work come together

-- A merge has nothing to do: it only says that what follows stands on both.
