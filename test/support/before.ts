import { chmod, mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../../src/platform/embedded-postgres.ts'
import { isAlive } from '../../src/platform/embedded-postgres/whole-directory.ts'
import { serverDirectory, serverFile, type ServerRecord } from './postgres.ts'
import { endServer } from './server-end.ts'

// Runs once before the suite. Each run of tap has a PostgreSQL of its own, so that runs side by side in one checkout
// don't meet; this process, the tests' and after.ts are all children of the same tap.
await mkdir(serverDirectory, { recursive: true })
for (const name of await readdir(serverDirectory)) {
  const run = Number(name.split('.')[0])
  if (!isAlive(run)) await endServer(serverFile(run))
}
const url = process.env['HOLDFAST_TEST_POSTGRES_URL']
const server: ServerRecord = url ? { url, home: null } : await startServer()
await writeFile(serverFile(process.ppid), JSON.stringify(server), { mode: 0o600 })
process.exit() // The server stays, and would keep us.

async function startServer(): Promise<ServerRecord> {
  const home = await mkdtemp(join(tmpdir(), 'holdfast-test-'))
  await chmod(home, 0o711) // As root the server runs as another user.
  const server = await startEmbeddedPostgres({
    home,
    log: { info() {}, error() {} },
    purpose: { superuser: true, databases: ['holdfast'], durable: false, maxConnections: 300 },
  })
  return { url: server.url(''), home }
}
