#include "services/market/stats_store.h"

#define COHORT " FROM markets WHERE editor_id = $1 AND created_at >= $2 AND created_at < $3"
/* A clock that was set back between the two ends must not count against the others. */
#define TOOK   "CASE WHEN completed_at > started_at THEN completed_at - started_at ELSE 0 END"

static const struct db_query count_cohort = {
        "count_cohort",
        "SELECT COUNT(*), COUNT(completed_at),"
        " CAST(COALESCE(SUM(CASE WHEN completed_at IS NOT NULL THEN " TOOK " ELSE 0 END), 0) AS BIGINT),"
        " CAST(COALESCE(SUM(CASE WHEN sync_status = 'sync_completed' THEN 1 ELSE 0 END), 0) AS BIGINT),"
        " CAST(COALESCE(SUM(CASE WHEN sync_status = 'sync_failed' THEN 1 ELSE 0 END), 0) AS BIGINT),"
        " CAST(COALESCE(SUM(sync_attempt), 0) AS BIGINT),"
        " CAST(COALESCE(SUM(CASE WHEN sync_status = 'sync_completed' AND sync_attempt <= 1 THEN 1 ELSE 0 END), 0)"
        " AS BIGINT)" COHORT,
};
static const struct db_query nth_duration = {
        "nth_configuration_duration",
        "SELECT " TOOK " AS took" COHORT " AND completed_at IS NOT NULL ORDER BY took LIMIT 1 OFFSET $4",
};

struct stats_work {
        const char *editor_id;
        int64_t from_ms, to_ms;
        struct stats stats;
};

static enum err count(struct db_tx *tx, const struct stats_work *work, struct stats *stats)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err =
                db_select(tx, &count_cohort,
                          DB_PARAMS(DB_TEXT(work->editor_id), DB_INT(work->from_ms), DB_INT(work->to_ms)), &rows);

        if (err)
                return err;
        if (!db_next(&rows, &err))
                return err ? err : ERR_INTERNAL;
        stats->created = db_int(&rows, 0);
        stats->completed = db_int(&rows, 1);
        stats->average_ms = stats->completed > 0 ? db_int(&rows, 2) / stats->completed : 0;
        stats->notified = db_int(&rows, 3);
        stats->failed = db_int(&rows, 4);
        stats->attempts = db_int(&rows, 5);
        stats->notified_at_first_attempt = db_int(&rows, 6);
        return ERR_OK;
}

static enum err duration_at(struct db_tx *tx, const struct stats_work *work, int64_t offset, int64_t *ret_ms)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(
                tx, &nth_duration,
                DB_PARAMS(DB_TEXT(work->editor_id), DB_INT(work->from_ms), DB_INT(work->to_ms), DB_INT(offset)), &rows);

        if (err)
                return err;
        if (!db_next(&rows, &err))
                return err ? err : ERR_INTERNAL;
        *ret_ms = db_int(&rows, 0);
        return ERR_OK;
}

static enum err load(struct db_tx *tx, void *arg)
{
        struct stats_work *work = arg;
        struct stats stats = {0};
        enum err err = count(tx, work, &stats);

        if (!err && stats.completed > 0)
                err = duration_at(tx, work, (stats.completed - 1) / 2, &stats.median_ms);
        if (!err && stats.completed > 0)
                err = duration_at(tx, work, (stats.completed - 1) * 9 / 10, &stats.p90_ms);
        if (err)
                return err;
        work->stats = stats;
        return ERR_OK;
}

enum err stats_store_load(struct db *db, const char *editor_id, int64_t from_ms, int64_t to_ms, struct stats *ret_stats)
{
        struct stats_work work = {.editor_id = editor_id, .from_ms = from_ms, .to_ms = to_ms};
        enum err err = db_read(db, load, &work);

        if (err)
                return err;
        *ret_stats = work.stats;
        return ERR_OK;
}
