import pg from 'pg'
import { Problem } from '../platform/errors.ts'
import type { ProblemFactory } from '../platform/errors.ts'
import { sourceProblems } from './errors.ts'

const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EPIPE',
  'ENOENT', // a Unix socket that isn't there
  'EACCES',
])

/** What pg and pg-pool say, without any code, when a connection is lost or never came. */
const lostConnection =
  /^(Connection terminated|Client has encountered a connection error|The server does not support SSL)/
const poolExhausted = /^timeout exceeded when trying to connect/
const tls = /^(CERT_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|HOSTNAME_MISMATCH|EPROTO)/

/** SQLSTATEs (PostgreSQL manual, appendix A) and what they mean to the one who reads; a class of two letters last. */
const sqlStates: Record<string, ProblemFactory> = {
  '53100': sourceProblems.SOURCE_FULL,
  '53200': sourceProblems.SOURCE_FULL,
  '53300': sourceProblems.SOURCE_BUSY,
  '53400': sourceProblems.SOURCE_FULL,
  '57P01': sourceProblems.SOURCE_UNREACHABLE,
  '57P02': sourceProblems.SOURCE_UNREACHABLE,
  '57P03': sourceProblems.SOURCE_UNREACHABLE,
  '57P04': sourceProblems.SOURCE_UNREACHABLE,
  '57P05': sourceProblems.SOURCE_UNREACHABLE,
  '25P03': sourceProblems.SOURCE_TIMEOUT,
  '25P04': sourceProblems.SOURCE_TIMEOUT,
  '25006': sourceProblems.SOURCE_READ_ONLY,
  '40001': sourceProblems.SOURCE_CONFLICT,
  '40P01': sourceProblems.SOURCE_CONFLICT,
  '55P03': sourceProblems.SOURCE_LOCKED,
  '42501': sourceProblems.SOURCE_PERMISSION_MISSING,
  '42P01': sourceProblems.SOURCE_CHANGED,
  '42703': sourceProblems.SOURCE_CHANGED,
  '42704': sourceProblems.SOURCE_CHANGED,
  '42883': sourceProblems.SOURCE_CHANGED,
  '3F000': sourceProblems.SOURCE_CHANGED,
  '3D000': sourceProblems.SOURCE_UNREACHABLE,
  P0001: sourceProblems.SOURCE_REJECTED,
  '08': sourceProblems.SOURCE_UNREACHABLE,
  '28': sourceProblems.SOURCE_UNREACHABLE,
  '22': sourceProblems.SOURCE_REJECTED,
  '23': sourceProblems.SOURCE_REJECTED,
  '44': sourceProblems.SOURCE_REJECTED,
}

/**
 * Tells what an error from a source means.
 * @param error anything thrown while a source's connection was used
 * @param source the source's name
 * @returns the problem to show, or the error as it is when it is one already or did not come from the source. Never
 *   carries the connection string, nor the values of rows (PostgreSQL's DETAIL is left out for that reason)
 */
export function classifySourceError(error: unknown, source: string): unknown {
  if (error instanceof Problem || !(error instanceof Error)) return error
  if (error instanceof pg.DatabaseError) return fromServer(error, source)
  return fromNetwork(error, source) ?? error
}

function fromServer(error: pg.DatabaseError, source: string): Problem {
  const code = error.code ?? ''
  if (code === '57014') return cancelled(error, source)
  const factory = recoveryConflict.test(error.message)
    ? sourceProblems.SOURCE_RECOVERY_CONFLICT
    : (sqlStates[code] ?? sqlStates[code.slice(0, 2)] ?? sourceProblems.SOURCE_FAILED)
  return factory(`source "${source}": ${explain(error)}`, {
    cause: error,
    ...(retryable.has(factory) && { retryAfter: 5 }),
  })
}

/**
 * A standby ends what stands in the way of what it replays, with the SQLSTATE of two transactions that get in each other's way.
 * https://www.postgresql.org/docs/18/hot-standby.html#HOT-STANDBY-CONFLICT
 */
const recoveryConflict = /due to conflict with recovery$/

const retryable = new Set([
  sourceProblems.SOURCE_RECOVERY_CONFLICT,
  sourceProblems.SOURCE_BUSY,
  sourceProblems.SOURCE_UNREACHABLE,
  sourceProblems.SOURCE_CONFLICT,
  sourceProblems.SOURCE_LOCKED,
])

/** statement_timeout and a person's pg_cancel_backend share one SQLSTATE; only the message tells them apart. */
function cancelled(error: pg.DatabaseError, source: string): Problem {
  const byTimeout = error.message.includes('timeout')
  const factory = byTimeout ? sourceProblems.SOURCE_TIMEOUT : sourceProblems.SOURCE_CANCELLED
  return factory(`source "${source}": ${error.message}`, { cause: error })
}

function explain(error: pg.DatabaseError): string {
  const place = [
    error.constraint && `constraint "${error.constraint}"`,
    error.table && `table "${error.schema}.${error.table}"`,
  ].filter(Boolean)
  const where = place.length > 0 ? ` (${place.join(', ')})` : ''
  return `${error.message}${where} [${error.code}]${missingRight(error.message)}`
}

function missingRight(message: string): string {
  const [, kind, name] = /^permission denied for (\w+(?: \w+)*) (\S+)$/.exec(message) ?? []
  if (kind === 'schema') return `: it needs GRANT USAGE ON SCHEMA ${name}`
  if (kind === 'sequence') return `: it needs GRANT USAGE, SELECT, UPDATE ON SEQUENCE ${name}`
  if (kind !== undefined) {
    return `: it needs GRANT SELECT ON ${name} to read, and INSERT, UPDATE, DELETE to restore or delete`
  }
  if (message.includes('row-level security')) return ': it needs BYPASSRLS, or to own the table without FORCE'
  return ''
}

function fromNetwork(error: Error, source: string): Problem | null {
  if (poolExhausted.test(error.message)) {
    return sourceProblems.SOURCE_BUSY(`source "${source}": all connections are in use`, {
      cause: error,
      retryAfter: 5,
    })
  }
  // Happy eyeballs: one error for every address that was tried.
  const inner = error instanceof AggregateError ? error.errors[0] : error
  const code = (inner as NodeJS.ErrnoException).code ?? ''
  if (!networkCodes.has(code) && !tls.test(code) && !lostConnection.test(inner.message)) return null
  return sourceProblems.SOURCE_UNREACHABLE(`source "${source}": ${inner.message || code}`, {
    cause: error,
    retryAfter: 5,
  })
}
