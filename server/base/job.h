/* A job: something a worker does for somebody who may lose interest. Carries the deadline and the
 * cancel flag; drivers poll them, so that no thread ever touches another's connection.
 * Shared between the worker and whoever cancels; the owner releases it when neither uses it.
 */
#ifndef MIGD_BASE_JOB_H
#define MIGD_BASE_JOB_H

#include <stdatomic.h>
#include <stdint.h>

#include "proto/base/err.h"

struct job {
  atomic_bool cancelled; /* sticky */
  int wake_fd;           /* eventfd, readable for ever once cancelled; -1: cannot be cancelled */
  int64_t deadline_ns;   /* monotonic; 0: none. Set before the worker starts. */
};

/* Aborts when no eventfd can be had is not an option: -1 and err ERR_BUSY. */
int job_init(struct job *job, int64_t deadline_ns, struct err *e);
void job_release(struct job *job);
/* Any thread, any number of times. */
void job_cancel(struct job *job);
/* 0, or -1 with ERR_CANCELLED or ERR_DEADLINE. `job` may be NULL: never cancelled. */
int job_check(const struct job *job, struct err *e);
/* Waits `ms`; -1 at once when it is cancelled or its deadline passes. `job` may be NULL. */
int job_pause(const struct job *job, int ms, struct err *e);
/* Milliseconds to the deadline for poll(2), at most `limit_ms` (-1: no limit). */
int job_poll_ms(const struct job *job, int limit_ms);

#endif
