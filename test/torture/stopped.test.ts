import { once } from 'node:events'
import t, { type Test } from 'tap'
import { check, takeBaseline, unfinishedIn, type Baseline } from '../../torture/checker.ts'
import { letHeartsStop, openPlace, untilIdle, withClient, type Place } from '../../torture/place.ts'
import { seeded } from '../../torture/random.ts'
import { startService, type Service } from '../../torture/service.ts'
import { zones, type Zone } from '../../torture/source.ts'
import { keepWorking, openLedger, type Ledger } from '../../torture/workloads.ts'

interface Case {
  /** Where the first replica is when the machine that it runs on stands still. */
  at: string
  /** The work that gets there. */
  work: string
  /** Rows that the application must be able to use while the replica stands still. */
  free?: Zone
}

const cases: Case[] = [
  { at: 'restore.locked', work: 'restores', free: 'restored' },
  { at: 'cleanup.chunk-deleted', work: 'cleanups', free: 'removed' },
  { at: 'restore.recorded', work: 'restores', free: 'restored' },
  { at: 'snapshot.captured', work: 'snapshots' },
  { at: 'batch.worked', work: 'deliveries' },
  { at: 'schedule.begun', work: 'schedules' },
]

t.test('a replica that stands still is taken over from, and changes nothing when it wakes up', async (t) => {
  const place = await openPlace(t, 'folder')
  const baseline = await takeBaseline(place)
  const first = await startReplica(t, place)
  const ledger = await openLedger(first, place)
  await first.kill()
  for (const one of cases) await t.test(`at ${one.at}`, (t) => standStill(t, one, place, baseline, ledger))
})

async function standStill(
  t: Test,
  { at, work, free }: Case,
  place: Place,
  baseline: Baseline,
  ledger: Ledger,
) {
  const reached = Promise.withResolvers<void>()
  const sleeper = await startReplica(t, place, `${at}=pause`, (name, action) => {
    if (name === at && action === 'pause') reached.resolve()
  })
  const asked = { ...sleeper }
  const working = keepWorking({ service: asked, place, ledger, random: seeded(1) }, work)
  await reached.promise
  // One that is stopped within a transaction on our database keeps its locks until the server ends it, two minutes later.
  await untilIdle(place.database)
  sleeper.process.kill('SIGSTOP')
  asked.url = 'nowhere: nothing more is begun'

  await letHeartsStop(place)
  const successor = await startReplica(t, place)
  await finished(place)
  if (free !== undefined) await useRows(place, free)
  const before = await stateOf(place)

  const gone = once(sleeper.process, 'exit')
  sleeper.process.kill('SIGCONT')
  sleeper.process.kill('SIGUSR2')
  // It works off what it is at, and then ends.
  sleeper.process.kill('SIGTERM')
  await gone
  await working
  await finished(place)
  t.same(await stateOf(place), before, 'who wakes up changes nothing')
  const { broken, looked } = await check(place, baseline, ledger)
  t.same(broken, [])
  t.ok(looked['no lock left'])
  await successor.kill()
}

async function startReplica(
  t: Test,
  { environment }: Place,
  failpoints = 'trace',
  onFailpoint: (name: string, action: string) => void = () => undefined,
): Promise<Service> {
  const service = (await startService({ environment, failpoints, onFailpoint }))!
  t.teardown(() => {
    service.process.kill('SIGCONT')
    return service.kill()
  })
  return service
}

/** When all that was begun has come to its end, by one replica or the other. */
async function finished({ database }: Place): Promise<void> {
  await withClient(database, async (client) => {
    while ((await unfinishedIn(client)).length > 0) await client.query('SELECT pg_sleep(0.1)')
  })
}

/** As the application would, without waiting. */
async function useRows({ source }: Place, zone: Zone): Promise<void> {
  await withClient(source, (client) =>
    client.query('SELECT FROM torture.accounts WHERE id = ANY ($1) FOR UPDATE NOWAIT', [zones[zone]]),
  )
}

/** What each operation says of itself, and what became of the rows. */
async function stateOf({ database, source }: Place): Promise<unknown> {
  const own = await withClient(database, (client) =>
    client.query(
      `SELECT 'snapshot' AS kind, id, status, key AS detail FROM snapshots
       UNION ALL SELECT 'restore', id, status, error->>'code' FROM restores
       UNION ALL SELECT 'export', id, status, key FROM exports
       UNION ALL SELECT 'cleanup', id, status, NULL FROM cleanups
       UNION ALL SELECT 'chunk', cleanup_id, number::text, result::text FROM cleanup_chunks
       UNION ALL SELECT 'delivery', id, status, NULL FROM deliveries
       UNION ALL SELECT 'run', id, status, NULL FROM schedule_runs ORDER BY kind, id, detail`,
    ),
  )
  const rows = await withClient(source, (client) =>
    client.query('SELECT md5(string_agg(a::text, $1 ORDER BY id)) AS hash FROM torture.accounts a', ['|']),
  )
  return { own: own.rows, rows: rows.rows }
}
