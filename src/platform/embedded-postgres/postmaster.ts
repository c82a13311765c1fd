import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, readlink, rename, rm, type FileHandle } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { StartError } from '../start-error.ts'
import type { Cluster } from './cluster.ts'
import { environment, lastLine, run } from './run.ts'
import { writeSettings } from './settings.ts'
import { isAlive } from './whole-directory.ts'

/** The main process of a running server. */
export interface Postmaster {
  pid: number
  port: number
}

export interface RunningServer {
  port: number
  adopted: boolean
  /** A connection to `holdfast`, the first that was made. */
  client: pg.Client
}

const pollMilliseconds = 20
const patienceMilliseconds = 120_000

/**
 * Makes sure that exactly one server runs on the cluster: takes over one that runs, waits for one that is ending or
 * recovering, starts one otherwise. PostgreSQL's own lock decides when several try at once.
 * @throws StartError with PostgreSQL's own words when it doesn't come up
 */
export async function startPostmaster(cluster: Cluster): Promise<RunningServer> {
  const deadline = Date.now() + patienceMilliseconds
  let started: StartedServer | null = null
  try {
    while (Date.now() < deadline) {
      const running: { port: number } | null = started ?? (await findPostmaster(cluster.directory))
      const client = running && (await connect(cluster.url(running.port, 'holdfast')))
      if (running && client) return { port: running.port, adopted: started === null, client }
      if (started && hasEnded(started)) {
        await requirePassingReason(cluster, started)
        await started.log.close()
        started = null
      } else if (!running) started = await launch(cluster)
      await delay(pollMilliseconds)
    }
  } finally {
    await started?.log.close()
  }
  throw new StartError(
    `PostgreSQL did not come up within ${patienceMilliseconds / 1000} s: ${logPath(cluster)}`,
  )
}

interface StartedServer {
  port: number
  process: ChildProcess
  /** What it said so far. Its own file, even when somebody else starts one at the same time. */
  log: FileHandle
}

/** The server gets a session of its own, so that the terminal's Ctrl-C reaches us alone and we shut it down in order. */
async function launch(cluster: Cluster): Promise<StartedServer> {
  const { directory, purpose, user, binaries } = cluster
  await removeMisleadingPidFile(directory)
  await writeSettings(directory, purpose)
  await rename(logPath(cluster), `${logPath(cluster)}.previous`).catch(() => {})
  const port = await freePort(await lastPort(directory))
  const log = await open(logPath(cluster), 'w+', 0o600)
  const child = spawn(binaries.postgres, ['-D', directory, '-p', `${port}`], {
    ...user,
    cwd: '/',
    env: environment,
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  })
  await once(child, 'spawn')
  child.unref()
  return { port, process: child, log }
}

function hasEnded({ process }: StartedServer): boolean {
  return process.exitCode !== null || process.signalCode !== null
}

/** When another process was faster, to the port or to the data, trying again makes sense. */
async function requirePassingReason(cluster: Cluster, { log }: StartedServer): Promise<void> {
  const { buffer, bytesRead } = await log.read(Buffer.alloc(65_536), 0, 65_536, 0)
  const said = buffer.toString('utf8', 0, bytesRead)
  if (/Address already in use|lock file "postmaster.pid"|still in use/.test(said)) return
  throw new StartError(`PostgreSQL could not start: ${lastLine(said)} (${logPath(cluster)})`)
}

function logPath(cluster: Cluster): string {
  return join(cluster.directory, 'server.log')
}

/** The port of the last start, as PostgreSQL wrote it down, so that it stays the same where it can. 0: none yet. */
async function lastPort(directory: string): Promise<number> {
  const options = await readFile(join(directory, 'postmaster.opts'), 'utf8').catch(() => '')
  return Number(/"-p" "(\d+)"/.exec(options)?.[1] ?? 0)
}

async function freePort(preferred: number): Promise<number> {
  const server = createServer()
  try {
    await once(server.listen(preferred, '127.0.0.1'), 'listening')
    return (server.address() as AddressInfo).port
  } catch (error) {
    if (preferred === 0) throw error
    return await freePort(0)
  } finally {
    server.close()
  }
}

/** @returns null when it doesn't take connections yet or any more */
async function connect(url: string): Promise<pg.Client | null> {
  const client = new pg.Client({ connectionString: url, application_name: `holdfast ${process.pid}` })
  try {
    await client.connect()
    return client
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const cannotConnectNow = '57P03'
    if (code === cannotConnectNow || code === 'ECONNREFUSED' || code === 'ECONNRESET') return null
    throw new StartError(`The embedded PostgreSQL refuses us: ${message}`, { cause: error })
  }
}

/** The server that runs on a data directory now, from the file that it keeps there; null when there is none. */
export async function findPostmaster(directory: string): Promise<Postmaster | null> {
  const [pid, , , port] = await readPidFile(directory)
  return pid && port && (await worksIn(pid, directory)) ? { pid, port } : null
}

/** https://www.postgresql.org/docs/18/storage-file-layout.html: pid, directory, start time, port … a line each. */
async function readPidFile(directory: string): Promise<number[]> {
  const text = await readFile(join(directory, 'postmaster.pid'), 'utf8').catch(() => '')
  return text.split('\n').map(Number)
}

/** A process id alone proves nothing: after a crash it may be somebody else's by now. */
async function worksIn(pid: number, directory: string): Promise<boolean> {
  if (process.platform === 'linux')
    return readlink(`/proc/${pid}/cwd`).then(
      (path) => path === directory,
      () => false,
    )
  return run('ps', ['-ww', '-o', 'command=', '-p', `${pid}`]).then(
    (command) => command.includes(directory),
    () => false,
  )
}

/** PostgreSQL won't start when the file names a process of its user's that lives, even if that isn't PostgreSQL. */
async function removeMisleadingPidFile(directory: string): Promise<void> {
  const [pid] = await readPidFile(directory)
  if (pid && isAlive(pid) && !(await worksIn(pid, directory))) await rm(join(directory, 'postmaster.pid'))
}

/**
 * Shuts down the server that runs on a data directory, if any: a checkpoint first, so that the next start is quick.
 * @param directory real path
 */
export async function stopPostmaster(directory: string): Promise<void> {
  const found = await findPostmaster(directory)
  if (!found) return
  const fastShutdown = 'SIGINT'
  process.kill(found.pid, fastShutdown)
  while (await worksIn(found.pid, directory)) await delay(pollMilliseconds)
}
