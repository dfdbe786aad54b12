/* See selection.h. */
#include "client/selection.h"

#include <string.h>

enum { NAMES_SHOWN = 5 };

static void append(Migd__V1__ListTargetsResponse *all, size_t *room,
                   const Migd__V1__ListTargetsResponse *page, struct arena *arena) {
  if (all->n_targets + page->n_targets > *room) {
    *room = 2 * (all->n_targets + page->n_targets);
    Migd__V1__Target **targets = ARENA_ARRAY(arena, Migd__V1__Target *, *room);
    if (all->n_targets)
      memcpy(targets, all->targets, all->n_targets * sizeof *targets);
    all->targets = targets;
  }
  if (page->n_targets)
    memcpy(all->targets + all->n_targets, page->targets, page->n_targets * sizeof *page->targets);
  all->n_targets += page->n_targets;
}

const Migd__V1__ListTargetsResponse *selection_targets(struct session *s,
                                                       Migd__V1__TargetSelection *selection,
                                                       bool print, struct err *e) {
  Migd__V1__ListTargetsRequest request = MIGD__V1__LIST_TARGETS_REQUEST__INIT;
  Migd__V1__ListTargetsResponse *all = ARENA_NEW(&s->arena, Migd__V1__ListTargetsResponse);
  const Migd__V1__ListTargetsResponse *page;
  size_t room = 0;
  migd__v1__list_targets_response__init(all);
  request.selection = selection;
  do {
    page = session_ask(s, &migd__v1__targets__descriptor, "ListTargets", &request, e);
    if (!page)
      return NULL;
    append(all, &room, page, &s->arena);
    request.page_after = page->next_page_after;
  } while (page->next_page_after[0] && page->n_targets);
  if (print && s->json)
    session_json(s, all, false);
  return all;
}

/* "shop-eu, shop-us and 48 more", from the server; "" when it cannot be asked. */
static const char *names_there_are(struct session *s) {
  struct err ignored;
  const Migd__V1__ListTargetsResponse *reply = selection_targets(s, NULL, false, &ignored);
  struct buf names BUF_SCOPED = BUF_INIT;
  for (size_t i = 0; reply && i < reply->n_targets && i < NAMES_SHOWN; i++)
    buf_addf(&names, "%s%s", i ? ", " : "", reply->targets[i]->name);
  if (reply && reply->n_targets > NAMES_SHOWN)
    buf_addf(&names, " and %zu more", reply->n_targets - NAMES_SHOWN);
  return arena_strdup(&s->arena, buf_str(&names));
}

static void nothing_selected(struct session *s, struct err *e) {
  const char *names = names_there_are(s);
  session_usage(s, e,
                "`migctl %s` changes databases: say which, with -t NAME, -l SELECTOR or --all",
                s->command->name);
  if (*names)
    err_hint(e, "there are: %s", names);
  else
    err_hint(e, "`migctl target list` shows what there is");
}

static int count_ways(const struct session *s) {
  return session_flag(s, "target") + session_flag(s, "selector") + session_flag(s, "all");
}

static void read_names(struct session *s, Migd__V1__TargetSelection *selection) {
  selection->n_names = options_count(&s->options, "target");
  selection->names = ARENA_ARRAY(&s->arena, char *, selection->n_names + 1);
  for (size_t i = 0; i < selection->n_names; i++)
    selection->names[i] = arena_strdup(&s->arena, options_nth(&s->options, "target", i));
}

Migd__V1__TargetSelection *selection_read(struct session *s, bool need, struct err *e) {
  Migd__V1__TargetSelection *selection = ARENA_NEW(&s->arena, Migd__V1__TargetSelection);
  migd__v1__target_selection__init(selection);
  int ways = count_ways(s);
  if (ways > 1) {
    session_usage(s, e, "-t, -l and --all are different ways to name targets: use one of them");
    return NULL;
  }
  if (ways == 0 && need) {
    nothing_selected(s, e);
    return NULL;
  }
  read_names(s, selection);
  selection->selector = session_text(s, "selector");
  selection->all = session_flag(s, "all") || ways == 0;
  /* Names are unique without their catalog; a profile's catalog does not narrow them. */
  if (selection->n_names == 0)
    selection->catalog = session_catalog(s);
  else if (session_flag(s, "catalog"))
    selection->catalog = session_text(s, "catalog");
  return selection;
}
