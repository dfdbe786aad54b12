/* A dry run: the plans of targets, those that are alike together. */
#ifndef MIGD_CLIENT_PLAN_H
#define MIGD_CLIENT_PLAN_H

#include "client/session.h"
#include "migd/v1/runs.pb-c.h"

/* Asks for the plans and prints them; answers the exit code. */
int plan_print(struct session *s, const Migd__V1__StartRunRequest *request, struct err *e);

#endif
