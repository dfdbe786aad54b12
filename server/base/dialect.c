/* The names of the two dialects, as they stand in revision files, in the store and in messages.
 * Pure. */
#include "server/base/dialect.h"

#include <string.h>

const char *dialect_name(enum dialect d) {
  switch (d) {
  case DIALECT_SQLITE:
    return "sqlite";
  case DIALECT_POSTGRESQL:
    return "postgresql";
  default:
    return "unknown";
  }
}

enum dialect dialect_parse(const char *name, unsigned long len) {
  static const enum dialect all[] = {DIALECT_SQLITE, DIALECT_POSTGRESQL};
  for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
    const char *known = dialect_name(all[i]);
    if (strlen(known) == len && memcmp(known, name, len) == 0)
      return all[i];
  }
  return (enum dialect)0;
}
