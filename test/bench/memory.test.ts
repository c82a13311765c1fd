import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { commands, end, residentMemory, startReady } from '../../bench/processes.ts'
import { knownMemory } from '../../bench/short-form.ts'
import { testDatabase } from '../support/postgres.ts'

t.test('a service that has just started holds not much more than what it stands on', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'holdfast-test-'))
  t.teardown(() => rm(home, { recursive: true }))
  const environment = {
    ...{ HOLDFAST_HOME: home, HOLDFAST_DATASETS: home, NODE_COMPILE_CACHE: join(home, 'compile-cache') },
    DATABASE_URL: await testDatabase(t),
  }
  const memory = async (command: string) => {
    await end(await startReady(command, environment)) // which writes down what it compiled
    const started = await startReady(command, environment)
    const megabytes = await residentMemory(started)
    await end(started)
    return megabytes
  }
  const ratio = (await memory(commands.service)) / (await memory(commands.bare))
  t.ok(ratio <= 1.15 * knownMemory, `${ratio.toFixed(2)} times, known ${knownMemory}`)
})
