/**
 * The server of our own database. Every replica keeps one connection for signals (platform/signals.ts), which tells how
 * many there are.
 */
export const aboutDatabase = `
  SELECT current_setting('server_version') AS version,
    pg_database_size(current_database())::float8 AS bytes,
    (SELECT count(*)::int FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'holdfast signals') AS replicas,
    (SELECT count(*)::int FROM migrations) AS migrations`

/** Jobs of the queue that failed for good and are still kept, by kind. */
export const failedJobs = `
  SELECT name, count(*)::int AS failed FROM pgboss.job WHERE state = 'failed' GROUP BY name`
