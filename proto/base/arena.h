/* An arena: memory that is given back all at once. One per job; not for sharing between threads.
 *
 * Small allocations never fail: when the system has no memory the process ends (as safe as a kill,
 * which is the case that everything here is built for). What a peer controls is allocated with
 * arena_try() against the arena's limit, and that can fail.
 */
#ifndef MIGD_BASE_ARENA_H
#define MIGD_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
  struct arena_chunk *chunks;
  size_t used;  /* bytes handed out */
  size_t limit; /* for arena_try(); 0: none */
};

/* `limit` in bytes, 0 for none. */
void arena_init(struct arena *a, size_t limit);
/* Takes NULL contents gracefully; the arena may be used again. */
void arena_release(struct arena *a);
/* Overwrites all that is in it, which must not be used any more: before the release of an arena
 * that has seen a secret. */
void arena_wipe(struct arena *a);
/* Zeroed, aligned for any type. Never NULL. */
void *arena_alloc(struct arena *a, size_t size);
/* As arena_alloc for count * size; NULL when that overflows or exceeds the limit. */
void *arena_try(struct arena *a, size_t count, size_t size);
char *arena_strdup(struct arena *a, const char *s);
/* A copy of `len` bytes with a NUL behind. */
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc((a), (size_t)(n) * sizeof(type)))

/* Allocators that never answer NULL: the process ends instead. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);

#endif
