import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { instanceToken, killInstance, startInstance } from '../support/instance.ts'
import { testDatabase } from '../support/postgres.ts'
import { migratedTemplate, sampleTemplate } from '../support/templates.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

t.test('every command of the guide works as it stands there, with all three workers', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-guide-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const port = String(await freePort())
  const secret = 'a secret that signs the calls of webhooks'
  const instance = await startInstance({
    HOLDFAST_HOME: folder,
    DATABASE_URL: await testDatabase(t, await migratedTemplate()),
    HOLDFAST_SOURCE_APP_URL: await testDatabase(t, await sampleTemplate()),
    HOLDFAST_DATASETS: join(root, 'examples'),
    HOLDFAST_WEBHOOK_ALLOW: `127.0.0.1:${port}`,
    HOLDFAST_WEBHOOK_SECRET: secret,
  })
  t.teardown(() => killInstance(instance))
  const text = await readFile(join(root, 'docs/batches.md'), 'utf8')
  const commands = [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block).join('\n')
  // The guide is for the repository's folder; what it writes belongs elsewhere.
  await symlink(join(root, 'examples'), join(folder, 'examples'))
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', commands], {
    cwd: folder,
    env: {
      PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
      HOLDFAST_URL: instance.url,
      HOLDFAST_BOOTSTRAP_TOKEN: instanceToken,
      HOLDFAST_WEBHOOK_SECRET: secret,
      RECEIVER_PORT: port,
    },
    maxBuffer: 64_000_000,
  })
  t.match(stdout, /"received":200,"added":200,"existing":0/)
  t.match(stdout, /"accepted":3,"repeated":0,"refused":\[\]/)
  t.match(stdout, /"status":"completed_with_failures",.*"total":203,"completed":202,"failed":1/)
  t.match(stdout, /event: done\n.*\ndata: .*"completed":1,"failed":1/)
  t.match(stdout, /There is no topic/)
  const made = await readdir(join(folder, 'conversations'))
  const json = made.filter((name) => name.endsWith('.json'))
  t.equal(json.length, 201, '200 by workers, one by webhook; two were reported by hand')
  const byNode = (await readFile(join(folder, 'conversations/generated.log'), 'utf8')).trim().split('\n')
  t.ok(byNode.length > 0 && byNode.length < 200, `${byNode.length} by Node, the others by curl and sh`)
})
