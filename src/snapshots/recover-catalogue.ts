import type { RequiredEntityData } from '@mikro-orm/core'
import { systemActor } from '../audit/actor.ts'
import type { Clock } from '../platform/clock.ts'
import type { EntityManager, MikroORM } from '../platform/database.ts'
import type { Store } from '../storage/store.ts'
import { verifyArtifact } from './artifact-reader.ts'
import { auditSnapshot } from './audit-snapshot.ts'
import type { Manifest } from './manifest.ts'
import { digestFrames, parseManifest, readWhole } from './manifests.ts'
import { manifestKey } from './file-names.ts'
import { Snapshot, triggers, untaken, type SnapshotTrigger, type Verification } from './snapshot.ts'
import { storedPairs, type StoredPair } from './stored-pairs.ts'

/** What became of one key of the store. */
export interface Finding {
  key: string
  /** `listed`: its row was there already. `recovered`: it has one now. `incomplete`: an artifact without a manifest,
   * left by an attempt that never ended. The others say what is wrong with it. */
  outcome: 'listed' | 'recovered' | 'incomplete' | 'unreadable' | 'missing' | 'damaged' | 'duplicate'
  detail: string
}

export interface Recovery {
  orm: MikroORM
  store: Store
  clock: Clock
  /** Also re-read every artifact; one that isn't what was written is listed as failed. */
  verify: boolean
}

/**
 * Rebuilds the catalogue from the manifests in the store alone. It can be repeated and interrupted at any time: rows
 * that are there stay as they are.
 * @returns one finding for each artifact or manifest in the store, as it goes
 * @throws Problem STORE_UNREACHABLE
 */
export async function* recoverCatalogue(recovery: Recovery): AsyncGenerator<Finding> {
  for await (const pair of storedPairs(recovery.store)) {
    const finding = await recoverPair(recovery, pair)
    if (finding !== null) yield { key: pair.key, ...finding }
  }
}

type Outcome = Omit<Finding, 'key'>

async function recoverPair(
  recovery: Recovery,
  { key, artifact, manifest }: StoredPair,
): Promise<Outcome | null> {
  const em = recovery.orm.em.fork()
  if (manifest === null)
    return (await isUnderway(em, key)) ? null : { outcome: 'incomplete', detail: 'it has no manifest' }
  const told = parseManifest(await readWhole(recovery.store, manifestKey(key)))
  if (told === null || told.key !== key || !isTrigger(told.trigger)) {
    return { outcome: 'unreadable', detail: 'its manifest cannot be read or belongs to another artifact' }
  }
  if (artifact === null)
    return { outcome: 'missing', detail: `snapshot ${told.id} has a manifest but no artifact` }
  if (artifact.bytes !== told.storedBytes) {
    return { outcome: 'damaged', detail: `it has ${artifact.bytes} bytes instead of ${told.storedBytes}` }
  }
  return list(recovery, em, told)
}

/** An artifact that somebody is just writing is not left over. */
async function isUnderway(em: EntityManager, key: string): Promise<boolean> {
  return (await em.count(Snapshot, { key, status: { $in: ['generating', 'completed'] } })) > 0
}

function isTrigger(text: string): text is SnapshotTrigger {
  return (triggers as readonly string[]).includes(text)
}

async function list(recovery: Recovery, em: EntityManager, manifest: Manifest): Promise<Outcome> {
  const known = await em.findOne(Snapshot, { id: manifest.id })
  if (known !== null && known.key !== manifest.key) {
    return { outcome: 'duplicate', detail: `snapshot ${known.id} is listed with ${known.key}` }
  }
  const result = recovery.verify ? await check(recovery, manifest) : null
  const outcome = known === null ? 'recovered' : 'listed'
  await em.transactional(async (em) => {
    const snapshot = known ?? em.create(Snapshot, fromManifest(manifest))
    if (result !== null && (snapshot.status === 'completed' || snapshot.isCorrupt()))
      snapshot.verified(result)
    const metadata = { key: manifest.key, sha256: manifest.sha256, ...(result && { verification: result }) }
    if (known === null || result !== null) {
      const done = known === null ? 'recovered' : result?.ok ? 'verified' : 'found_corrupt'
      await auditSnapshot(em, snapshot, done, { actor: systemActor }, { metadata })
    }
  })
  if (result?.ok === false) return { outcome: 'damaged', detail: result.problems.join('; ') }
  return { outcome, detail: `snapshot ${manifest.id} of ${manifest.dataset}` }
}

async function check({ store, clock }: Recovery, manifest: Manifest): Promise<Verification> {
  return { ...(await verifyArtifact(store, manifest)), checkedAt: clock.now().toISOString() }
}

/** The row as it was: a manifest is only ever written for an artifact that was read back and found good. */
function fromManifest(manifest: Manifest): RequiredEntityData<Snapshot> {
  const { sha256, bytes, finishedAt } = manifest
  return {
    ...untaken,
    id: manifest.id,
    dataset: manifest.dataset,
    scope: manifest.scope,
    trigger: manifest.trigger as SnapshotTrigger,
    status: 'completed',
    title: manifest.title,
    note: manifest.note,
    hold: manifest.hold,
    expiresAt: date(manifest.expiresAt),
    expiryChosen: manifest.expiryChosen ?? false,
    createdBy: manifest.createdBy,
    createdAt: new Date(manifest.createdAt),
    finishedAt: new Date(finishedAt),
    attempts: 1,
    takenAt: new Date(manifest.takenAt),
    key: manifest.key,
    sha256,
    bytes,
    storedBytes: manifest.storedBytes,
    counts: manifest.counts,
    stats: manifest.stats,
    framesSha256: digestFrames(manifest.frames),
    verifiedAt: new Date(finishedAt),
    lastVerification: { ok: true, sha256, bytes, checkedAt: finishedAt, problems: [] },
    restoreId: manifest.restoreId,
    cleanupId: manifest.cleanupId ?? null,
  }
}

function date(text: string | null): Date | null {
  return text === null ? null : new Date(text)
}
