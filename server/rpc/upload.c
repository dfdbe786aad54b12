/* The files that a client streams to a method. */
#include "server/rpc/upload.h"

#define UPLOADS_MAX 4 /* at the same time */

static int take_slot(struct upload *u, atomic_uint *slots, struct err *e) {
  if (slots == NULL)
    return 0;
  if (atomic_fetch_add(slots, 1) >= UPLOADS_MAX) {
    atomic_fetch_sub(slots, 1);
    return err_set(e, ERR_BUSY, "%d catalogs are being pushed already: later", UPLOADS_MAX);
  }
  u->slots = slots;
  return 0;
}

int upload_begin(struct upload *u, struct call *call, struct err *e) {
  u->spool.fd = -1;
  if (take_slot(u, call->server->pushes, e) != 0)
    return -1;
  return spool_open(&u->spool, call->server->tmp_dir, call->server->catalog_max, &call->arena, e);
}

void upload_release(struct upload *u) {
  spool_release(&u->spool);
  if (u->slots != NULL)
    atomic_fetch_sub(u->slots, 1);
  u->slots = NULL;
}

int upload_catalog(struct upload *u, struct problems *problems, struct catalog *out,
                   struct err *e) {
  struct catalog_file *files;
  if (spool_finish(&u->spool, &files, e) != 0)
    return -1;
  if (catalog_build(out, files, u->spool.count, problems->arena, problems) == 0)
    return 0;
  return err_set(e, ERR_INPUT, "%zu problem%s in the folder", problems->count,
                 problems->count == 1 ? "" : "s");
}

int upload_parts(struct upload *u, Migd__V1__FilePart *const *parts, size_t count, struct err *e) {
  for (size_t i = 0; i < count; i++) {
    const Migd__V1__FilePart *part = parts[i];
    if (spool_part(&u->spool, part->name, part->data.data, part->data.len, part->more != 0, e) != 0)
      return -1;
  }
  return 0;
}
