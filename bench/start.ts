import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as rest } from 'node:timers/promises'
import type { Ground } from './ground.ts'
import { commands, end, residentMemory, startReady } from './processes.ts'
import type { Listing } from './report.ts'

/** How long nothing is asked of it before its memory is looked at, in milliseconds. */
const idleMs = 10_000

/** From the process to the first ready answer, on a database that is there, and what it holds when nothing is asked. */
export async function start({ server, rounds }: Ground): Promise<Listing> {
  const database = 'holdfast_bench_start'
  await server.drop(database)
  const home = await mkdtemp(join(tmpdir(), 'holdfast-bench-'))
  const environment = {
    ...{ HOLDFAST_HOME: home, HOLDFAST_DATASETS: home, NODE_COMPILE_CACHE: join(home, 'compile-cache') },
    DATABASE_URL: await server.create(database),
  }
  try {
    const service = await startTimes(commands.service, environment, rounds)
    const bare = await startTimes(commands.bare, environment, rounds)
    const row = (name: string, sorted: number[], digits: number) => [
      name,
      ...[sorted[0]!, sorted[sorted.length >> 1]!, sorted.at(-1)!].map((one) => one.toFixed(digits)),
    ]
    return {
      title: 'Start, and rest',
      about: `The service as \`npm start\` starts it, on a database that is there and migrated, its modules compiled by an earlier start: from the process to the first 200 of \`/readyz\`, asked every 5 ms; and its resident memory after ${idleMs / 1000} s in which nobody asked anything and it gave back what its start took, Node's own program (about 60 MB, shared by all processes that run it) included. Bare: a process with Fastify, MikroORM, one entity and one route, started in the same way.`,
      head: ['', 'least', 'median', 'most'],
      rows: [
        row('ready after, s', service.seconds, 2),
        row('idle, MB', service.megabytes, 0),
        row('bare: ready after, s', bare.seconds, 2),
        row('bare: idle, MB', bare.megabytes, 0),
      ],
    }
  } finally {
    await rm(home, { recursive: true, force: true })
    await server.drop(database)
  }
}

/** Figures in order of size; a start before the first writes down what is compiled. */
async function startTimes(command: string, environment: Record<string, string>, rounds: number) {
  await end(await startReady(command, environment))
  const seconds: number[] = []
  const megabytes: number[] = []
  for (let round = 0; round < rounds; round++) {
    const started = await startReady(command, environment)
    await rest(idleMs)
    seconds.push(started.readyMs / 1000)
    megabytes.push(await residentMemory(started))
    await end(started)
  }
  return { seconds: seconds.toSorted((a, b) => a - b), megabytes: megabytes.toSorted((a, b) => a - b) }
}
