import { availableParallelism, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { batches, batchSizes } from './batches.ts'
import { changes } from './changes.ts'
import { cleanups } from './cleanups.ts'
import { fillChat } from './chat.ts'
import { exports, pdf } from './exports.ts'
import type { Ground } from './ground.ts'
import { http } from './http.ts'
import { nothingToChange } from './nothing-to-change.ts'
import { oneRecord } from './one-record.ts'
import { table, type Listing, type Section } from './report.ts'
import { restore } from './restore.ts'
import { scale } from './scale.ts'
import { fittingTools, openServer } from './server.ts'
import { snapshot } from './snapshot.ts'
import { start } from './start.ts'
import { writeBenchmarks } from './write-benchmarks.ts'

const benchmarks: Record<string, (ground: Ground) => Promise<Section | Listing>> = {
  snapshot,
  'nothing-to-change': nothingToChange,
  changes,
  'one-record': oneRecord,
  restore,
  exports,
  pdf,
  cleanups,
  batches,
  'batch-sizes': batchSizes,
  http,
  start,
  scale,
}

const usage = `npm run bench [-- ${Object.keys(benchmarks).join(' | ')} …] [--sessions 10000] [--messages 20]
  [--rounds 3] [--entries 1000000] [--write docs/benchmarks.md]
BENCH_DATABASE_URL: a PostgreSQL server, with a role that may create databases; default: an embedded one.`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sessions: { type: 'string', default: '10000' },
    messages: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '3' },
    entries: { type: 'string', default: '1000000' },
    write: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const chosen = positionals.length > 0 ? positionals : Object.keys(benchmarks)
if (values.help || !chosen.every((name) => Object.hasOwn(benchmarks, name))) {
  console.error(usage)
  process.exit(values.help ? 0 : 2)
}
await main(Number(values.sessions), Number(values.messages), Number(values.rounds))

async function main(sessions: number, messages: number, rounds: number): Promise<void> {
  const server = await openServer(process.env['BENCH_DATABASE_URL'] ?? null)
  const database = 'holdfast_bench'
  try {
    await server.drop(database)
    const chat = await fillChat(await server.create(database), { sessions, messages })
    const tools = await fittingTools(server)
    const conditions = [
      `${sessions.toLocaleString('en')} sessions, ${(chat.rows - sessions).toLocaleString('en')} messages; medians of ${rounds} rounds, taken in turns.`,
      `PostgreSQL ${server.version}${tools === null ? '' : `, pg_dump ${tools}`}; Node ${process.versions.node}; ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GB of memory, shared by the server and what is measured.`,
      `To judge the seconds by: Node adds up 300,000,000 numbers one by one here in ${countingSeconds().toFixed(2)} s.`,
    ]
    for (const line of conditions) console.log(line)
    const sections: (Section | Listing)[] = []
    try {
      for (const name of chosen) {
        const section = await benchmarks[name]!({
          server,
          chat,
          hasTools: tools !== null,
          rounds,
          repeat: 20,
          entries: Number(values.entries),
        })
        console.log(`\n${section.title}\n\n${table(section)}`)
        sections.push(section)
      }
    } finally {
      await chat.close()
    }
    const command = ['npm run bench --', ...process.argv.slice(2)].join(' ')
    if (values.write !== undefined) await writeBenchmarks(values.write, { command, conditions, sections })
  } finally {
    await server.drop(database)
    await server.close()
  }
}

/** A yardstick for what can't be given as a ratio. */
function countingSeconds(): number {
  const began = performance.now()
  let sum = 0
  for (let i = 0; i < 3e8; i++) sum += i
  if (sum < 4e16) throw new Error(`the sum is ${sum}`)
  return (performance.now() - began) / 1000
}
