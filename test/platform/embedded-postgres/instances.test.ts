import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { startEmbeddedPostgres } from '../../../src/platform/embedded-postgres.ts'
import { findPostmaster } from '../../../src/platform/embedded-postgres/postmaster.ts'
import { StartError } from '../../../src/platform/start-error.ts'
import { sql } from '../../support/postgres.ts'
import { answer, newHome, start, startService } from './home.ts'

t.test('a second instance on a home is told who uses it, and the first is undisturbed', async (t) => {
  const home = await newHome(t)
  const first = startService(t, home)
  const { url } = await answer(first)
  await t.rejects(
    start(home),
    new StartError(`HOLDFAST_HOME ${home} is already in use by process ${first.pid}`),
  )
  t.strictSame(await sql(url, 'SELECT 1 AS one'), [{ one: 1 }])
  first.process.kill('SIGTERM')
  await first.ended
  t.equal((await start(home)).adopted, false, 'and the home is free afterwards')
})

t.test('of several first starts at once on a home exactly one succeeds', async (t) => {
  const home = await newHome(t)
  const services = [1, 2, 3].map(() => startService(t, home))
  const answers = await Promise.all(services.map(answer))
  const winner = answers.findIndex(({ error }) => error === undefined)
  const expected = `HOLDFAST_HOME ${home} is already in use by process ${services[winner]?.pid}`
  t.strictSame(
    answers.filter((_, index) => index !== winner).map(({ error }) => error),
    [expected, expected],
  )
  t.strictSame(await sql(answers[winner]!.url, 'SELECT 1 AS one'), [{ one: 1 }])
})

t.test('Ctrl-C reaches the service and leaves its database alone, until the service ends it', async (t) => {
  const home = await newHome(t)
  const service = startService(t, home)
  const { url } = await answer(service)
  const { pid } = (await findPostmaster(join(home, 'postgres')))!
  const group = execFileSync('ps', ['-o', 'pgid=', '-p', `${pid}`], { encoding: 'utf8' })
  t.equal(Number(group), pid, 'the server leads a group of its own')
  process.kill(-service.pid, 'SIGINT')
  t.equal(await service.line(), 'interrupted')
  t.strictSame(await sql(url, 'SELECT 1 AS one'), [{ one: 1 }])
  service.process.kill('SIGTERM')
  await service.ended
  t.equal(service.process.exitCode, 0)
  t.equal(await findPostmaster(join(home, 'postgres')), null)
})

t.test('a server that the service lost is reported', async (t) => {
  const home = await newHome(t)
  const lost = Promise.withResolvers<void>()
  await startEmbeddedPostgres({ home, log: { info() {}, error: () => lost.resolve() } })
  const { pid } = (await findPostmaster(join(home, 'postgres')))!
  process.kill(pid, 'SIGQUIT')
  await lost.promise
})
