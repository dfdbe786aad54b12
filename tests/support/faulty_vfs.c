#include "tests/support/faulty_vfs.h"

#include <sqlite3.h>
#include <string.h>

struct file {
  sqlite3_file base;
  sqlite3_file *inner; /* behind this struct */
};

static sqlite3_vfs shim, *below;
static sqlite3_io_methods methods;
static unsigned armed_at, count;
static int armed_code;
static bool armed_sticky;

void vfs_arm(unsigned at, int code, bool sticky) {
  armed_at = at;
  armed_code = code;
  armed_sticky = sticky;
  count = 0;
}

unsigned vfs_count(void) {
  return count;
}

static int fault(int detail) {
  count++;
  if (!armed_at || (armed_sticky ? count < armed_at : count != armed_at))
    return SQLITE_OK;
  return armed_code == SQLITE_IOERR ? detail : armed_code;
}

static sqlite3_file *inner(sqlite3_file *f) {
  return ((struct file *)f)->inner;
}

static int shim_close(sqlite3_file *f) {
  return inner(f)->pMethods->xClose(inner(f));
}

static int shim_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at) {
  return inner(f)->pMethods->xRead(inner(f), to, n, at);
}

static int shim_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at) {
  int rc = fault(SQLITE_IOERR_WRITE);
  return rc ? rc : inner(f)->pMethods->xWrite(inner(f), from, n, at);
}

static int shim_truncate(sqlite3_file *f, sqlite3_int64 size) {
  int rc = fault(SQLITE_IOERR_TRUNCATE);
  return rc ? rc : inner(f)->pMethods->xTruncate(inner(f), size);
}

static int shim_sync(sqlite3_file *f, int flags) {
  int rc = fault(SQLITE_IOERR_FSYNC);
  return rc ? rc : inner(f)->pMethods->xSync(inner(f), flags);
}

static int shim_size(sqlite3_file *f, sqlite3_int64 *size) {
  return inner(f)->pMethods->xFileSize(inner(f), size);
}

static int shim_lock(sqlite3_file *f, int level) {
  return inner(f)->pMethods->xLock(inner(f), level);
}

static int shim_unlock(sqlite3_file *f, int level) {
  return inner(f)->pMethods->xUnlock(inner(f), level);
}

static int shim_check(sqlite3_file *f, int *out) {
  return inner(f)->pMethods->xCheckReservedLock(inner(f), out);
}

static int shim_control(sqlite3_file *f, int op, void *arg) {
  return inner(f)->pMethods->xFileControl(inner(f), op, arg);
}

static int shim_sector(sqlite3_file *f) {
  return inner(f)->pMethods->xSectorSize(inner(f));
}

static int shim_traits(sqlite3_file *f) {
  return inner(f)->pMethods->xDeviceCharacteristics(inner(f));
}

static int shim_map(sqlite3_file *f, int page, int size, int extend, void volatile **out) {
  return inner(f)->pMethods->xShmMap(inner(f), page, size, extend, out);
}

static int shim_shm_lock(sqlite3_file *f, int offset, int n, int flags) {
  return inner(f)->pMethods->xShmLock(inner(f), offset, n, flags);
}

static void shim_barrier(sqlite3_file *f) {
  inner(f)->pMethods->xShmBarrier(inner(f));
}

static int shim_unmap(sqlite3_file *f, int remove) {
  return inner(f)->pMethods->xShmUnmap(inner(f), remove);
}

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out) {
  (void)vfs;
  struct file *file = (struct file *)f;
  file->inner = (sqlite3_file *)&file[1];
  memset(file->inner, 0, (size_t)below->szOsFile);
  int rc = below->xOpen(below, name, file->inner, flags, out);
  file->base.pMethods = file->inner->pMethods ? &methods : NULL;
  return rc;
}

static int shim_delete(sqlite3_vfs *vfs, const char *name, int sync) {
  (void)vfs;
  int rc = fault(SQLITE_IOERR_DELETE);
  return rc ? rc : below->xDelete(below, name, sync);
}

void vfs_install(void) {
  below = sqlite3_vfs_find(NULL);
  if (below == &shim)
    return;
  methods = (sqlite3_io_methods){
      .iVersion = 2,
      .xClose = shim_close,
      .xRead = shim_read,
      .xWrite = shim_write,
      .xTruncate = shim_truncate,
      .xSync = shim_sync,
      .xFileSize = shim_size,
      .xLock = shim_lock,
      .xUnlock = shim_unlock,
      .xCheckReservedLock = shim_check,
      .xFileControl = shim_control,
      .xSectorSize = shim_sector,
      .xDeviceCharacteristics = shim_traits,
      .xShmMap = shim_map,
      .xShmLock = shim_shm_lock,
      .xShmBarrier = shim_barrier,
      .xShmUnmap = shim_unmap,
  };
  shim = *below;
  shim.szOsFile = (int)sizeof(struct file) + below->szOsFile;
  shim.zName = "faulty";
  shim.pNext = NULL;
  shim.xOpen = shim_open;
  shim.xDelete = shim_delete;
  sqlite3_vfs_register(&shim, 1);
}
