/* Ctrl-C as something to wait for. While held, SIGINT and SIGTERM do not end the process but make
 * `fd` readable; after release they do what they did before. One thread.
 */
#ifndef MIGD_CLIENT_INTERRUPT_H
#define MIGD_CLIENT_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct interrupts {
  int fd; /* -1: none could be made, signals then end the process as always */
  sigset_t before;
};

void interrupts_hold(struct interrupts *i);
void interrupts_release(struct interrupts *i);
/* Takes one signal, if there is one. */
bool interrupts_taken(struct interrupts *i);
/* Waits; true when a signal came first. */
bool interrupts_sleep(int64_t ns);

#endif
