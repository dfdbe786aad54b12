/* The lint rules, by name: a word here, the rest in a file of that name in rules/. */
#include "server/lint/rule.h"

#include <string.h>

#define RULES(X)                                                                                   \
  X(bad_ignore)                                                                                    \
  X(unused_ignore)

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
