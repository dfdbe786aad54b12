/* The end of a name that mkdtemp(3) and mkostemp(3) fill in. */
#ifndef MIGD_BASE_TEMPORARY_H
#define MIGD_BASE_TEMPORARY_H

#define TEMPORARY                                                                                  \
  "XX"                                                                                             \
  "XX"                                                                                             \
  "XX"

#endif
