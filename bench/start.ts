import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as rest } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Ground } from './ground.ts'
import type { Listing } from './report.ts'

const program = fileURLToPath(new URL('../src/server.ts', import.meta.url))

/** How long nothing is asked of it before its memory is looked at, in milliseconds. */
const idleMs = 10_000

/** From the process to the first ready answer, on a database that is there, and what it holds when nothing is asked. */
export async function start({ server, rounds }: Ground): Promise<Listing> {
  const database = 'holdfast_bench_start'
  await server.drop(database)
  const home = await mkdtemp(join(tmpdir(), 'holdfast-bench-'))
  const environment = {
    ...{ HOLDFAST_HOME: home, HOLDFAST_DATASETS: home },
    DATABASE_URL: await server.create(database),
    PORT: String(await freePort()),
  }
  const taken: number[] = []
  let memory = 0
  try {
    for (let round = 0; round <= rounds; round++) {
      const began = performance.now()
      const child = spawn(process.execPath, [program], {
        env: { ...process.env, ...environment },
        stdio: 'ignore',
      })
      await untilReady(child, environment.PORT)
      if (round > 0) taken.push(performance.now() - began)
      if (round === rounds) memory = await idleMemory(child)
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
  } finally {
    await rm(home, { recursive: true, force: true })
    await server.drop(database)
  }
  const sorted = taken.toSorted((a, b) => a - b)
  return {
    title: 'Start, and rest',
    about: `The service on a database that is there and migrated, its modules compiled by an earlier start: from the process to the first 200 of \`/readyz\`, asked every 5 ms; and its resident memory after ${idleMs / 1000} s in which nobody asked anything, Node's own program (about 60 MB, shared by all processes that run it) included.`,
    head: ['', 'least', 'median', 'most'],
    rows: [
      ['ready after, s', sorted[0]!, sorted[sorted.length >> 1]!, sorted.at(-1)!].map(seconds),
      ['idle, MB', '', String(Math.round(memory / 1000)), ''],
    ],
  }
}

const seconds = (value: string | number) => (typeof value === 'string' ? value : (value / 1000).toFixed(2))

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

async function untilReady(child: ChildProcess, port: string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the service ended with ${child.exitCode}`)
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null)
    await answer?.arrayBuffer()
    if (answer?.ok) return
    await rest(5)
  }
}

/** Resident memory in kB, as ps tells it. */
async function idleMemory({ pid }: ChildProcess): Promise<number> {
  await rest(idleMs)
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)])
  return Number(stdout)
}
