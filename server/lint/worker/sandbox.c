/* Limits and a filter of system calls, of the kernel's own language, without a library. What is not
 * listed fails with EPERM, so that a parser that tries is not killed for it, but what would open,
 * connect, run or trace is no mistake and ends the process.
 */
#include "server/lint/worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* A process may need the time of so many statements at their worst. */
enum { STATEMENTS_WORTH = 12 };

static int limit(int resource, rlim_t value) {
  struct rlimit r = {.rlim_cur = value, .rlim_max = value};
  return setrlimit(resource, &r) == 0 ? 0 : errno;
}

static int limit_cpu(rlim_t soft, rlim_t hard) {
  struct rlimit r = {.rlim_cur = soft < hard ? soft : hard, .rlim_max = hard};
  return setrlimit(RLIMIT_CPU, &r) == 0 ? 0 : errno;
}

/* When memory runs out, the kernel is to take this process and not the server. */
static void come_first(void) {
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd >= 0) {
    (void)!write(fd, "1000", 4);
    (void)close(fd);
  }
}

void sandbox_spend(long cpu_s) {
  struct timespec used;
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0)
    (void)limit_cpu((rlim_t)(used.tv_sec + 1 + cpu_s), (rlim_t)(cpu_s * STATEMENTS_WORTH));
}

int sandbox_limits(long cpu_s, long memory_bytes) {
  enum { FILES = 16 };
  /* A parent that was gone before closed its socket; that it is process 1 says nothing: in a
   * container migd is. */
  int rc = prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 ? 0 : errno;
  come_first();
  if (!rc && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    rc = errno;
  if (!rc && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    rc = errno;
  rc = rc ? rc : limit(RLIMIT_CORE, 0);
  rc = rc ? rc : limit(RLIMIT_FSIZE, 0);
  rc = rc ? rc : limit(RLIMIT_NOFILE, FILES);
  rc = rc ? rc : limit_cpu((rlim_t)cpu_s, (rlim_t)(cpu_s * STATEMENTS_WORTH));
  if (!rc && !SANITIZED) /* the shadow of a sanitizer is terabytes */
    rc = limit(RLIMIT_AS, (rlim_t)memory_bytes);
  return rc;
}

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef ARCHITECTURE
#define NR offsetof(struct seccomp_data, nr)
#define ARCH offsetof(struct seccomp_data, arch)
#define PID offsetof(struct seccomp_data, args[0]) /* the lower half: it is little endian */
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define ON(call, action) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), ANSWER(action)
#define ALLOW(call) ON(call, SECCOMP_RET_ALLOW)
#define KILL(call) ON(call, SECCOMP_RET_KILL_PROCESS)

static const struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARCH),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
    ANSWER(SECCOMP_RET_KILL_PROCESS),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR),
    /* talk */
    ALLOW(read),
    ALLOW(write),
    ALLOW(close),
    /* memory */
    ALLOW(brk),
    ALLOW(mmap),
    ALLOW(munmap),
    ALLOW(mremap),
    ALLOW(mprotect),
    ALLOW(madvise),
    /* limits (setrlimit(3) is this call), of itself and of no other process */
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prlimit64, 0, 4),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, PID),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
    ANSWER(SECCOMP_RET_ALLOW),
    ANSWER(SECCOMP_RET_ERRNO | EPERM),
    /* threads that are there, clocks, the end */
    ALLOW(futex),
    ALLOW(sched_yield),
    ALLOW(clock_gettime),
    ALLOW(getrandom),
    ALLOW(getpid),
    ALLOW(gettid),
    ALLOW(tgkill),
    ALLOW(rt_sigprocmask),
    ALLOW(rt_sigaction),
    ALLOW(rt_sigreturn),
    ALLOW(restart_syscall),
    ALLOW(exit),
    ALLOW(exit_group),
    /* nothing that parses does these */
    KILL(execve),
    KILL(execveat),
    KILL(ptrace),
    KILL(socket),
    KILL(connect),
    KILL(process_vm_readv),
    KILL(process_vm_writev),
    ANSWER(SECCOMP_RET_ERRNO | EPERM),
};

/* Where seccomp(2) is not to be had, as under systemd's @system-service, by prctl(2): then for this
 * thread alone, which is the one that parses; the other one waits for it and does nothing else. */
static int install(void) {
  struct sock_fprog program = {.len = sizeof filter / sizeof *filter,
                               .filter = (struct sock_filter *)(size_t)filter};
  long rc = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
  if (rc < 0)
    rc = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
  return rc == 0 ? 0 : rc < 0 ? errno : EBUSY;
}
#else
static int install(void) {
  return 0; /* the numbers of the calls are not known here: the limits alone hold it */
}
#endif

int sandbox_close(void) {
  if (SANITIZED)
    return 0;
  int rc = limit(RLIMIT_NPROC, 0);
  rc = rc ? rc : install();
  return rc == ENOSYS || rc == EINVAL ? 0 : rc; /* a kernel without filters */
}
