import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as rest } from 'node:timers/promises'
import t from 'tap'
import { commands, end, residentMemory, startReady, type Started } from '../../bench/processes.ts'
import { allowedMemory, knownMemory } from '../../bench/short-form.ts'
import { testDatabase } from '../support/postgres.ts'

/** Looks at it give back what its start took; nothing else tells of it. */
const looks = 60
const apartMs = 500

t.test('a service at rest holds not much more than what it stands on', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'holdfast-test-'))
  t.teardown(() => rm(home, { recursive: true }))
  const environment = {
    ...{ HOLDFAST_HOME: home, HOLDFAST_DATASETS: home, NODE_COMPILE_CACHE: join(home, 'compile-cache') },
    DATABASE_URL: await testDatabase(t),
  }
  const measure = async (command: string, look: (started: Started) => Promise<number>) => {
    await end(await startReady(command, environment)) // which writes down what it compiled
    const started = await startReady(command, environment)
    const megabytes = await look(started)
    await end(started)
    return megabytes
  }
  const bare = await measure(commands.bare, residentMemory)
  const most = allowedMemory * knownMemory * bare
  const service = await measure(commands.service, async (started) => {
    let megabytes = await residentMemory(started)
    for (let i = 0; i < looks && megabytes > most; i++) {
      await rest(apartMs)
      megabytes = await residentMemory(started)
    }
    return megabytes
  })
  t.ok(service <= most, `${(service / bare).toFixed(2)} times, known ${knownMemory}`)
})
