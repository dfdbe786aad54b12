/* In a transaction nothing is ever half done, so that IF EXISTS would only hide a mistake
 * there. */
#include "server/lint/tree.h"

static bool alter_once(const struct lint_statement *s) {
  EACH_COMMAND(c, s) {
    bool guarded = c.cmd->missing_ok;
    if (!guarded && (c.cmd->subtype == AT(AddColumn) || c.cmd->subtype == AT(DropColumn) ||
                     c.cmd->subtype == AT(AddConstraint) || c.cmd->subtype == AT(DropConstraint)))
      return true;
  }
  return false;
}

/* Fails when it is made a second time. */
static bool once(const struct lint_statement *s) {
  const PgQuery__CreateStmt *create = STATEMENT(s, CREATE_STMT, create_stmt);
  const PgQuery__DropStmt *drop = STATEMENT(s, DROP_STMT, drop_stmt);
  const PgQuery__IndexStmt *index = STATEMENT(s, INDEX_STMT, index_stmt);
  const PgQuery__AlterEnumStmt *value = STATEMENT(s, ALTER_ENUM_STMT, alter_enum_stmt);
  const PgQuery__CreateSchemaStmt *schema = STATEMENT(s, CREATE_SCHEMA_STMT, create_schema_stmt);
  const PgQuery__CreateSeqStmt *sequence = STATEMENT(s, CREATE_SEQ_STMT, create_seq_stmt);
  return (create && !create->if_not_exists) || (drop && !drop->missing_ok) ||
         (index && !index->concurrent && !index->if_not_exists) ||
         (value && !value->skip_if_new_val_exists) || (schema && !schema->if_not_exists) ||
         (sequence && !sequence->if_not_exists) || STATEMENT(s, RENAME_STMT, rename_stmt) ||
         alter_once(s);
}

static void check(const struct lint_statement *s, const struct rule *self) {
  if (!s->scope->transaction && once(s))
    rule_report(s, self, -1, 0, NULL,
                "if it is cut off, nobody knows whether it was made, and it fails when made again");
}

RULE(prefer_robust_stmts) = {
    .page =
        {
            .name = "prefer-robust-stmts",
            .dialects = DIALECT_POSTGRESQL,
            .severity = SEVERITY_NOTE,
            .summary = "a change outside a transaction that cannot be made twice",
            .lock = "",
            .duration = "It takes no time; it is about what comes after a crash.",
            .why = "When the connection is lost in the middle of it, migd cannot know whether it "
                   "took effect, and asks a person (run resume --skip or --retry). A statement "
                   "that may be made twice is safe to retry. CREATE INDEX CONCURRENTLY needs no "
                   "such care: migd looks for its index.",
            .instead =
                "If it can run in a transaction, put it into a section that has one. If not, "
                "write IF EXISTS or IF NOT EXISTS.",
            .bad = "-- migd:up transaction=off\n"
                   "CREATE TABLE receipt (id bigint PRIMARY KEY);\n"
                   "-- migd:down\n",
            .good = "-- migd:up\n"
                    "CREATE TABLE receipt (id bigint PRIMARY KEY);\n"
                    "-- migd:down\n",
        },
    .check = check};
