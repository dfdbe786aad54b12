/* What migd-lint takes from itself before it reads a byte: time, memory, files, processes, and all
 * system calls but those that parsing needs. Its parser is large, reads what strangers wrote, and
 * is known to die of legal SQL.
 */
#ifndef MIGD_LINT_SANDBOX_H
#define MIGD_LINT_SANDBOX_H

/* Before any thread: limits, no new privileges, death with the parent. 0, or an errno. */
int sandbox_limits(long cpu_s, long memory_bytes);
/* What comes next has so much time: SIGXCPU ends the process then. Twelve times that is all that a
 * process gets, which it cannot change. */
void sandbox_spend(long cpu_s);
/* After the last thread was made: no more threads, no system calls but a few, for all of them. 0,
 * or an errno. Under sanitizers, which need calls of their own, it does nothing. */
int sandbox_close(void);

#endif
