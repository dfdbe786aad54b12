/* The lint rules, by name: a word here, the rest in a file of that name in rules/. */
#include "server/lint/rule.h"

#include <string.h>

#define RULES(X)                                                                                   \
  X(adding_exclusion_constraint)                                                                   \
  X(adding_field_with_default)                                                                     \
  X(adding_foreign_key_constraint)                                                                 \
  X(adding_not_nullable_field)                                                                     \
  X(adding_required_field)                                                                         \
  X(adding_serial_primary_key_field)                                                               \
  X(adding_stored_generated_column)                                                                \
  X(attaching_partition)                                                                           \
  X(backfill_with_ddl)                                                                             \
  X(bad_ignore)                                                                                    \
  X(ban_alter_domain_with_add_constraint)                                                          \
  X(ban_char_field)                                                                                \
  X(ban_concurrent_index_creation_in_transaction)                                                  \
  X(ban_create_domain_with_constraint)                                                             \
  X(ban_disable_trigger)                                                                           \
  X(ban_drop_cascade)                                                                              \
  X(ban_drop_column)                                                                               \
  X(ban_drop_database)                                                                             \
  X(ban_drop_not_null)                                                                             \
  X(ban_drop_schema)                                                                               \
  X(ban_drop_table)                                                                                \
  X(ban_duplicate_column_assignments)                                                              \
  X(ban_grant_to_public)                                                                           \
  X(ban_set_search_path)                                                                           \
  X(ban_truncate_cascade)                                                                          \
  X(changing_column_type)                                                                          \
  X(concurrent_index_if_not_exists)                                                                \
  X(conflict_rollback)                                                                             \
  X(constraint_missing_not_valid)                                                                  \
  X(creating_partition)                                                                            \
  X(delete_without_cascade)                                                                        \
  X(delete_without_where)                                                                          \
  X(disallowed_unique_constraint)                                                                  \
  X(double_quoted_string)                                                                          \
  X(down_loses_data)                                                                               \
  X(enum_value_used_at_once)                                                                       \
  X(identifier_too_long)                                                                           \
  X(index_many_columns)                                                                            \
  X(lock_table)                                                                                    \
  X(locking_several_tables)                                                                        \
  X(missing_foreign_key_index)                                                                     \
  X(needs_transaction_off)                                                                         \
  X(nondeterministic_backfill)                                                                     \
  X(pragma_without_effect)                                                                         \
  X(prefer_batched_update)                                                                         \
  X(prefer_bigint_over_int)                                                                        \
  X(prefer_bigint_over_smallint)                                                                   \
  X(prefer_identity)                                                                               \
  X(prefer_jsonb)                                                                                  \
  X(prefer_repack)                                                                                 \
  X(prefer_robust_stmts)                                                                           \
  X(prefer_set_local)                                                                              \
  X(prefer_text_field)                                                                             \
  X(prefer_timestamptz)                                                                            \
  X(rebuild_loses_autoincrement)                                                                   \
  X(rebuild_loses_constraint)                                                                      \
  X(rebuild_loses_index)                                                                           \
  X(rebuild_loses_trigger)                                                                         \
  X(rebuild_renames_old)                                                                           \
  X(rebuild_select_star)                                                                           \
  X(rebuild_under_view)                                                                            \
  X(rename_rewrites_views)                                                                         \
  X(renaming_column)                                                                               \
  X(renaming_object)                                                                               \
  X(renaming_table)                                                                                \
  X(replace_deletes_rows)                                                                          \
  X(require_concurrent_index_creation)                                                             \
  X(require_concurrent_index_deletion)                                                             \
  X(require_concurrent_partition_detach)                                                           \
  X(require_concurrent_refresh)                                                                    \
  X(require_concurrent_reindex)                                                                    \
  X(require_enum_value_ordering)                                                                   \
  X(require_table_schema)                                                                          \
  X(require_timeout_settings)                                                                      \
  X(rewriting_table)                                                                               \
  X(several_without_transaction)                                                                   \
  X(transaction_nesting)                                                                           \
  X(unused_ignore)                                                                                 \
  X(vacuum_in_transaction)                                                                         \
  X(validate_in_same_transaction)                                                                  \
  X(variable_in_string)

#define DECLARE(id) extern const struct rule rule_##id;
RULES(DECLARE)

#define NAME(id) &rule_##id,
const struct rule *const rules[] = {RULES(NAME) NULL};

#define PAGE(id) &rule_##id.page,
const struct lint_rule *const lint_rules[] = {RULES(PAGE) NULL};

enum { COUNT = sizeof rules / sizeof *rules - 1 };

const struct rule *rule_find(const char *name, size_t len) {
  size_t low = 0, high = COUNT;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    const char *other = rules[mid]->page.name;
    int order = strncmp(other, name, len);
    if (order == 0 && other[len] == '\0')
      return rules[mid];
    if (order < 0)
      low = mid + 1;
    else
      high = mid;
  }
  return NULL;
}

const struct lint_rule *lint_rule_find(const char *name) {
  const struct rule *r = rule_find(name, strlen(name));
  return r ? &r->page : NULL;
}
