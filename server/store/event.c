/* Events of runs: packed messages in the order in which they were stored, numbered from 1. Numbers
 * of events that later ones took the place of are missing. */
#include "server/store/run.h"

#include "server/store/row.h"
#include "server/store/writer.h"

#define REPLAY_BYTES (256U << 10)
#define SEQ_TAG 0x08 /* field 1, varint */

struct replay {
  int (*each)(void *ctx, uint64_t seq, const void *packed, size_t len);
  void *ctx;
  size_t bytes;
  bool stopped;
};

static int take_event(void *ctx, const struct db_value *v, int count, struct err *e) {
  struct replay *replay = ctx;
  (void)count;
  replay->stopped = replay->each(replay->ctx, (uint64_t)v[0].i, v[1].s, v[1].len) != 0;
  replay->bytes += v[1].len;
  if (replay->bytes >= REPLAY_BYTES)
    replay->stopped = true;
  return replay->stopped ? err_set(e, ERR_CANCELLED, "stopped") : 0;
}

int event_replay(struct db *db, int64_t run, uint64_t from_seq, unsigned limit,
                 int (*each)(void *ctx, uint64_t seq, const void *packed, size_t len), void *ctx,
                 struct err *e) {
  struct replay replay = {each, ctx, 0, false};
  int64_t from = from_seq > INT64_MAX ? INT64_MAX : (int64_t)from_seq;
  if (row_each(db,
               "SELECT seq, packed FROM event WHERE run_id = $1 AND seq >= $2 ORDER BY seq"
               " LIMIT $3",
               PARAMS(db_int(run), db_int(from), db_int(limit)), take_event, &replay, e) == 0)
    return 0;
  if (!replay.stopped)
    return -1;
  err_clear(e);
  return 0;
}

/* Behind the message: of a field that comes once, protobuf takes the last. */
static void add_seq(struct buf *out, uint64_t seq) {
  buf_addc(out, SEQ_TAG);
  for (; seq >= 0x80; seq >>= 7)
    buf_addc(out, (char)(seq | 0x80));
  buf_addc(out, (char)seq);
}

int event_append(struct db *db, int64_t run, const char *latest, const void *packed, size_t len,
                 uint64_t *seq, struct err *e) {
  struct buf event BUF_SCOPED = BUF_INIT;
  int64_t number = 0;
  bool found = false;
  if (row_int(db, "UPDATE run SET next_seq = next_seq + 1 WHERE id = $1 RETURNING next_seq - 1",
              PARAMS(db_int(run)), &number, &found, e))
    return -1;
  if (!found)
    return err_set(e, ERR_NOT_FOUND, "there is no run %lld", (long long)run);
  buf_reserve(&event, len + 12);
  buf_add(&event, packed, len);
  add_seq(&event, (uint64_t)number);
  struct db_value name = latest ? db_text(latest) : db_null();
  if (latest && row_change(db, "DELETE FROM event WHERE run_id = $1 AND latest = $2",
                           PARAMS(db_int(run), name), NULL, e))
    return -1;
  if (row_change(db, "INSERT INTO event (run_id, seq, packed, latest) VALUES ($1, $2, $3, $4)",
                 PARAMS(db_int(run), db_int(number), db_blob(event.s, event.len), name), NULL, e))
    return -1;
  writer_fresh(db, run, (uint64_t)number);
  if (seq)
    *seq = (uint64_t)number;
  return 0;
}
