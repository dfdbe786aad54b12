/* The sections of one revision cut into statements, and what no section may hold. Pure; private to
 * the room. */
#ifndef MIGD_CATALOG_CUT_H
#define MIGD_CATALOG_CUT_H

#include "server/catalog/revision.h"

/* Fills r->sections[i].statements; adds what is wrong to `problems`. */
void cut_sections(struct revision *r, struct arena *arena, struct problems *problems);

#endif
