import type pg from 'pg'
import { openDraft, type Draft } from '../src/restores/draft-plan.ts'
import type { Plan } from '../src/restores/plan.ts'
import { shareColumns } from '../src/snapshots/shared-columns.ts'
import { lockRows } from '../src/restores/write-rows.ts'
import { captureArtifact, describeDefinition } from '../src/snapshots/artifact.ts'
import { readHeader, requireStored, verifyArtifact } from '../src/snapshots/artifact-reader.ts'
import { writeArtifact } from '../src/snapshots/artifact-writer.ts'
import { keyCondition } from '../src/source/keys.ts'
import type { KeyValue, Manifest } from '../src/snapshots/manifest.ts'
import { diffRecord, type Row } from '../src/snapshots/diff-record.ts'
import { pairWithSource } from '../src/snapshots/pair-with-source.ts'
import { inSharedSnapshot, withSharedSnapshot } from '../src/source/shared-snapshot.ts'
import type { Chat } from './chat.ts'

/** What the service does for a snapshot, a plan and a restore, without the catalogue, the queue and HTTP around it. */

let taken = 0

/** Captures, compresses, hashes, stores, reads back. @param keys only these records; default all */
export async function takeSnapshot(chat: Chat, keys?: KeyValue[][]): Promise<Manifest> {
  const { source, dataset, store } = chat
  const key = `snapshot-${++taken}.json.zst`
  const scope = keys === undefined ? { all: true } : { keys: keys.map(([key]) => key) }
  const condition = keys === undefined ? null : keyCondition('t0', dataset.root.key, keys)
  const artifact = await captureArtifact({
    source,
    dataset,
    store,
    key,
    scope,
    condition,
    few: keys !== undefined,
    trigger: 'manual',
    now: () => new Date(),
  })
  const manifest = { ...artifact, key, scope, restoreId: null } as unknown as Manifest
  await requireIntact(chat, manifest)
  return manifest
}

async function requireIntact({ store }: Chat, manifest: Manifest): Promise<void> {
  const { ok, problems } = await verifyArtifact(store, manifest)
  if (!ok) throw new Error(problems.join('; '))
}

/** Works out what a restore would do. */
export async function planRestore(chat: Chat, manifest: Manifest, keys?: KeyValue[][]): Promise<Plan> {
  return withDraft(chat, manifest, 'read only', async ({ draft, pairs }) => {
    await drain(draft.stage(pairs(keys)))
    return draft.settle(false)
  })
}

/**
 * Carries a plan out: compares, by which the artifact is verified (of given records only what holds them), captures what it is
 * about to touch, reads that back, locks, writes, proves, commits.
 */
export async function applyRestore(
  chat: Chat,
  manifest: Manifest,
  plan: Plan,
  keys?: KeyValue[][],
): Promise<void> {
  await withDraft(chat, manifest, 'read write', async ({ client, draft, pairs }) => {
    if (keys === undefined && (await draft.fill(plan, chat.source)))
      await requireStored(chat.store, manifest, new AbortController().signal)
    if (plan.differing > 0) await captureTouched(chat, draft, draft.stage(pairs(keys)))
    else await drain(draft.stage(pairs(keys)))
    if ((await draft.settle(true)).hash !== plan.hash) throw new Error('the plan has drifted')
    await lockRows(client, draft.stages)
    await draft.write(chat.source)
    await client.query('COMMIT')
  })
}

async function drain(batches: AsyncIterator<unknown>): Promise<void> {
  while (!(await batches.next()).done);
}

/** Compares with the source and looks into what differs. @returns how many records do */
export async function compare(chat: Chat, manifest: Manifest): Promise<number> {
  const { source, dataset, store } = chat
  const { shared } = shareColumns(dataset, await readHeader(store, manifest))
  let changed = 0
  await withSharedSnapshot(source, async (client, instant) => {
    const pairs = pairWithSource({ store, manifest, dataset, client, instant, condition: null })
    for await (const batch of pairs) {
      for (const { stored, live } of batch) {
        if (stored && live?.json.equals(stored)) continue
        diffRecord(dataset.root, shared, parse(stored), parse(live?.json ?? null))
        changed++
      }
    }
  })
  return changed
}

function parse(json: Buffer | null): Row | null {
  return json === null ? null : (JSON.parse(json.toString()) as Row)
}

interface Work {
  client: pg.PoolClient
  draft: Draft
  pairs(keys?: KeyValue[][]): ReturnType<typeof pairWithSource>
}

async function withDraft<T>(
  { source, dataset, store }: Chat,
  manifest: Manifest,
  access: 'read only' | 'read write',
  work: (work: Work) => Promise<T>,
): Promise<T> {
  const { shared, notes } = shareColumns(dataset, await readHeader(store, manifest))
  return source.withConnection(async (client) => {
    const draft = await openDraft({
      client,
      dataset,
      shared,
      notes,
      mode: 'replace',
      identity: manifest.sha256,
    })
    try {
      return await inSharedSnapshot(source, client, access, (instant) => {
        const options = { store, manifest, dataset, client, instant, condition: null }
        return work({ client, draft, pairs: (keys) => pairWithSource({ ...options, ...(keys && { keys }) }) })
      })
    } finally {
      await draft.drop()
    }
  })
}

async function captureTouched(chat: Chat, draft: Draft, touched: ReturnType<Draft['stage']>): Promise<void> {
  const { dataset, store } = chat
  const key = `before-${++taken}.json.zst`
  const header = {
    dataset: dataset.name,
    scope: { all: true },
    trigger: 'pre_restore',
    takenAt: new Date().toISOString(),
    source: { name: dataset.source },
    definition: describeDefinition(dataset),
  }
  const written = await writeArtifact(store, key, header, touched, async () => ({ counts: {}, stats: {} }))
  await requireIntact(chat, { key, ...written } as unknown as Manifest)
}
