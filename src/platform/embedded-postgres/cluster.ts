import { randomBytes } from 'node:crypto'
import { chown, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import { StartError } from '../start-error.ts'
import { exists, sharedDirectory, type Binaries } from './binaries.ts'
import { canReach } from './database-user.ts'
import { run, type User } from './run.ts'
import { role, writeSettings, type Purpose } from './settings.ts'
import { makeWhole } from './whole-directory.ts'

export interface ClusterOptions {
  home: string
  user: User
  binaries: Binaries
  purpose: Purpose
  log: Pick<FastifyBaseLogger, 'info'>
}

/** A data directory of PostgreSQL with our role and databases in it, complete. */
export interface Cluster extends ClusterOptions {
  /** Real path of the data directory. */
  directory: string
  url(port: number, database: string): string
}

const passwordFile = 'holdfast.password'

/**
 * The home's cluster, made when there is none.
 * @throws StartError when it can't be made, or what is there isn't one
 */
export async function openCluster(options: ClusterOptions): Promise<Cluster> {
  const place = join(options.home, 'postgres')
  if (!(await exists(place))) await createCluster(place, options)
  const directory = await realpath(place).catch((error: unknown) => {
    throw new StartError(`${place} points at a database that is gone`, { cause: error })
  })
  const password = await readFile(join(directory, passwordFile), 'utf8').catch((error: unknown) => {
    throw new StartError(`${place} is not a database of Holdfast's: move it away`, { cause: error })
  })
  if (!(await canReach(options.user, directory)))
    throw new StartError(`PostgreSQL's user can't reach ${place}: open the folders above it (chmod o+x)`)
  const url = (port: number, database: string) =>
    `postgres://${role}:${password}@127.0.0.1:${port}/${database}`
  return { ...options, directory, url }
}

/** Under the home, or where its user can get when the home is closed to them; then a link tells where. */
async function createCluster(place: string, options: ClusterOptions): Promise<void> {
  options.log.info({ home: options.home }, 'Making a new database')
  try {
    if (await canReach(options.user, options.home)) return await make(place, options)
    // Not named after the home: another one may stand in its place tomorrow.
    const elsewhere = join(await sharedDirectory(), `data-${randomBytes(8).toString('hex')}`)
    await make(elsewhere, options)
    await symlink(elsewhere, place).catch(async (error: NodeJS.ErrnoException) => {
      await rm(elsewhere, { recursive: true })
      if (error.code !== 'EEXIST') throw error
    })
  } catch (error) {
    throw new StartError(`The database could not be made in ${place}: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

async function make(directory: string, { user, binaries, purpose }: ClusterOptions): Promise<void> {
  await makeWhole(directory, async (draft) => {
    if (user) await chown(draft, user.uid, user.gid)
    const durability = purpose.durable ? [] : ['--no-sync']
    await run(binaries.initdb, ['-D', draft, ...initdbArguments, ...durability], user)
    const password = randomBytes(24).toString('base64url')
    await run(
      binaries.postgres,
      ['--single', '-D', draft, ...singleUserArguments],
      user,
      setupSql(password, purpose),
    )
    await writeSettings(draft, purpose)
    await writeFile(join(draft, passwordFile), password, { mode: 0o600, flush: true })
    if (user) await chown(join(draft, passwordFile), user.uid, user.gid)
  })
}

/** The superuser has no password and may not connect: it acts in single-user mode only, before the first start. */
const initdbArguments = [
  '--username=postgres',
  '--auth=reject',
  '--encoding=UTF8',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--locale=C',
  '--no-instructions',
]
const singleUserArguments = ['-c', 'exit_on_error=on', '-c', 'log_checkpoints=off', 'postgres']

/** One statement a line, as single-user mode wants it. */
function setupSql(password: string, { superuser, databases }: Purpose): string {
  return [
    `CREATE ROLE ${role} LOGIN ${superuser ? 'SUPERUSER' : ''} PASSWORD '${password}'`,
    ...databases.map((database) => `CREATE DATABASE ${database} OWNER ${role}`),
    '',
  ].join('\n')
}
