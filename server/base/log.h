/* The log: one line a happening, to stderr. Only the walk, the dispatcher, the loop and main log;
 * lower floors return errors. Control characters are escaped. Any thread.
 */
#ifndef MIGD_BASE_LOG_H
#define MIGD_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

struct log; /* made once by main, handed down; never a global */

/* Owned by the caller. */
struct log *log_new(enum log_level level, enum log_format format);
void log_free(struct log *log); /* takes NULL */
void log_set_level(struct log *log, enum log_level level);
bool log_on(const struct log *log, enum log_level level);
/* `room` is the part that speaks: "net", "engine", … A NULL log swallows. */
void log_line(struct log *log, enum log_level level, const char *room, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
