import type { EntityManager } from '../platform/database.ts'
import { genesis, hashOf, type ChainedEntry } from './chain.ts'
import { entriesInOrder } from './queries.ts'

/** A place in the chain as it can be published: whoever holds it can tell whether the tail was cut off or rewritten. */
export interface Head {
  seq: number
  hash: string
}

/** A head that was put where the database's masters can't change it. */
export interface PublishedHead extends Head {
  /** RFC 3339; absent for a head that a caller gave. */
  publishedAt?: string
}

/** The first entry that is wrong. */
export interface ChainBreak {
  seq: number
  /** Null when there is no such entry. */
  id: string | null
  kind: 'edited' | 'removed' | 'reordered' | 'inserted' | 'cut' | 'rewritten'
  detail: string
}

export interface AuditVerification {
  ok: boolean
  /** How many entries were found right before the first wrong one. */
  entries: number
  /** The last right one. Publish it to prove later that nothing was cut off behind it. Null: there is none. */
  head: Head | null
  problem: ChainBreak | null
}

/**
 * Reads the whole chain and recomputes every hash, with flat memory. Entries that are added meanwhile may or may not be
 * read.
 * @param published a head that an earlier verification gave; without one a cut tail cannot be seen
 */
export async function verifyAudit(
  em: EntityManager,
  published: Head | null = null,
): Promise<AuditVerification> {
  return verifyChain(entriesInOrder(em), published)
}

/** The same over entries from anywhere. */
export async function verifyChain(
  chain: AsyncIterable<ChainedEntry>,
  published: Head | null = null,
): Promise<AuditVerification> {
  let last: Head & { id: string | null } = { seq: 0, hash: genesis, id: null }
  const verdict = (problem: ChainBreak | null): AuditVerification => ({
    ok: problem === null,
    entries: last.seq,
    head: last.seq === 0 ? null : { seq: last.seq, hash: last.hash },
    problem,
  })
  for await (const entry of chain) {
    const problem = misplaced(entry, last.seq) ?? altered(entry) ?? unlinked(entry, last)
    if (problem !== null) return verdict(problem)
    if (entry.seq === published?.seq && entry.hash !== published.hash)
      return verdict(breakAt(entry, 'rewritten', `Entry ${entry.seq} is not the one that was published.`))
    last = { seq: entry.seq, hash: entry.hash, id: entry.id }
  }
  return verdict(cut(last.seq, published))
}

function misplaced(entry: ChainedEntry, lastSeq: number): ChainBreak | null {
  const seq = lastSeq + 1
  if (entry.seq < seq) return breakAt(entry, 'inserted', `There is a second entry ${entry.seq}.`)
  if (entry.seq === seq) return null
  const detail = entry.seq === seq + 1 ? `Entry ${seq} is` : `Entries ${seq} to ${entry.seq - 1} are`
  return { seq, id: null, kind: 'removed', detail: `${detail} not there.` }
}

function altered(entry: ChainedEntry): ChainBreak | null {
  if (hashOf(entry) === entry.hash) return null
  const original = originalNumber(entry)
  if (original === null)
    return breakAt(entry, 'edited', `Entry ${entry.seq} does not say what was hashed when it was written.`)
  if (original < entry.seq)
    return breakAt(
      entry,
      'inserted',
      `Entry ${entry.seq} was written as number ${original}: others were put before it.`,
    )
  const detail = `Entry ${entry.seq} was written as number ${original}: others before it were moved or removed.`
  return breakAt(entry, 'reordered', detail)
}

/** How far from its place an entry is looked for; merely words depend on it, not whether the break is found. */
const searchDistance = 1000

function originalNumber(entry: ChainedEntry): number | null {
  for (let distance = 1; distance <= searchDistance; distance++) {
    if (hashOf(entry, entry.seq + distance) === entry.hash) return entry.seq + distance
    if (hashOf(entry, entry.seq - distance) === entry.hash) return entry.seq - distance
  }
  return null
}

/** Both are right in themselves, so the one before is not the one that this was written after. */
function unlinked(entry: ChainedEntry, last: Head & { id: string | null }): ChainBreak | null {
  if (entry.previousHash === last.hash) return null
  if (last.seq === 0) return breakAt(entry, 'removed', 'The first entry names one before it.')
  const detail = `Entry ${last.seq} was replaced: entry ${entry.seq} was written after another one.`
  return { seq: last.seq, id: last.id, kind: 'edited', detail }
}

function cut(lastSeq: number, published: Head | null): ChainBreak | null {
  if (published === null || published.seq <= lastSeq) return null
  const detail = `The chain ends with entry ${lastSeq}, yet entry ${published.seq} was published.`
  return { seq: lastSeq + 1, id: null, kind: 'cut', detail }
}

function breakAt({ seq, id }: ChainedEntry, kind: ChainBreak['kind'], detail: string): ChainBreak {
  return { seq, id, kind, detail }
}
