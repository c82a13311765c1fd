import { randomUUID } from 'node:crypto'
import type { Place } from './place.ts'
import { withClient } from './place.ts'
import type { Random } from './random.ts'
import { call, Unanswered, type Answer, type Service } from './service.ts'
import { putPapers, stateOf, zones } from './source.ts'

/** What the checker has to know of work that may have been cut off. */
export interface Ledger {
  /** The restored zone's state before the restore at hand, and after it; one of the two it has to be. */
  restore: { before: string; after: string; id: string | null } | null
  /** The zone as it was at first. */
  whole: string
  snapshotId: string
  /** Items of batches that the service said it had recorded. */
  acknowledged: Map<string, Set<string>>
  /** How many operations ended well, by kind. */
  done: Record<string, number>
  /** Operations that somebody asks for again when an answer got lost. */
  refused: Map<string, number>
}

export interface Work {
  service: Service
  place: Place
  ledger: Ledger
  random: Random
}

export type Workload = (work: Work) => Promise<void>

const accounts = 'accounts'
const keysOf = (ids: readonly number[]) => ({ keys: ids.map(String) })

/** @returns what a first snapshot of the restored zone leaves the checker to know */
export async function openLedger(service: Service, { source }: Place): Promise<Ledger> {
  const scope = keysOf(zones.restored)
  const { id } = await insist(() => call(service, 'POST', '/snapshots', { dataset: accounts, scope }))
  const whole = await withClient(source, (client) => stateOf(client, 'restored'))
  return { restore: null, whole, snapshotId: id, acknowledged: new Map(), done: {}, refused: new Map() }
}

/** Asks a few times: on a busy machine a connection may take too long, and all that follows needs this one answer. */
async function insist(ask: () => Promise<Answer>, times = 5): Promise<Answer> {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof Unanswered) || times === 1) throw error
    return insist(ask, times - 1)
  }
}

/** Each does one thing from its beginning to its end. */
export const workloads: Record<string, Workload> = {
  snapshots,
  restores,
  exports,
  cleanups,
  batches,
  deliveries,
  files,
  schedules,
}

