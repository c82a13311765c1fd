import pg from 'pg'
import { Problem } from '../platform/errors.ts'
import { classifySourceError } from './classify-error.ts'
import { sourceProblems } from './errors.ts'

/**
 * What every session on a source is set to, so that text output is exact and the same everywhere, whatever the
 * server, database or role say. Settings that a server doesn't know yet are passed over.
 */
const sessionSettings: Record<string, string> = {
  timezone: 'UTC',
  datestyle: 'ISO, MDY',
  intervalstyle: 'postgres',
  extra_float_digits: '3',
  bytea_output: 'hex',
  lc_monetary: 'C',
  xmloption: 'content',
  search_path: 'pg_catalog',
  // A policy that would hide rows raises an error instead of quietly leaving rows out of a snapshot.
  row_security: 'off',
  idle_in_transaction_session_timeout: '0',
  transaction_timeout: '0',
  idle_session_timeout: '0',
}

export interface SourceOptions {
  /** Connections at most; default 10. */
  max?: number
  /** Milliseconds to wait for a connection, new or free; default 10,000. */
  connectTimeout?: number
}

/** The connections to one source. */
export interface SourcePool {
  readonly name: string
  /**
   * Lends a connection with the session settings above. What `work` leaves behind (an open transaction, a failure)
   * never reaches the next borrower.
   * @throws Problem SOURCE_… for what the source or the network did; other errors of `work` as they are
   */
  withConnection<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>
  /** Closes all connections when the last is given back. */
  end(): Promise<void>
}

/**
 * Opens a pool to a source; connects at first use.
 * @param name the source's name, for messages
 * @param url its connection string; never appears in an error
 * @throws Problem SOURCE_UNREACHABLE when the connection string can't be read
 */
export function openSource(name: string, url: string, options: SourceOptions = {}): SourcePool {
  const pool = createPool(name, url, options)
  // An idle connection that breaks is replaced at the next use, which reports it if that fails too.
  pool.on('error', () => undefined)
  return {
    name,
    withConnection: (work) => lend(name, pool, work),
    end: () => pool.end(),
  }
}

function createPool(name: string, url: string, options: SourceOptions): pg.Pool {
  if (!isReadable(url)) {
    throw sourceProblems.SOURCE_UNREACHABLE(`source "${name}": its connection string can't be read`)
  }
  return new pg.Pool({
    connectionString: url,
    application_name: 'holdfast',
    client_encoding: 'UTF8',
    max: options.max ?? 10,
    connectionTimeoutMillis: options.connectTimeout ?? 10_000,
    keepAlive: true,
    onConnect: applySettings,
  })
}

/** What the parser says quotes the whole string, with its password: only yes or no leaves here. */
function isReadable(url: string): boolean {
  if (!URL.canParse(url)) return false
  try {
    return new pg.Client({ connectionString: url }).host !== ''
  } catch {
    return false
  }
}

/** SET rather than startup options, so that `SET LOCAL search_path TO DEFAULT` gives triggers the role's own path,
 * and because connection poolers refuse startup options. */
async function applySettings(client: pg.ClientBase): Promise<void> {
  // A setting too, but by itself: the other statement takes some milliseconds, which is more than some servers allow.
  await client.query('SET statement_timeout = 0')
  await client.query(
    `SELECT pg_catalog.set_config(known.name, wanted.value, false)
       FROM pg_catalog.json_each_text($1) AS wanted(name, value)
       JOIN pg_catalog.pg_settings AS known ON pg_catalog.lower(known.name) = wanted.name`,
    [JSON.stringify(sessionSettings)],
  )
}

async function lend<T>(name: string, pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  let client: pg.PoolClient
  try {
    client = await pool.connect()
  } catch (error) {
    throw classifySourceError(error, name)
  }
  // Without a listener, a connection that breaks between two statements would end the process.
  let broken: Error | undefined
  const note = (error: Error) => (broken = error)
  client.on('error', note)
  // Only what ended well and outside a transaction goes back: after a failure a COPY may still be under way.
  let idle = false
  try {
    const result = await work(client)
    idle = client.getTransactionStatus() === 'I'
    return result
  } catch (error) {
    throw meaningOf(error, broken, name)
  } finally {
    client.removeListener('error', note)
    client.release(broken !== undefined || !idle)
  }
}

/**
 * An error of the network is only the source's when its connection broke: `work` may have met it elsewhere, in a store.
 * A stream over a lost connection may fail with an error of its own; what the connection said is the better answer.
 */
function meaningOf(error: unknown, broken: Error | undefined, name: string): unknown {
  if (error instanceof Problem) return error
  if (error instanceof pg.DatabaseError) return classifySourceError(error, name)
  return broken === undefined ? error : classifySourceError(broken, name)
}
