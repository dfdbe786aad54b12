/* The values that revisions name as `${name}`: a catalog's are for all its targets, a target's own
 * go before them. Secret ones are sealed under the keyring; what owns them and their name is
 * authenticated with them.
 */
#ifndef MIGD_STORE_VARIABLE_H
#define MIGD_STORE_VARIABLE_H

#include "server/db/db.h"
#include "server/sql/variable.h"
#include "server/store/secret.h"

enum { VARIABLES_MAX = 100 }; /* of one owner */

/* Whose they are: a target's by its id, a catalog's by its name. */
struct variable_owner {
  int64_t target;      /* 0: a catalog's */
  const char *catalog; /* NULL: a target's */
};

/* What is set, then what is removed. Borrowed. */
struct variable_change {
  const struct variable *set;
  size_t set_count;
  const char *const *remove;
  size_t remove_count;
};

/* ERR_INPUT for names and values that cannot be, and for a name that is there twice. Pure. */
int variable_change_check(const struct variable_change *change, struct err *e);
/* Inside store_write. ERR_INPUT as above, and for more than VARIABLES_MAX afterwards; ERR_NOT_FOUND
 * for one to remove that is not there. */
int variable_change(struct db *db, const struct keyring *keys, const struct variable_owner *owner,
                    const struct variable_change *change, struct err *e);
/* Forgets all. Inside store_write. */
int variable_forget(struct db *db, const struct variable_owner *owner, struct err *e);
/* By name, in the arena; the value of a secret one is NULL. */
int variable_list(struct db *db, const struct variable_owner *owner, struct arena *arena,
                  struct variables *out, struct err *e);

/* What a target's statements may name: its own, and those of the catalog that it does not have.
 * `keys` NULL: secret values stay NULL. `target` 0: the catalog's only. To be released. */
int variables_read(struct db *db, const struct keyring *keys, int64_t target, const char *catalog,
                   struct variables *out, struct err *e);
/* Puts one in, or in the place of the one of that name. Copies; a value may be NULL. */
void variables_put(struct variables *v, const struct variable *item);
void variables_release(struct variables *v); /* wipes; leaves none */
#define VARIABLES_SCOPED __attribute__((cleanup(variables_release)))

#endif
