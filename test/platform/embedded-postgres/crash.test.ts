import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, realpath, truncate, watch, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { databaseUser } from '../../../src/platform/embedded-postgres/database-user.ts'
import { findPostmaster } from '../../../src/platform/embedded-postgres/postmaster.ts'
import { StartError } from '../../../src/platform/start-error.ts'
import { sql } from '../../support/postgres.ts'
import { answer, newHome, start, startService } from './home.ts'

t.test('a server left running by a killed service is taken over, and ended by the next', async (t) => {
  const home = await newHome(t)
  const killed = startService(t, home)
  const { url } = await answer(killed)
  const before = await findPostmaster(join(home, 'postgres'))
  killed.process.kill('SIGKILL')
  await killed.ended
  const next = await start(home)
  t.equal(next.adopted, true)
  t.equal(next.url('holdfast'), url)
  t.strictSame(await findPostmaster(join(home, 'postgres')), before, 'the same process')
  await next.stop()
  t.equal(await findPostmaster(join(home, 'postgres')), null)
})

t.test('what was committed survives a kill of the server itself', async (t) => {
  const home = await newHome(t)
  const first = await start(home)
  await sql(first.url('holdfast'), 'CREATE TABLE kept AS SELECT 42 AS answer')
  process.kill((await findPostmaster(join(home, 'postgres')))!.pid, 'SIGKILL')
  const second = await start(home)
  t.equal(second.adopted, false)
  t.strictSame(await sql(second.url('holdfast'), 'SELECT answer FROM kept'), [{ answer: 42 }])
})

t.test('a stale postmaster.pid that names a living stranger is seen through', async (t) => {
  const home = await newHome(t)
  await (await start(home)).stop()
  const stranger = spawn('/bin/cat', { ...(await databaseUser(home)), cwd: '/' })
  await once(stranger, 'spawn')
  t.teardown(() => stranger.kill())
  const directory = await realpath(join(home, 'postgres'))
  await writeFile(
    join(directory, 'postmaster.pid'),
    `${stranger.pid}\n${directory}\n1790000000\n5432\n\n127.0.0.1\n  1234567 0\nready\n`,
  )
  const server = await start(home)
  t.equal(server.adopted, false)
  t.strictSame(await sql(server.url('holdfast'), 'SELECT 1 AS one'), [{ one: 1 }])
})

t.test('a first start that died half-way is begun again', async (t) => {
  const home = await newHome(t)
  await mkdir(home, { mode: 0o711 })
  const events = watch(home)
  const killed = startService(t, home)
  for await (const { filename } of events) if (filename?.endsWith('.draft')) break
  process.kill(-killed.pid, 'SIGKILL')
  await killed.ended
  t.match(await readdir(home), [/^postgres\.\d+-[0-9a-f]{8}\.draft$/], 'it left a half-made one')
  const server = await start(home)
  t.strictSame(await readdir(home), ['postgres'])
  t.strictSame(await sql(server.url('sample'), 'SELECT 1 AS one'), [{ one: 1 }])
})

t.test('a damaged database is refused in one line with the reason', async (t) => {
  const home = await newHome(t)
  await (await start(home)).stop()
  await truncate(join(home, 'postgres/global/pg_control'), 0)
  await t.rejects(start(home), {
    name: 'StartError',
    message: /^PostgreSQL could not start: .*pg_control.*$/,
  })
})

t.test("what isn't ours is neither used nor overwritten", async (t) => {
  const home = await newHome(t)
  await mkdir(join(home, 'postgres'), { recursive: true })
  await writeFile(join(home, 'postgres/notes.txt'), 'mine')
  const place = join(home, 'postgres')
  await t.rejects(start(home), new StartError(`${place} is not a database of Holdfast's: move it away`))
  t.strictSame(await readdir(place), ['notes.txt'])
})
