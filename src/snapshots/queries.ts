export interface DatasetSummary {
  /** Completed ones. */
  snapshots: number
  storedBytes: number
  /**
   * The newest completed one taken for its own sake: of all records if there is any, else of a month or a period; null
   * when there is none.
   */
  last: { id: string; takenAt: string; scope: Record<string, unknown> } | null
  /** The newest that ended, when it failed. One that somebody cancelled did not. */
  failed: { id: string; code: string } | null
}

/** The newest good one that was taken for its own sake. An index has them in this order. */
const newest = (condition: string) => `
    (SELECT json_build_object('id', id, 'takenAt', taken_at, 'scope', scope) FROM snapshots
      WHERE dataset = totals.dataset AND status = 'completed' AND deleted_at IS NULL
        AND trigger IN ('manual', 'pre_sync', 'scheduled') AND ${condition}
      ORDER BY taken_at DESC LIMIT 1)`

/** One row for each dataset that has snapshots. A copy of single records doesn't make a dataset safe. */
export const summaryByDataset = `
  SELECT totals.dataset, totals.snapshots::int AS snapshots, totals.stored_bytes::float8 AS "storedBytes",
    coalesce(${newest("scope -> 'all' IS NOT NULL")}, ${newest("scope -> 'keys' IS NULL")}) AS last,
    (SELECT CASE WHEN status = 'failed' THEN json_build_object('id', id, 'code', error ->> 'code') END FROM snapshots
      WHERE dataset = totals.dataset AND status IN ('completed', 'failed') AND deleted_at IS NULL
        AND coalesce(error ->> 'code', '') <> 'SNAPSHOT_CANCELLED'
      ORDER BY id DESC LIMIT 1) AS failed
  FROM (
    SELECT dataset, count(*) FILTER (WHERE status = 'completed') AS snapshots,
      coalesce(sum(stored_bytes) FILTER (WHERE status = 'completed'), 0) AS stored_bytes
    FROM snapshots WHERE deleted_at IS NULL GROUP BY dataset
  ) AS totals`
