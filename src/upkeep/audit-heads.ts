import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { AuditEntry } from '../audit/audit-entry.ts'
import { canonicalJson } from '../audit/canonical.ts'
import type { PublishedHead } from '../audit/verify-audit.ts'
import { Problem } from '../platform/errors.ts'
import { valueOfJson } from '../platform/json-text.ts'
import { isShaped } from '../platform/validation.ts'
import type { RunOutcome } from '../schedules/schedules.ts'
import type { Store } from '../storage/store.ts'

const folder = 'audit/heads/'

const Hash = Type.String({ pattern: '^[0-9a-f]{64}$' })

/** A head in the store. `sha256` is of the canonical JSON (RFC 8785) of the other members. */
const HeadFile = Type.Object({
  holdfast: Type.Literal('audit-head-1'),
  seq: Type.Integer({ minimum: 1 }),
  hash: Hash,
  publishedAt: Type.String({ format: 'date-time' }),
  sha256: Hash,
})

/**
 * Puts the chain's head into the store, one a day: `audit/heads/2026-11-20.json`. What is there already stays: a head that
 * was published is never replaced by one that somebody made up later.
 * @throws Problem STORE_UNREACHABLE
 */
export async function publishHead(app: FastifyInstance): Promise<RunOutcome> {
  const now = app.clock.now()
  const key = `${folder}${now.toISOString().slice(0, 10)}.json`
  const [entry] = await app.orm.em.fork().find(AuditEntry, {}, { orderBy: { seq: 'desc' }, limit: 1 })
  if (entry === undefined) return { note: 'There is no entry yet.' }
  if ((await app.stores.main.head(key)) !== null) return { note: `${key} is there already.` }
  const { seq, hash } = entry
  const head = { holdfast: 'audit-head-1', seq, hash, publishedAt: now.toISOString() }
  await app.stores.main.put(key, Buffer.from(`${JSON.stringify({ ...head, sha256: digest(head) })}\n`))
  return { counts: { entries: seq }, note: `${key}: ${seq}:${hash}` }
}

function digest(head: object): string {
  return createHash('sha256').update(canonicalJson(head)).digest('hex')
}

/** The newest head in the store that is as it was written; null when there is none, or the store can't be read now. */
export async function newestHead({ stores, log }: FastifyInstance): Promise<PublishedHead | null> {
  try {
    const keys: string[] = []
    for await (const { key } of stores.main.list(folder)) keys.push(key)
    for (const key of keys.toReversed()) {
      const head = await readHead(stores.main, key)
      if (head !== null) return { seq: head.seq, hash: head.hash, publishedAt: head.publishedAt }
      log.warn({ key }, 'a published audit head is not as it was written')
    }
    return null
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    log.warn({ err: error }, 'the published audit heads could not be read')
    return null
  }
}

async function readHead(store: Store, key: string): Promise<Static<typeof HeadFile> | null> {
  const head = valueOfJson((await buffer(await store.get(key))).toString())
  if (!isShaped(HeadFile, head)) return null
  const { sha256, ...rest } = head
  return digest(rest) === sha256 ? head : null
}
