/* Principals: who may ask. */
#ifndef MIGD_STORE_PRINCIPAL_H
#define MIGD_STORE_PRINCIPAL_H

#include "server/db/db.h"

enum role { ROLE_NONE, ROLE_VIEWER, ROLE_ADMIN }; /* each may do what the ones before it may */

struct principal {
  char name[64];
  enum role role;
};

const char *role_name(enum role role);
enum role role_parse(const char *name); /* ROLE_NONE for none of ours */
/* `[a-z0-9][a-z0-9._-]{0,62}`. */
bool principal_name_valid(const char *name);
/* `uri` is the certificate's `migd://<store-id>/user/<name>`. ERR_UNAUTHENTICATED for a foreign
 * store, an unknown or removed name, or what is no such URI. */
int principal_of_uri(struct db *db, const char *store_id, const char *uri, struct principal *out,
                     struct err *e);
/* ERR_EXISTS when there is one of this name; a removed one comes back with the new role. */
int principal_add(struct db *db, const char *name, enum role role, struct err *e);
int principal_remove(struct db *db, const char *name, struct err *e);
int principal_each(struct db *db, int (*row)(void *ctx, const struct principal *p), void *ctx,
                   struct err *e);

#endif
