import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import Type from 'typebox'
import { ScopeSchema } from '../datasets/scope.ts'
import { Problem } from '../platform/errors.ts'
import { valueOfJson } from '../platform/json-text.ts'
import { isShaped } from '../platform/validation.ts'
import type { Store } from '../storage/store.ts'
import type { CapturedArtifact } from './artifact.ts'
import { snapshotProblems } from './errors.ts'
import { manifestKey } from './file-names.ts'
import type { Frame, Manifest } from './manifest.ts'
import type { CompletedSnapshot, Snapshot } from './snapshot.ts'

const Text = Type.Union([Type.String(), Type.Null()])
const Time = Type.String({ format: 'date-time' })
const MaybeTime = Type.Union([Time, Type.Null()])
const Size = Type.Integer({ minimum: 0 })
const Digest = Type.String({ pattern: '^[0-9a-f]{64}$' })
const Key = Type.Array(Type.Union([Type.String(), Type.Number(), Type.Boolean()]), { minItems: 1 })

/** What a manifest that is read must look like: it may come from anywhere. Fields it doesn't know are let pass. */
const ManifestShape = Type.Object({
  holdfast: Type.Literal(1),
  id: Type.String({ format: 'uuid' }),
  dataset: Type.String(),
  scope: ScopeSchema,
  trigger: Type.String(),
  title: Text,
  note: Text,
  createdBy: Text,
  restoreId: Type.Union([Type.String({ format: 'uuid' }), Type.Null()]),
  cleanupId: Type.Optional(Type.Union([Type.String({ format: 'uuid' }), Type.Null()])),
  createdAt: Time,
  takenAt: Time,
  finishedAt: Time,
  expiresAt: MaybeTime,
  expiryChosen: Type.Optional(Type.Boolean()),
  hold: Type.Boolean(),
  counts: Type.Record(Type.String(), Size),
  stats: Type.Record(Type.String(), Type.Unknown()),
  key: Type.String(),
  sha256: Digest,
  bytes: Size,
  storedBytes: Size,
  frames: Type.Array(
    Type.Object({
      storedOffset: Size,
      storedBytes: Size,
      storedSha256: Type.Optional(Digest),
      offset: Size,
      bytes: Size,
      sha256: Digest,
      firstKey: Type.Union([Key, Type.Null()]),
      records: Size,
    }),
  ),
})

/** The manifest of an artifact that was read back and found good. @param finishedAt when that was */
export function manifestOf(snapshot: Snapshot, artifact: CapturedArtifact, finishedAt: Date): Manifest {
  const { id, dataset, scope, trigger, createdBy, restoreId, cleanupId } = snapshot
  const { counts, stats, sha256, bytes, storedBytes, frames } = artifact
  return {
    holdfast: 1,
    id,
    dataset,
    scope,
    trigger,
    createdBy,
    restoreId,
    cleanupId,
    createdAt: snapshot.createdAt.toISOString(),
    takenAt: artifact.takenAt.toISOString(),
    finishedAt: finishedAt.toISOString(),
    ...changeable(snapshot),
    counts,
    stats,
    key: snapshot.key,
    sha256,
    bytes,
    storedBytes,
    frames,
  }
}

/** What may change after a snapshot was taken, as its manifest has it. */
export function changeable({ title, note, hold, expiresAt, expiryChosen }: Snapshot) {
  return { title, note, hold, expiresAt: expiresAt?.toISOString() ?? null, expiryChosen }
}

/** Stores a manifest beside its artifact. */
export async function writeManifest(store: Store, manifest: Manifest): Promise<void> {
  await store.put(manifestKey(manifest.key), Buffer.from(JSON.stringify(manifest)))
}

/** SHA-256 (hex) by which a snapshot's row knows its manifest's frames again. */
export function digestFrames(frames: Frame[]): string {
  return createHash('sha256').update(JSON.stringify(frames)).digest('hex')
}

/**
 * Reads a snapshot's manifest and makes sure that it is the one that was written for it.
 * @throws Problem SNAPSHOT_CORRUPT when it is missing, unreadable or another; STORE_UNREACHABLE
 */
export async function readManifest(store: Store, snapshot: CompletedSnapshot): Promise<Manifest> {
  const manifest = parseManifest(await readWhole(store, manifestKey(snapshot.key)))
  if (manifest === null) throw corrupt('its manifest is missing or unreadable')
  const same =
    manifest.id === snapshot.id &&
    manifest.key === snapshot.key &&
    manifest.sha256 === snapshot.sha256 &&
    manifest.bytes === snapshot.bytes &&
    manifest.storedBytes === snapshot.storedBytes &&
    digestFrames(manifest.frames) === snapshot.framesSha256
  if (!same) throw corrupt('its manifest was altered or belongs to another snapshot')
  return manifest
}

/** @returns null when the text is no manifest */
export function parseManifest(text: string | null): Manifest | null {
  const value = text === null ? null : valueOfJson(text)
  return isShaped(ManifestShape, value) ? (value as Manifest) : null
}

/** @returns an object's text, or null when the store has no such object */
export async function readWhole(store: Store, key: string): Promise<string | null> {
  try {
    return (await buffer(await store.get(key))).toString()
  } catch (error) {
    if (error instanceof Problem && error.code === 'STORE_OBJECT_MISSING') return null
    throw error
  }
}

function corrupt(what: string) {
  return snapshotProblems.SNAPSHOT_CORRUPT(`The snapshot cannot be relied on: ${what}.`)
}