/** Does one kind of work again and again until the service is gone. */
export async function keepWorking(work: Work, name: string): Promise<void> {
  while (!work.service.isGone()) {
    try {
      await workloads[name]!(work)
      work.ledger.done[name] = (work.ledger.done[name] ?? 0) + 1
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error
      const { refused } = work.ledger
      if (!work.service.isGone()) refused.set(error.message, (refused.get(error.message) ?? 0) + 1)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

async function snapshots({ service, random }: Work): Promise<void> {
  const scope = random() < 0.5 ? keysOf(zones.lively) : { all: true }
  const { id, status } = await call(service, 'POST', '/snapshots', { dataset: accounts, scope })
  if (status !== 'completed') return
  await call(service, 'POST', `/snapshots/${id}/verifications`, {})
  if (random() < 0.5)
    await call(service, 'PATCH', `/snapshots/${id}`, { title: `title ${random.below(100)}` })
  if (random() < 0.5) await call(service, 'DELETE', `/snapshots/${id}`)
}

/** Damages the zone, restores it, and sometimes takes the restore back. */
async function restores({ service, place, ledger, random }: Work): Promise<void> {
  await settled(service, '/restores')
  const [before, after] = [await damage(place, random), ledger.whole]
  ledger.restore = { before, after, id: null }
  const plan = await call(service, 'POST', '/restores', { snapshotId: ledger.snapshotId })
  const restored = await apply(service, ledger, plan)
  if (restored.status !== 'completed' || random() < 0.5) return
  ledger.restore = { before: after, after: before, id: null }
  const undo = await call(service, 'POST', `/restores/${restored['id']}/undo`, {})
  await apply(service, ledger, undo)
}

async function apply(service: Service, ledger: Ledger, plan: Answer): Promise<Answer> {
  const { id, planHash, status } = plan
  ledger.restore!.id = id
  if (status !== 'planned') return plan
  return call(service, 'POST', `/restores/${id}/application`, { planHash })
}

/** A restore that is under way still would see the damage come. */
async function settled(service: Service, path: string): Promise<void> {
  for (const status of ['planning', 'applying']) {
    const { items } = await call(service, 'GET', `${path}?status=${status}`)
    if (items.length > 0) throw new Unanswered('not yet')
  }
}

/** @returns the zone's state with the damage done */
async function damage({ source }: Place, random: Random): Promise<string> {
  return withClient(source, async (client) => {
    const some = () => zones.restored.filter(() => random() < 0.3)
    await client.query('BEGIN')
    await client.query(`UPDATE torture.accounts SET owner = owner || '!' WHERE id = ANY ($1)`, [some()])
    await client.query('DELETE FROM torture.entries WHERE account_id = ANY ($1) AND id % 3 = 0', [some()])
    await client.query('DELETE FROM torture.accounts WHERE id = ANY ($1)', [some()])
    await client.query(
      `INSERT INTO torture.entries (account_id, amount) SELECT id, 7 FROM torture.accounts WHERE id = ANY ($1)`,
      [some()],
    )
    await client.query('COMMIT')
    return stateOf(client, 'restored')
  })
}

async function exports({ service, random }: Work): Promise<void> {
  const format = random.pick(['json', 'csv', 'pdf'])
  const scope = keysOf(random() < 0.5 ? zones.still : zones.lively)
  const { id, status } = await call(service, 'POST', '/exports', { dataset: accounts, scope, format })
  if (status === 'completed' && random() < 0.5) await call(service, 'DELETE', `/exports/${id}`)
}

/** Removes some records and, mostly, brings them back. */
async function cleanups({ service, place, random }: Work): Promise<void> {
  await settled(service, '/restores')
  const there = await withClient(place.source, (client) =>
    client.query<{ id: string }>('SELECT id FROM torture.accounts WHERE id = ANY ($1)', [zones.removed]),
  )
  const ids = there.rows.map(({ id }) => Number(id)).filter(() => random() < 0.4)
  if (ids.length < 5) return bringAllBack(service)
  const wanted = { dataset: accounts, scope: keysOf(ids), target: 'records' }
  const { planHash } = await call(service, 'POST', '/cleanups', wanted)
  const cleanup = await call(service, 'POST', '/cleanups', { ...wanted, confirmDelete: true, planHash })
  if (cleanup['status'] === 'completed' && random() < 0.7) await undo(service, cleanup)
}

async function undo(service: Service, { id }: Answer): Promise<void> {
  const plan = await call(service, 'POST', `/cleanups/${id}/undo`, {})
  if (plan['status'] !== 'planned') return
  await call(service, 'POST', `/restores/${plan['id']}/application`, { planHash: plan['planHash'] })
}

async function bringAllBack(service: Service): Promise<void> {
  const { items } = await call(service, 'GET', '/cleanups?status=completed&limit=20')
  for (const cleanup of items as Answer[]) if (cleanup['target'] === 'records') await undo(service, cleanup)
}

/** The application's own worker: what it was told is recorded must stay. */
async function batches({ service, ledger }: Work): Promise<void> {
  const items = Array.from({ length: 40 }, (_, i) => ({ id: `item ${i}`, payload: { i } }))
  const { id } = await call(service, 'POST', '/batches', { key: randomUUID(), items })
  const recorded = new Set<string>()
  ledger.acknowledged.set(id, recorded)
  for (;;) {
    const wanted = { worker: 'torture', limit: 8, leaseSeconds: 2 }
    const { lease, items, batch } = await call(service, 'POST', `/batches/${id}/claims`, wanted, 1)
    if (lease === null && batch.finishedAt !== null) return
    const completed = (items as { id: string }[]).map((item) => item.id)
    if (completed.length === 0) continue
    await call(service, 'POST', `/batches/${id}/checkpoints`, { lease, completed })
    for (const item of completed) recorded.add(item)
  }
}

async function deliveries({ service, random }: Work): Promise<void> {
  const place = `d-${randomUUID()}`
  const destination =
    random() < 0.5 ? { type: 'folder', path: place } : { type: 's3', store: 'archive', prefix: place }
  const wanted = { dataset: accounts, scope: keysOf(zones.delivered), destination }
  const { id } = await call(service, 'POST', '/deliveries', wanted)
  for (;;) {
    const { status } = await call(service, 'GET', `/deliveries/${id}`)
    if (!/^(preparing|delivering)$/.test(status)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Removes files that are put there anew each time, beside others that must stay. */
async function files({ service, place }: Work): Promise<void> {
  await putPapers(place.documents, zones.emptied)
  const wanted = { dataset: accounts, scope: keysOf(zones.emptied), target: 'files' }
  const { planHash } = await call(service, 'POST', '/cleanups', wanted)
  await call(service, 'POST', '/cleanups', { ...wanted, confirmDelete: true, planHash })
}

async function schedules({ service, random }: Work): Promise<void> {
  const name = random.pick(['backup.accounts', 'audit.head', 'store.check', 'store.sweep'])
  await call(service, 'POST', `/schedules/${name}/runs`, {})
}
