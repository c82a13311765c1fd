import type { FastifyInstance } from 'fastify'
import type { Cause } from '../audit/actor.ts'
import type { Dataset } from '../datasets/definition.ts'
import { requireParty } from '../datasets/parties.ts'
import { keysOf, parseScope, type Scope } from '../datasets/scope.ts'
import { requireGate, type GatePass } from '../gates/judge-gate.ts'
import { parseDuration } from '../platform/durations.ts'
import { newId } from '../platform/entity.ts'
import { failpoint } from '../platform/failpoints.ts'
import { tableNodes } from '../snapshots/capture.ts'
import { scopeEmpty } from '../snapshots/errors.ts'
import { findMissingKeys } from '../snapshots/find-missing-keys.ts'
import { auditExport } from './audit-export.ts'
import { exportProblems } from './errors.ts'
import { Export, unmade } from './export.ts'
import { exportKey } from './file-names.ts'
import { generateJob } from './generate-export.ts'
import { fileKind, withoutChildren, type ExportFormat } from './rendering.ts'

export interface WantedExport {
  dataset: string
  /** As it came; absent: all. */
  scope?: unknown
  format: ExportFormat
  /** Absent: as the dataset's policy says. */
  includeChildren?: boolean
  title?: string | null
  /** Null: never; absent: as the dataset's policy says. */
  expiresAt?: Date | null
  /** Goes past the gate, for those who may. */
  skipSnapshotCheck?: boolean
}

/** What may be made, after all was asked that has to be. */
export interface AllowedExport {
  dataset: Dataset
  scope: Scope
  format: ExportFormat
  includeChildren: boolean
  gate: GatePass
}

const dayMs = 86_400_000

/**
 * Has an export made: it is queued when this resolves.
 * @throws Problem as `allowExport` does; EXPORT_OPTIONS_INVALID
 */
export async function requestExport(
  app: FastifyInstance,
  wanted: WantedExport,
  cause: Cause,
): Promise<Export> {
  if (wanted.expiresAt && wanted.expiresAt <= app.clock.now()) {
    throw invalidOption('expiresAt', 'must be in the future')
  }
  return queue(app, wanted, await allowExport(app, wanted, cause), cause)
}

/**
 * Asks all that has to be asked before records leave: the scope, the parties, the dataset's policy, the gate.
 * @throws Problem DATASET_…, SCOPE_INVALID, SCOPE_EMPTY naming the keys that don't exist, NOT_A_PARTY, FORBIDDEN,
 *   EXPORT_OPTIONS_INVALID, SNAPSHOT_REQUIRED, SNAPSHOT_STALE, SOURCE_…
 */
export async function allowExport(
  app: FastifyInstance,
  { dataset: name, scope: given, format, ...options }: WantedExport,
  cause: Cause,
): Promise<AllowedExport> {
  const dataset = app.datasets.get(name)
  const scope = parseScope(given, dataset)
  await requireParty(app, cause.actor, dataset, keysOf(scope), 'create')
  const policy = dataset.policies.export
  requireFormat(dataset, format)
  await requireExisting(app, dataset, scope)
  const { skipSnapshotCheck = false } = options
  const gate = await requireGate(app, { dataset, scope, operation: 'export', skipSnapshotCheck }, cause)
  const includeChildren = options.includeChildren ?? policy?.includeChildren ?? true
  return { dataset, scope, format, includeChildren, gate }
}

function requireFormat({ title, policies }: Dataset, format: ExportFormat): void {
  const allowed = policies.export?.formats
  if (allowed === undefined || allowed.includes(format)) return
  throw invalidOption('format', `must be ${allowed.join(' or ')}: ${title} has no others`)
}

/** @param field of the request */
function invalidOption(field: string, detail: string) {
  return exportProblems.EXPORT_OPTIONS_INVALID(`${field} ${detail}`, {
    errors: [{ pointer: `/${field}`, detail }],
  })
}

/** Naming a record that isn't there is a mistake; a month without records is not. */
async function requireExisting(app: FastifyInstance, dataset: Dataset, scope: Scope): Promise<void> {
  const missing = await findMissingKeys(app.datasets.source(dataset), dataset, scope)
  if (missing.length === 0) return
  const shown = missing.slice(0, 20).map((key) => JSON.stringify(key.length === 1 ? key[0] : key))
  const more = missing.length > shown.length ? ` and ${missing.length - shown.length} more` : ''
  throw scopeEmpty(`${dataset.title} has no record ${shown.join(', ')}${more}.`)
}

async function queue(
  app: FastifyInstance,
  { title = null, expiresAt }: WantedExport,
  { dataset, scope, format, includeChildren, gate }: AllowedExport,
  cause: Cause,
): Promise<Export> {
  const [id, createdAt] = [newId(), app.clock.now()]
  const tables = tableNodes(includeChildren ? dataset.root : withoutChildren(dataset).root)
  const { extension } = fileKind(format, tables.length)
  const queued = await app.orm.em.fork().transactional(async (em) => {
    const exported = em.create(Export, {
      ...unmade,
      id,
      dataset: dataset.name,
      scope,
      format,
      includeChildren,
      title,
      status: 'queued',
      expiresAt: expiresAt === undefined ? expiryOf(app, dataset, createdAt) : expiresAt,
      createdBy: cause.actor.email ?? cause.actor.name,
      createdAt,
      key: exportKey(dataset.name, { id, scope, createdAt }, extension),
      gate: { ...gate, snapshotAt: gate.snapshotAt?.toISOString() ?? null },
    })
    await auditExport(em, exported, 'requested', cause, { metadata: { gate: exported.gate } })
    await app.queue.enqueue(em, generateJob, { id }, id)
    return exported
  })
  await failpoint('export.queued')
  return queued
}

function expiryOf({ config }: FastifyInstance, { policies }: Dataset, now: Date): Date {
  const after = policies.export?.expireAfter
  const ms = after === undefined ? config.backupRetentionDays * dayMs : parseDuration(after)
  return new Date(now.getTime() + ms)
}
