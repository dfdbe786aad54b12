/* Variables in messages: what a request changes, and what an answer may tell. */
#ifndef MIGD_RPC_VARIABLES_H
#define MIGD_RPC_VARIABLES_H

#include "server/rpc/convert.h"
#include "server/store/variable.h"

/* What a request changes, checked. Borrows from the messages. */
int variables_asked(Migd__V1__Variable *const *set, size_t set_count, char *const *remove,
                    size_t remove_count, struct arena *arena, struct variable_change *out,
                    struct err *e);
bool variables_asks(const struct variable_change *change);
/* When they are stored: the call's arena outlives the need of secrets. */
void variables_wipe(const struct variable_change *change);
/* Those of an owner, without the values of secret ones, into an answer. */
int variables_answer(struct store *store, const struct variable_owner *owner, struct arena *arena,
                     Migd__V1__Variable ***out, size_t *count, struct err *e);
/* The secret ones that a target has and the change does not give anew or remove are not sent to
 * another place: ERR_REFUSED names them. */
int variables_may_move(struct db *db, const struct target *t, const struct variable_change *change,
                       const char *place, struct err *e);

#endif
