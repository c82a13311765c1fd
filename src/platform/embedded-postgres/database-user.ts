import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { StartError } from '../start-error.ts'
import { run, type User } from './run.ts'

/**
 * Whom the server runs as. PostgreSQL refuses to run as root; then it is the owner of the data, or the system's user
 * `postgres`, who is created when absent.
 * @throws StartError when the data belong to somebody else, or the user can't be created
 */
export async function databaseUser(home: string): Promise<User> {
  const ownUid = process.getuid?.()
  const data = await stat(join(home, 'postgres')).catch(() => null)
  if (ownUid === 0) return data && data.uid !== 0 ? { uid: data.uid, gid: data.gid } : systemUser('postgres')
  if (data && ownUid !== undefined && data.uid !== ownUid)
    throw new StartError(
      `The database in ${join(home, 'postgres')} belongs to another user (uid ${data.uid}): start as that user or as root`,
    )
  return null
}

/**
 * A user of the operating system, created without a home and without a shell when there is none of that name.
 * @throws StartError when it can't be created
 */
export async function systemUser(name: string): Promise<User> {
  const existing = await findUser(name)
  if (existing) return existing
  const complaint = await createUser(name).catch((error: Error) => error.message)
  const created = await findUser(name)
  if (!created)
    throw new StartError(
      `PostgreSQL can't run as root, and its user "${name}" could not be created (${complaint})`,
    )
  return created
}

/** Debian, Fedora and their like have useradd; Alpine and BusyBox have adduser only. */
async function createUser(name: string): Promise<string> {
  return run('useradd', [
    '--system',
    '--user-group',
    '--no-create-home',
    '--shell',
    '/bin/false',
    name,
  ]).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    return run('adduser', ['-S', '-D', '-H', name])
  })
}

async function findUser(name: string): Promise<User> {
  try {
    return { uid: Number(await run('id', ['-u', name])), gid: Number(await run('id', ['-g', name])) }
  } catch {
    return null
  }
}

/** Whether the user gets to a folder or program, through all that lies above it. Asks the system, as that user. */
export async function canReach(user: User, path: string): Promise<boolean> {
  if (user === null) return true
  return run('/bin/sh', ['-c', 'test -x "$1"', 'sh', path], user).then(
    () => true,
    () => false,
  )
}
