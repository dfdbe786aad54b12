/* What other sessions do to ours on PostgreSQL, and ours to them: tests that test_postgres.c runs
 * with its own.
 */
#ifndef MIGD_TESTS_POSTGRES_SESSIONS_H
#define MIGD_TESTS_POSTGRES_SESSIONS_H

#include "contract.h"

extern const struct CMUnitTest postgres_session_tests[];
extern const size_t postgres_session_test_count;

#endif
