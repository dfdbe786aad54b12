/* What importers share: the files of a folder one by one, what their names say, lines, attributes,
 * and text cut into scripts. One thread.
 */
#ifndef MIGD_CLIENT_IMPORT_TEXT_H
#define MIGD_CLIENT_IMPORT_TEXT_H

#include "client/import.h"

/* Calls `take` for every file of a source, in the order of their names; `deep`: of the folders
 * below too. */
int import_each(struct import *im, unsigned source, bool deep,
                void (*take)(struct import *im, unsigned source, const char *path,
                             const char *name),
                struct err *e);

enum import_part { IMPORT_WHOLE, IMPORT_UP, IMPORT_DOWN };

/* How a tool names its files: PREFIX version SEPARATOR name .sql */
struct import_pattern {
  const char *prefixes;   /* letters, one of which begins the name; NULL: none does */
  bool may_lack;          /* the prefix */
  const char *version;    /* the characters of versions */
  const char *separators; /* the characters between version and name */
  size_t separator;       /* how many of them at least */
  bool nameless;          /* the name may be missing */
};

struct import_name {
  char prefix; /* 0: none */
  const char *version, *slug;
  enum import_part part; /* .up.sql, .down.sql, or .sql alone */
};

/* What a file's name says; false when it is not like the pattern. */
bool import_parse(struct import *im, const struct import_pattern *pattern, const char *name,
                  struct import_name *out);
bool import_ends_with(const char *name, const char *end);
/* The last part of a path with folders. */
const char *import_base(const char *name);
/* Notes a file that no importer understands: code that looks like a migration of the pattern, or a
 * script with another name. What is neither is passed over. */
void import_other(struct import *im, const struct import_pattern *pattern, const char *path,
                  const char *name);
/* A script of what the name says, without a body. */
struct import_script import_script_of(struct import *im, unsigned source,
                                      const struct import_name *name);

/* ---- lines ---- */

struct import_line {
  const char *s;
  size_t len; /* without its end */
  unsigned number;
};

/* Start with a zeroed line. */
bool import_next(const struct import_text *text, struct import_line *line);
/* What follows `text` at `s`, blanks before it skipped, letters' case ignored; NULL when another
 * text is there. */
const char *import_after(const char *s, const char *end, const char *text);
/* The line behind `--`, blanks before and behind the dashes skipped; NULL when it is no comment. */
const char *import_comment(const struct import_line *line);
const char *import_line_end(const struct import_line *line);
/* Blank, or nothing but a `--` comment. */
bool import_idle(const struct import_line *line);
/* The next word, cut at blanks; what is in double quotes is one, without them. NULL at the end. */
const char *import_word(struct import *im, const char **s, const char *end);

/* Sets the body to what is between two places of a text, without blank lines around it. */
void import_slice(struct import_script *script, const struct import_text *text, const char *from,
                  const char *to);

#endif
