/* See graph.h. */
#include "client/graph.h"

#include "client/words.h"

/* "a, b", "<base>" for none; Alembic's names for both. */
static const char *parents(struct session *s, const Migd__V1__Revision *r) {
  return words_list(s, r->n_parents, r->parents, "<base>");
}

/* ` (labels) (head) (branchpoint) (mergepoint)`, as far as they apply. */
static void add_marks(struct session *s, struct buf *out, const Migd__V1__Revision *r,
                      unsigned parts) {
  if (parts & GRAPH_LABELS && r->n_labels)
    buf_addf(out, " (%s)", words_list(s, r->n_labels, r->labels, ""));
  if (r->is_head)
    buf_adds(out, r->is_effective_head ? " (effective head)" : " (head)");
  if (r->n_targets_here)
    buf_addf(out, " (current: %s)", words_list(s, r->n_targets_here, r->targets_here, ""));
  else if (r->is_current)
    buf_adds(out, " (current)");
  if (parts & GRAPH_TREE && r->is_branch_point)
    buf_adds(out, " (branchpoint)");
  if (parts & GRAPH_TREE && r->is_merge_point)
    buf_adds(out, " (mergepoint)");
}

void graph_line(struct session *s, struct buf *out, const Migd__V1__Revision *r, unsigned parts) {
  if (parts & GRAPH_PARENTS && r->n_depends_on)
    buf_addf(out, "%s (%s) -> ", parents(s, r), words_list(s, r->n_depends_on, r->depends_on, ""));
  else if (parts & GRAPH_PARENTS)
    buf_addf(out, "%s -> ", parents(s, r));
  buf_adds(out, r->id);
  add_marks(s, out, r, parts);
  if (parts & GRAPH_MESSAGE && r->message[0])
    buf_addf(out, ", %s", r->message);
}

void graph_entry(struct session *s, struct buf *out, const Migd__V1__Revision *r) {
  buf_addf(out, "Rev: %s", r->id);
  add_marks(s, out, r, GRAPH_TREE);
  buf_addf(out, "\n%s: %s\n", r->n_parents > 1 ? "Merges" : "Parent", parents(s, r));
  if (r->n_depends_on)
    buf_addf(out, "Also depends on: %s\n", words_list(s, r->n_depends_on, r->depends_on, ""));
  if (r->n_branches_into)
    buf_addf(out, "Branches into: %s\n", words_list(s, r->n_branches_into, r->branches_into, ""));
  if (r->n_labels)
    buf_addf(out, "Branch names: %s\n", words_list(s, r->n_labels, r->labels, ""));
  buf_addf(out, "Path: %s\nChecksum: %s\n", r->file, r->checksum);
  if (!r->reversible)
    buf_adds(out, "Irreversible: it has no down section\n");
  buf_addf(out, "\n    %s\n", r->message[0] ? r->message : "(no message)");
}
