import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/**
 * Makes a folder whole or not at all: it is made beside its place and renamed, so that whatever bears the name is
 * complete, whenever we die. Of several who make the same one at once, one wins and the others' work is dropped.
 * @param path where it shall be; nothing is there yet
 * @param make fills the empty folder that it is given
 */
export async function makeWhole(path: string, make: (draft: string) => Promise<void>): Promise<void> {
  await removeAbandonedDrafts(dirname(path))
  const draft = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.draft`
  try {
    await mkdir(draft, { mode: 0o700 })
    await make(draft)
    await sync(draft)
    await rename(draft, path).catch(unlessTaken)
    await sync(dirname(path))
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

function unlessTaken(error: NodeJS.ErrnoException): void {
  if (!['EEXIST', 'ENOTEMPTY', 'ENOTDIR'].includes(error.code ?? '')) throw error
}

async function removeAbandonedDrafts(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const maker = /\.(\d+)-[0-9a-f]{8}\.draft$/.exec(name)?.[1]
    if (maker && !isAlive(Number(maker)))
      await rm(join(parent, name), { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Whether a process of this id exists, whoever it belongs to. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function sync(directory: string): Promise<void> {
  const handle = await open(directory)
  await handle.sync()
  await handle.close()
}
