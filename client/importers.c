/* The importers there are: a new one is a file with its row, and a line here. */
#include "client/import.h"

#include <string.h>

const struct importer *const importers[] = {
    &import_alembic, &import_atlas,     &import_dbmate,
    &import_diesel,  &import_flyway,    &import_golang_migrate,
    &import_goose,   &import_liquibase, &import_node_pg_migrate,
    &import_plain,   &import_refinery,  &import_sqitch,
    &import_sqlx,    &import_updown,    NULL,
};

const struct importer *importer_find(const char *name) {
  const struct importer *const *i = importers;
  while (*i && strcmp((*i)->name, name) != 0)
    i++;
  return *i;
}
