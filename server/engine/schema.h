/* The schema of a SQLite database, as its own tables have it. */
#ifndef MIGD_ENGINE_SCHEMA_H
#define MIGD_ENGINE_SCHEMA_H

#include "proto/base/buf.h"
#include "server/db/db.h"
#include "server/sql/rebuild.h"

/* Everything of the main and of the temporary schema, in the arena; at most 64 MiB of text. */
int schema_read(struct db *db, const struct job *job, struct arena *arena, struct schema *out,
                struct err *e);
/* A name in double quotes, behind its schema's where `schema` is not NULL. */
void schema_add_name(struct buf *out, const char *schema, const char *name);

#endif
