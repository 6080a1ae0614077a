/*
 * What anyone can make happen as often as he likes goes into the audit log as one line per action, reason, editor and
 * minute, with a count: strangers must not get to fill the disk. Lines are written, and rewritten while their minute lasts,
 * by audit_tally_flush(). Any thread may count.
 */
#ifndef VR_AUTH_AUDIT_TALLY_H
#define VR_AUTH_AUDIT_TALLY_H

#include <stdint.h>

#include "common/base/err.h"
#include "common/io/db.h"

#define AUDIT_TALLY_WHO "vr-auth" /* whose lines these are */

struct audit_tally;

MUST_CHECK enum err audit_tally_new(struct audit_tally **ret_tally);
void audit_tally_free(struct audit_tally *tally); /* NULL is fine */

/* `action`, `reason`: literals. `editor_id`: NULL when it is nobody's that we know. */
void audit_tally_count(struct audit_tally *tally, const char *action, const char *reason, const char *editor_id,
                       int64_t now_ms);
/* Writes what changed. What can't be written now is kept, and counted on. By one thread at a time. */
MUST_CHECK enum err audit_tally_flush(struct audit_tally *tally, struct db *db, int64_t now_ms);

#endif
