import type { FastifyInstance } from 'fastify'
import { failpoint } from '../platform/failpoints.ts'
import { createNews, type News } from './news.ts'
import { findSettled } from './queries.ts'
import { lookUpItems, settleItems, type FoundItem, type ReportRow } from './report-queries.ts'
import { settleBatch } from './settle-batch.ts'

/** What became of one item, as whoever worked on it says. */
export interface Report {
  id: string
  outcome:
    | { completed: true; result?: object | null | undefined }
    | { completed: false; error: object; final?: boolean; retryAt?: Date | null }
}

/** Who reports: items are then accepted only from whom they are held by. */
export interface Reporter {
  lease?: string | undefined
  worker?: string | undefined
}

/** How a report was taken. `repeated`: it was known before. */
export type Verdict = 'accepted' | 'repeated' | 'LEASE_LOST' | 'ITEM_SETTLED' | 'ITEM_UNKNOWN'

export interface Commits {
  /**
   * Records outcomes durably: when it resolves they are committed, and a batch that has nothing left to do is over.
   * @returns one verdict for each report, in their order
   */
  report(batchId: string, reports: Report[], reporter: Reporter): Promise<Verdict[]>
}

/** Beyond this many items a statement gets no cheaper for each. */
const largestGroup = 5000

/** While one group commits, the next is on its way. */
const atOnce = 2

interface Waiting {
  row: Omit<ReportRow, 'n'>
  settle(verdict: Verdict): void
  fail(error: unknown): void
}

/**
 * Groups reports of items: those that arrive while a commit is under way share the next one, so that many workers
 * that each report item by item cost the database one commit for all of them. Each is answered after its commit.
 */
export function createCommits(app: FastifyInstance): Commits {
  const news = createNews(app)
  let waiting: Waiting[] = []
  let running = 0

  async function drain(): Promise<void> {
    running += 1
    while (waiting.length > 0) {
      const [group, later] = takeGroup(waiting)
      waiting = later
      await commitGroup(app, group, news, (id) => waiting.some(({ row }) => row.batch === id))
    }
    running -= 1
  }

  return {
    report(batchId, reports, { lease = null, worker = null }) {
      const verdicts = reports.map(
        ({ id, outcome }) =>
          new Promise<Verdict>((settle, fail) => {
            waiting.push({ row: rowOf(batchId, id, outcome, lease, worker), settle, fail })
          }),
      )
      if (running < atOnce) void drain()
      return Promise.all(verdicts)
    },
  }
}

function rowOf(
  batch: string,
  item: string,
  outcome: Report['outcome'],
  lease: string | null,
  worker: string | null,
): Omit<ReportRow, 'n'> {
  const held = { batch, item, lease, worker }
  if (outcome.completed)
    return { ...held, ok: true, result: outcome.result ?? null, error: null, final: false, retry: null }
  const { error, final = false, retryAt = null } = outcome
  return { ...held, ok: false, result: null, error, final, retry: retryAt }
}

/** A second report on an item has to wait until it can be seen what the first one did. */
function takeGroup(waiting: Waiting[]): [group: Waiting[], later: Waiting[]] {
  const seen = new Set<string>()
  const group: Waiting[] = []
  const later: Waiting[] = []
  for (const one of waiting) {
    const key = `${one.row.batch} ${one.row.item}`
    const fits = group.length < largestGroup && !seen.has(key)
    seen.add(key)
    ;(fits ? group : later).push(one)
  }
  return [group, later]
}

async function commitGroup(
  app: FastifyInstance,
  group: Waiting[],
  news: News,
  isAwaited: (batchId: string) => boolean,
): Promise<void> {
  // In one order, so that two groups with the same items don't each wait for the other.
  group.sort((a, b) => compare(a.row.batch, b.row.batch) || compare(a.row.item, b.row.item))
  const em = app.orm.em.fork()
  try {
    const rows = group.map(({ row }, n) => ({ n, ...row }))
    const accepted = new Set((await settleItems(em, rows, app.clock.now())).map(({ n }) => n))
    await failpoint('batch.reported')
    const rest = rows.filter(({ n }) => !accepted.has(n))
    const found = rest.length === 0 ? [] : await lookUpItems(em, rest)
    const items = new Map(found.map((item) => [item.n, item]))
    const batches = [...new Set(group.map(({ row }) => row.batch))]
    // Where more reports wait, the group that takes them looks whether that was all.
    const perhapsOver = batches.filter((id) => !isAwaited(id))
    for (const id of await findSettled(em, perhapsOver)) await settleBatch(app, id)
    if (accepted.size > 0) news.tell(batches)
    for (const [n, { row, settle }] of group.entries())
      settle(accepted.has(n) ? 'accepted' : judge(row, items.get(n)))
  } catch (error) {
    for (const { fail } of group) fail(error)
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** Why a report changed nothing. */
function judge({ ok }: Omit<ReportRow, 'n'>, item: FoundItem | undefined): Verdict {
  if (item === undefined) return 'ITEM_UNKNOWN'
  if (!item.isOwn) return 'LEASE_LOST'
  if (item.state === 'completed') return ok ? 'repeated' : 'ITEM_SETTLED'
  if (item.state === 'failed') return ok ? 'ITEM_SETTLED' : 'repeated'
  return !ok && item.lastFailed ? 'repeated' : 'LEASE_LOST'
}
