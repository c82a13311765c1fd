import { parseArgs } from 'node:util'
import { torture } from '../test/deliveries/torture.ts'
import { openServer } from './server.ts'

const usage = `node bench/deliveries.ts [--documents 8000] [--kills 100] [--replicas 2] [--faults 0.05]
Delivers documents to a folder, a bucket and OneDrive's stand-in at once while the service is killed and requests go
wrong, then looks at every file. BENCH_DATABASE_URL: a PostgreSQL server; default: an embedded one.`

const { values } = parseArgs({
  options: {
    documents: { type: 'string', default: '8000' },
    kills: { type: 'string', default: '100' },
    replicas: { type: 'string', default: '2' },
    faults: { type: 'string', default: '0.05' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.error(usage)
  process.exit(0)
}

const ends: (() => unknown)[] = []
const server = await openServer(process.env['BENCH_DATABASE_URL'] ?? null)
const [database, source] = ['holdfast_deliveries', 'holdfast_deliveries_source']
try {
  for (const name of [database, source]) await server.drop(name)
  const { outcomes, kills, faults, violations, seconds } = await torture(
    { teardown: (end) => void ends.push(end as () => unknown) },
    {
      documents: Number(values.documents),
      kills: Number(values.kills),
      replicas: Number(values.replicas),
      faults: Number(values.faults),
      database: await server.create(database),
      source: await server.create(source),
    },
  )
  console.log(
    `${values.documents} documents to each; ${kills} kills, ${faults} requests gone wrong, ${Math.round(seconds)} s`,
  )
  console.table(outcomes)
  if (violations.length > 0) console.log('against the protocol:', violations)
  const isWhole = outcomes.every(
    ({ right, missing, wrong, lines, wrongLines }) =>
      right === Number(values.documents) && missing + wrong + wrongLines === 0 && lines === right,
  )
  process.exitCode = isWhole ? 0 : 1
} finally {
  for (const end of ends.toReversed()) await end()
  for (const name of [database, source]) await server.drop(name)
  await server.close()
}
