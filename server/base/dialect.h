/* The two database languages, also as bits of a set. */
#ifndef MIGD_BASE_DIALECT_H
#define MIGD_BASE_DIALECT_H

enum dialect { DIALECT_SQLITE = 1, DIALECT_POSTGRESQL = 2 }; /* numbers of migd.v1.Dialect */
#define DIALECT_ANY (DIALECT_SQLITE | DIALECT_POSTGRESQL)

/* "sqlite", "postgresql". */
const char *dialect_name(enum dialect d);
/* 0 for a name that is none. */
enum dialect dialect_parse(const char *name, unsigned long len);

#endif
