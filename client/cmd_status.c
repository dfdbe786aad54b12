/* status: the fleet from the server's store, in one screen. */
#include <unistd.h>

#include "client/duration.h"
#include "client/fleet.h"
#include "client/progress.h"
#include "client/selection.h"
#include "client/session.h"
#include "client/words.h"
#include "migd/v1/targets.pb-c.h"

extern const struct command cmd_status;

enum { OTHER_LINES = 5 }; /* of a screen: summary, headings, the last line, the prompt */

static size_t lines_of_screen(const struct session *s) {
  unsigned height = s->tty_out ? terminal_height(STDOUT_FILENO) : 0;
  return height > 2 * OTHER_LINES ? height - OTHER_LINES : 0;
}

static void print_fleet(struct session *s, const Migd__V1__ListTargetsResponse *fleet) {
  struct buf text BUF_SCOPED = BUF_INIT;
  bool all = session_flag(s, "all") || s->verbose;
  struct fleet_view view = {
      .all = all, .lines = all ? 0 : lines_of_screen(s), .width = words_width(s), .now = now_ns()};
  fleet_summary(s, &text, fleet);
  fleet_table(s, &text, fleet, &view);
  session_print(s, &text);
}

static bool selects(const struct session *s) {
  return session_flag(s, "target") || session_flag(s, "selector") || session_flag(s, "catalog");
}

/* An empty fleet is at head; an empty answer to a selection is a mistyped selection. */
static int none_there(struct session *s, bool check, struct err *e) {
  if (check && selects(s))
    return err_set(e, ERR_NOT_FOUND, "no target matches: nothing was checked");
  if (selects(s))
    say(s, "no target matches");
  else
    say(s, "no targets yet: `migctl target add NAME --url URL -c CATALOG` registers one");
  return EXIT_DONE;
}

static int run_status(struct session *s, struct err *e) {
  bool check = session_flag(s, "check");
  Migd__V1__TargetSelection *selection = selection_read(s, false, e);
  if (!selection)
    return -1;
  const Migd__V1__ListTargetsResponse *fleet = selection_targets(s, selection, true, e);
  if (!fleet)
    return -1;
  if (fleet->n_targets == 0)
    return none_there(s, check, e);
  if (!s->json)
    print_fleet(s, fleet);
  return check && !fleet_at_head(fleet) ? EXIT_NOT_AT_HEAD : EXIT_DONE;
}

static const struct option status_options[] = {
    {"check", 0, OPTION_FLAG, NULL, "exit with 3 unless all are at head", NULL},
    SELECTION_OPTIONS,
    {NULL},
};

const struct command cmd_status = {
    .name = "status",
    .group = GROUP_FLEET,
    .arguments = "",
    .options = status_options,
    .summary = "show how the fleet stands, from the server's store",
    .help = "Counts by state first, then the targets that are not at head or locked, the most "
            "urgent first; those that are alike share a line. A small fleet is shown whole, any "
            "with --all. No database is asked: `migctl current` does that.",
    .example = "migctl status -l env=prod --check",
    .run = run_status,
};
