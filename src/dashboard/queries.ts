/**
 * How many runs ended how, by day. Takes the days' beginnings in order, and their ends; days count from 1. Day by day,
 * since an index has them in that order, and sorting a hundred thousand into days takes longer.
 */
export const runsByDay = `
  SELECT day::int, done, failed, missed
  FROM unnest(?::timestamptz[], ?::timestamptz[]) WITH ORDINALITY AS days (start, next, day), LATERAL (
    SELECT count(*) FILTER (WHERE status = 'completed')::int AS done,
      count(*) FILTER (WHERE status = 'failed')::int AS failed,
      count(*) FILTER (WHERE status IN ('missed', 'skipped'))::int AS missed
    FROM schedule_runs WHERE due_at >= start AND due_at < next
  ) AS counted
  WHERE done + failed + missed > 0`

/**
 * By how many bytes what is stored grew and shrank, by span. Takes the ends of the spans but the last, four times; spans
 * count from 0. Nothing keeps the history, so it is told from the rows: what was deleted has none any more, and what has
 * expired went when its time was over.
 */
export const storedChanges = `
  SELECT span, kind, sum(bytes)::float8 AS bytes FROM (
    SELECT width_bucket(finished_at, ?::timestamptz[]) AS span, 'snapshots' AS kind, stored_bytes AS bytes
      FROM snapshots WHERE stored_bytes IS NOT NULL AND deleted_at IS NULL
    UNION ALL
    SELECT width_bucket(coalesce(expires_at, finished_at), ?::timestamptz[]), 'snapshots', -stored_bytes
      FROM snapshots WHERE stored_bytes IS NOT NULL AND deleted_at IS NULL AND status = 'expired'
    UNION ALL
    SELECT width_bucket(finished_at, ?::timestamptz[]), 'exports', bytes
      FROM exports WHERE bytes IS NOT NULL AND deleted_at IS NULL
    UNION ALL
    SELECT width_bucket(coalesce(expires_at, finished_at), ?::timestamptz[]), 'exports', -bytes
      FROM exports WHERE bytes IS NOT NULL AND deleted_at IS NULL AND status = 'expired'
  ) AS changes GROUP BY 1, 2`
