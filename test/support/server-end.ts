import { readFile, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { stopPostmaster } from '../../src/platform/embedded-postgres/postmaster.ts'
import type { ServerRecord } from './postgres.ts'

/** Ends a run's server and removes all that it left. */
export async function endServer(record: URL): Promise<void> {
  const { home } = JSON.parse(await readFile(record, 'utf8')) as ServerRecord
  if (home !== null) {
    const directory = await realpath(join(home, 'postgres'))
    await stopPostmaster(directory)
    await rm(directory, { recursive: true, force: true })
    await rm(home, { recursive: true, force: true })
  }
  await rm(record, { force: true })
}
