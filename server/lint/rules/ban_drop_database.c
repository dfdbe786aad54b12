/* In either direction. */
#include "server/lint/tree.h"

static void check(const struct lint_statement *s, const struct rule *self) {
  const PgQuery__DropdbStmt *d = STATEMENT(s, DROPDB_STMT, dropdb_stmt);
  if (d)
    rule_report(s, self, -1, 0, NULL, "the database %s is lost, and whose it was is not known here",
                d->dbname);
}

RULE(ban_drop_database) = {
    .page =
        {
            .name = "ban-drop-database",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_ERROR,
            .summary = "a database dropped",
            .lock = "",
            .duration =
                "PostgreSQL refuses it in a transaction, and for the database that is in use.",
            .why = "A revision runs on every target of its catalog. What it drops on one server is "
                   "not what is there on the next.",
            .instead = "Remove the target from migd, then drop its database by hand.",
            .bad = "-- migd:up transaction=off\n"
                   "DROP DATABASE shop_old;\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "REVOKE CONNECT ON DATABASE shop_old FROM application;\n"
                    "-- migd:down\n",
        },
    .check = check};
