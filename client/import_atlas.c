/* Atlas's files: `20240131120000_create_users.sql` or `20240131120000.sql`, which run in the order
 * of their names. Their first lines may hold directives: `-- atlas:txmode none`. A checkpoint only
 * repeats what the files before it made, and is left out.
 */
#include "client/import_text.h"

#include <string.h>

static const struct import_pattern pattern = {
    .version = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-",
    .separators = "_",
    .separator = 1,
    .nameless = true};

/* False when the file is not carried. */
static bool read_directives(struct import *im, const struct import_text *text,
                            struct import_script *script) {
  struct import_line line = {0};
  while (import_next(text, &line) && import_idle(&line)) {
    const char *end = import_line_end(&line), *comment = import_comment(&line);
    const char *s = comment ? import_after(comment, end, "atlas:") : NULL;
    const char *word = s ? import_word(im, &s, end) : NULL;
    if (!word || strcmp(word, "nolint") == 0 || strcmp(word, "sum") == 0)
      continue;
    if (strcmp(word, "checkpoint") == 0 || strcmp(word, "txtar") == 0) {
      import_note(im, text->path, line.number, 1, "not carried: `atlas:%s`%s", word,
                  word[0] == 'c' ? ", which repeats what the files before it make" : "");
      return false;
    }
    const char *value = import_word(im, &s, end);
    if (strcmp(word, "txmode") == 0 && value)
      script->transaction = strcmp(value, "none") != 0;
    else
      import_note(im, text->path, line.number, 1, "`atlas:%s` is not carried", word);
  }
  return true;
}

static void note_templates(struct import *im, const struct import_text *text) {
  unsigned line, column;
  const char *s = memmem(text->s, text->len, "{{", 2);
  if (!s || !memmem(s, text->len - (size_t)(s - text->s), "}}", 2))
    return;
  import_position(text, s, &line, &column);
  import_note(im, text->path, line, column,
              "stays as it is: the server fills in no template; write what it stands for");
}

static void take(struct import *im, unsigned source, const char *path, const char *name) {
  struct import_text text;
  struct import_name parsed;
  if (!import_parse(im, &pattern, name, &parsed)) {
    import_other(im, &pattern, path, name);
    return;
  }
  struct import_script script = import_script_of(im, source, &parsed);
  script.order = import_base(name);
  script.down = false;
  if (!import_load(im, path, &text) || !read_directives(im, &text, &script))
    return;
  note_templates(im, &text);
  import_add_whole(im, script, &text);
}

static int read_atlas(struct import *im, unsigned source, struct err *e) {
  return import_each(im, source, false, take, e);
}

const struct importer import_atlas = {
    .name = "atlas",
    .looks = "20240131120000_create_users.sql, atlas.sum",
    .carries = "atlas:txmode none becomes transaction=off; checkpoints are left out",
    .read = read_atlas,
    .order = IMPORT_SORTED,
    .compare = strcmp,
};
