import { defineProblems } from '../platform/errors.ts'

/** What can go wrong between Holdfast and a source, by what its operator can do about it. */
export const sourceProblems = defineProblems({
  SOURCE_UNKNOWN: {
    status: 404,
    title: 'No source of that name is configured',
    hint: 'Set HOLDFAST_SOURCE_<NAME>_URL and start again; GET /api/datasets shows the source of each dataset.',
  },
  SOURCE_UNREACHABLE: {
    status: 503,
    title: 'The source could not be reached',
    hint: 'Nothing was changed by this. Check that the database runs and that HOLDFAST_SOURCE_<NAME>_URL is right, then try again.',
  },
  SOURCE_BUSY: {
    status: 503,
    title: 'The source has no free connection',
    hint: 'Try again in a moment; if it lasts, raise max_connections on the source.',
  },
  SOURCE_PERMISSION_MISSING: {
    status: 409,
    title: "The source's role lacks a right",
    hint: 'Grant the right named in the detail to the role in HOLDFAST_SOURCE_<NAME>_URL. Snapshots need USAGE on the schema and SELECT; restores and cleanups INSERT, UPDATE and DELETE too.',
  },
  SOURCE_FULL: {
    status: 507,
    title: 'The source has run out of disk or memory',
    hint: 'Nothing was changed by this. Free space on the database server, then try again.',
  },
  SOURCE_READ_ONLY: {
    status: 409,
    title: 'The source only allows reading',
    hint: 'It is a standby or set to read-only. Point HOLDFAST_SOURCE_<NAME>_URL at the primary to restore or delete.',
  },
  SOURCE_CONFLICT: {
    status: 409,
    title: 'The application changed the same rows at the same time',
    hint: 'Nothing was changed by this. Try again.',
  },
  SOURCE_RECOVERY_CONFLICT: {
    status: 503,
    title: 'The standby went on to what the primary had changed, and ended what was being read',
    hint: 'Nothing is lost: try again. If it lasts, set hot_standby_feedback = on at the standby, or raise max_standby_streaming_delay there.',
  },
  SOURCE_LOCKED: {
    status: 409,
    title: 'The application holds a lock on rows or tables that are needed',
    hint: 'Nothing was changed by this. Try again when the long transaction has ended.',
  },
  SOURCE_TIMEOUT: {
    status: 503,
    title: 'The source took too long',
    hint: 'Try a smaller scope or period; an index on the column searched helps.',
  },
  SOURCE_CANCELLED: {
    status: 409,
    title: 'The statement was cancelled on the source',
    hint: 'Nothing was changed by this. Somebody cancelled it in the database, or the operation was cancelled here.',
  },
  SOURCE_CHANGED: {
    status: 409,
    title: "The source's tables are not what they were when they were read",
    hint: 'A migration ran meanwhile. The dataset is read again by itself; look at its problems and try again.',
  },
  SOURCE_REJECTED: {
    status: 409,
    title: 'The source rejected a row',
    hint: 'A constraint or a trigger of the application said no; the transaction was rolled back. The detail names it.',
  },
  SOURCE_FAILED: {
    status: 502,
    title: 'The source reported an error',
    hint: "Nothing was changed by this. The database server's log says more.",
  },
})
