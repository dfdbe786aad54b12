/* The arena: bump allocation in chunks that grow with use, large pieces in chunks of their own, and
 * the allocators that end the process instead of failing. The struct's owner is the job that uses
 * it; no locking. Under AddressSanitizer each piece is a malloc of its own, so that running over
 * its end is seen.
 */
#include "proto/base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define EACH_ALONE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EACH_ALONE 1
#endif
#endif
#ifndef EACH_ALONE
#define EACH_ALONE 0
#endif

#define ALIGNMENT _Alignof(max_align_t)
#define CHUNK_MIN ((size_t)4096)
#define CHUNK_MAX ((size_t)256 << 10)

struct arena_chunk {
  struct arena_chunk *next;
  size_t size, used;
  _Alignas(max_align_t) char bytes[];
};

static _Noreturn void no_memory(void) {
  static const char words[] = "out of memory\n";
  ssize_t ignored = write(STDERR_FILENO, words, sizeof words - 1);
  (void)ignored;
  abort();
}

void arena_init(struct arena *a, size_t limit) {
  *a = (struct arena){.limit = limit};
}

void arena_release(struct arena *a) {
  struct arena_chunk *chunk = a->chunks;
  while (chunk != NULL) {
    struct arena_chunk *next = chunk->next;
    free(chunk);
    chunk = next;
  }
  a->chunks = NULL;
  a->used = 0;
}

void arena_wipe(struct arena *a) {
  for (struct arena_chunk *chunk = a->chunks; chunk != NULL; chunk = chunk->next)
    explicit_bzero(chunk->bytes, chunk->size);
}

/* Rounds up so that the next piece is aligned; an empty piece has an address of its own. */
static bool piece_size(size_t size, size_t *rounded) {
  if (size > SIZE_MAX / 2)
    return false;
  if (size == 0)
    size = 1;
  *rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  return true;
}

/* calloc gives zeroed memory, and chunks are never used twice: nothing has to be cleared again. */
static struct arena_chunk *chunk_new(size_t size) {
  struct arena_chunk *chunk = calloc(1, sizeof *chunk + size);
  if (chunk != NULL)
    chunk->size = size;
  return chunk;
}

/* A chunk filled by one piece goes behind the one that still has room. */
static void *piece_alone(struct arena *a, size_t exact) {
  struct arena_chunk *chunk = chunk_new(exact);
  if (chunk == NULL)
    return NULL;
  chunk->used = exact;
  struct arena_chunk **at = a->chunks != NULL ? &a->chunks->next : &a->chunks;
  chunk->next = *at;
  *at = chunk;
  return chunk->bytes;
}

static size_t next_chunk_size(const struct arena *a) {
  if (a->used < CHUNK_MIN)
    return CHUNK_MIN;
  return a->used < CHUNK_MAX ? a->used : CHUNK_MAX;
}

static void *piece_in_chunk(struct arena *a, size_t size) {
  struct arena_chunk *chunk = a->chunks;
  if (chunk == NULL || chunk->size - chunk->used < size) {
    size_t fresh = next_chunk_size(a);
    if (size > fresh / 4)
      return piece_alone(a, size);
    chunk = chunk_new(fresh);
    if (chunk == NULL)
      return NULL;
    chunk->next = a->chunks;
    a->chunks = chunk;
  }
  void *p = chunk->bytes + chunk->used;
  chunk->used += size;
  return p;
}

static void *piece(struct arena *a, size_t size, bool limited) {
  size_t rounded = 0;
  if (!piece_size(size, &rounded))
    return NULL;
  if (limited && a->limit != 0 && (a->used > a->limit || rounded > a->limit - a->used))
    return NULL;
  void *p = EACH_ALONE ? piece_alone(a, size) : piece_in_chunk(a, rounded);
  if (p != NULL)
    a->used += rounded;
  return p;
}

void *arena_alloc(struct arena *a, size_t size) {
  void *p = piece(a, size, false);
  if (p == NULL)
    no_memory();
  return p;
}

void *arena_try(struct arena *a, size_t count, size_t size) {
  size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes))
    return NULL;
  return piece(a, bytes, true);
}

char *arena_strndup(struct arena *a, const char *s, size_t len) {
  char *copy = arena_alloc(a, len + 1);
  if (len > 0)
    memcpy(copy, s, len);
  return copy;
}

char *arena_strdup(struct arena *a, const char *s) {
  return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  int len = vsnprintf(NULL, 0, format, args);
  if (len < 0)
    no_memory();
  char *text = arena_alloc(a, (size_t)len + 1);
  (void)vsnprintf(text, (size_t)len + 1, format, again);
  va_end(again);
  return text;
}

char *arena_printf(struct arena *a, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *text = arena_vprintf(a, format, args);
  va_end(args);
  return text;
}

void *xmalloc(size_t size) {
  void *p = malloc(size != 0 ? size : 1);
  if (p == NULL)
    no_memory();
  return p;
}

void *xcalloc(size_t count, size_t size) {
  void *p = count != 0 && size != 0 ? calloc(count, size) : calloc(1, 1);
  if (p == NULL)
    no_memory();
  return p;
}

void *xrealloc(void *p, size_t size) {
  void *q = realloc(p, size != 0 ? size : 1);
  if (q == NULL)
    no_memory();
  return q;
}

char *xstrdup(const char *s) {
  size_t size = strlen(s) + 1;
  return memcpy(xmalloc(size), s, size);
}
