import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What an embedded server is for, where that makes a difference. */
export interface Purpose {
  /** Lets the role do anything and use any database: for test servers only. */
  superuser: boolean
  /** Made on the first start, owned by the role. `holdfast` is always there: the instance lock is held in it. */
  databases: ['holdfast', ...string[]]
  /** False skips every fsync: for data that needn't outlive the machine. */
  durable: boolean
  maxConnections: number
}

export const servicePurpose: Purpose = {
  superuser: false,
  databases: ['holdfast', 'sample'],
  durable: true,
  maxConnections: 80,
}

/** The server's one role that can log in. */
export const role = 'holdfast'

/** Writes `postgresql.conf` and `pg_hba.conf`, where a new version of ours wants other ones than are there. */
export async function writeSettings(directory: string, purpose: Purpose): Promise<void> {
  const files = { 'postgresql.conf': serverSettings(purpose), 'pg_hba.conf': accessRules(purpose) }
  for (const [name, text] of Object.entries(files)) {
    const path = join(directory, name)
    if ((await readFile(path, 'utf8')) !== text) await writeFile(path, text, { flush: true })
  }
}

/**
 * Safe first, since this may hold the only copy; small second, since it runs beside the service.
 * The server's log names no values and no statements: the service logs its own errors, and data stay out of logs.
 */
function serverSettings(purpose: Purpose): string {
  return Object.entries({
    listen_addresses: "'127.0.0.1'",
    // TCP alone: a socket's path has a limit of about 100 bytes, and /tmp may be full or closed.
    unix_socket_directories: "''",
    max_connections: purpose.maxConnections,
    shared_buffers: '32MB',
    work_mem: '16MB',
    io_method: 'sync',
    jit: 'off',
    max_logical_replication_workers: 0,
    wal_level: 'minimal',
    max_wal_senders: 0,
    min_wal_size: '32MB',
    ...(purpose.durable ? {} : { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }),
    timezone: "'UTC'",
    log_timezone: "'UTC'",
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_checkpoints: 'off',
  })
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('')
}

/** Nobody but the role, to nothing but its databases. The superuser can't connect at all. Tests make roles of their own. */
function accessRules(purpose: Purpose): string {
  const [databases, roles] = purpose.superuser ? ['all', 'all'] : [purpose.databases.join(','), role]
  return `host ${databases} ${roles} 127.0.0.1/32 scram-sha-256\n`
}
