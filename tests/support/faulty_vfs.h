/* SQLite's file system with the N-th write, sync, truncate or delete failing: once, or that one and
 * all that follow (as a dying disk, or a process that is gone, would). For tests that try every N.
 */
#ifndef MIGD_TESTS_FAULTY_VFS_H
#define MIGD_TESTS_FAULTY_VFS_H

#include <stdbool.h>

/* Becomes the default file system of this process. */
void vfs_install(void);
/* `at` counts operations from 1; 0: none fails. `code`: SQLITE_FULL or SQLITE_IOERR (with the
 * detail that fits the operation). */
void vfs_arm(unsigned at, int code, bool sticky);
/* Operations since it was armed. */
unsigned vfs_count(void);

#endif
