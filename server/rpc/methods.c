/* The table of methods: every service of this server, a word each. A service's own rows (name,
 * messages, role, lane, step) are at the end of its file. Read-only, any thread.
 */
#include "server/rpc/services.h"

#include <string.h>

const struct service *const rpc_services[] = {
    &rpc_catalogs, &rpc_targets,    &rpc_runs,
    &rpc_lint,     &rpc_locks,      &rpc_server,
    &rpc_health,   &rpc_reflection, &rpc_reflection_alpha,
    NULL,
};

static const struct method *method_of(const struct service *s, const char *name, size_t len) {
  for (size_t i = 0; i < s->count; i++)
    if (strlen(s->methods[i].name) == len && memcmp(s->methods[i].name, name, len) == 0)
      return &s->methods[i];
  return NULL;
}

const struct method *method_find(const char *path, size_t len) {
  const char *slash = len > 1 ? memrchr(path, '/', len) : NULL;
  if (slash == NULL || slash == path || path[0] != '/')
    return NULL;
  size_t service_len = (size_t)(slash - path) - 1;
  for (size_t i = 0; rpc_services[i] != NULL; i++) {
    const struct service *s = rpc_services[i];
    if (strlen(s->name) == service_len && memcmp(s->name, path + 1, service_len) == 0)
      return method_of(s, slash + 1, len - service_len - 2);
  }
  return NULL;
}
