/* Where a target is, as a request says it: a URL, a schema of its own, a service of the server, the
 * CA that its certificate must come from. One URL comes of it, which the store keeps. Workers.
 */
#ifndef MIGD_RPC_WHERE_H
#define MIGD_RPC_WHERE_H

#include "migd/v1/targets.pb-c.h"
#include "server/db/db.h"
#include "server/rpc/call.h"

/* A URL that names a service becomes what the service says, and its password is the request's where
 * that has none. In the call's arena. */
int where_service(struct call *call, char **url, char **password, struct err *e);
/* `url` with the schema in it, where one is given. In the arena. */
int where_schema(const char **out, const char *url, const char *schema, struct arena *arena,
                 struct err *e);
/* Another URL, another schema, or neither (""), over *url. A new URL without a schema keeps the one
 * that there was: a target never becomes the whole database by that. */
int where_move(const char **url, const char *new_url, const char *schema, struct arena *arena,
               struct err *e);
/* One database of one server, whatever the schemas. */
bool where_same_database(const struct db_url *a, const struct db_url *b);

/* Whether it can be that target's CA; "" always can. */
int where_check_ca(const char *pem, const struct db_url *url, struct err *e);
/* Puts a target's CA into what is answered of it. */
int where_show_ca(struct call *call, const char *name, Migd__V1__TargetPolicy *out, struct err *e);

#endif
