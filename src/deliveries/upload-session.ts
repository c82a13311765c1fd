import { setTimeout as rest } from 'node:timers/promises'
import { BatchPaused } from '../batches/batch-paused.ts'
import type { Original } from './destination.ts'
import { deliveryProblems } from './errors.ts'
import { full, reasonOf, type GraphAnswer, type GraphBody, type GraphClient } from './graph-client.ts'
import { Digester, requireExpected, type Digests } from './hash-original.ts'
import { backoff } from './patience.ts'

/** Fragments are sent in multiples of this, says Graph; 5 to 10 MiB are recommended. */
const unit = 327_680
const fragmentBytes = 16 * unit

/** How often in a row a fragment may come to nothing, and a session be lost. */
const fragmentTries = 8
const sessionTries = 3

/** What became of an upload: done, with Graph's answer, or another file has the name by now. */
export type Uploaded = { item: GraphBody; sent: Digests } | 'exists'

/**
 * Uploads a file in fragments, one after the other.
 * https://learn.microsoft.com/graph/api/driveitem-createuploadsession
 *
 * A fragment whose answer got lost is not sent again blindly: the session says what it has. A session that is gone is
 * begun anew, unless the file is there.
 * @param path of `…:/createUploadSession`
 * @param exists whether a file has the name
 * @throws Problem DELIVERY_REFUSED, DELIVERY_ORIGINAL_DIFFERS, STORE_…; BatchPaused
 */
export async function uploadInFragments(
  graph: GraphClient,
  { path, original, exists }: { path: string; original: Original; exists: () => Promise<boolean> },
  signal: AbortSignal,
): Promise<Uploaded> {
  for (let begun = 1; begun <= sessionTries; begun++) {
    const body = { item: { '@microsoft.graph.conflictBehavior': 'fail' } }
    const answer = await graph.ask({ method: 'POST', url: path, body }, signal)
    if (answer.status === 409) return 'exists'
    if (answer.body.uploadUrl === undefined) throw refused(answer)
    const uploaded = await fill(graph, answer.body.uploadUrl, original, signal)
    if (uploaded !== 'lost') return uploaded
    if (await exists()) return 'exists'
  }
  throw deliveryProblems.DELIVERY_REFUSED(`OneDrive lost the upload session ${sessionTries} times.`)
}

/** @returns `lost` when the session is gone: then the file may be there or not */
async function fill(
  graph: GraphClient,
  url: string,
  original: Original,
  signal: AbortSignal,
): Promise<Uploaded | 'lost'> {
  const fragments = createFragments(original)
  let at = 0
  for (let failures = 0; failures < fragmentTries;) {
    const fragment = await fragments.read(at)
    const sent = fragments.digests()
    if (sent !== null) await requireRight(graph, url, original, sent, signal)
    const answer = await put(graph, url, fragment, at, original.bytes, signal)
    if (answer !== null && answer.status < 202) return { item: answer.body, sent: sent! }
    if (answer?.status === 409) return 'exists'
    const next = answer?.status === 202 ? firstMissing(answer) : await askWhere(graph, url, answer, signal)
    if (next === 'lost') return 'lost'
    failures = next > at ? 0 : failures + 1
    at = next
    if (failures > 1 && answer?.retryAfterMs == null) await rest(backoff(failures), undefined, { signal })
  }
  throw new BatchPaused(
    'OneDrive takes no fragment of a file any more. Resume the batch when it is well again.',
  )
}

/** What is wrong is noticed before the last fragment makes a file of it. */
async function requireRight(
  graph: GraphClient,
  url: string,
  original: Original,
  sent: Digests,
  signal: AbortSignal,
): Promise<void> {
  try {
    requireExpected(original, sent)
  } catch (error) {
    await graph.send({ method: 'DELETE', url, withoutToken: true }, signal)
    throw error
  }
}

function put(
  graph: GraphClient,
  url: string,
  fragment: Buffer,
  at: number,
  total: number,
  signal: AbortSignal,
): Promise<GraphAnswer | null> {
  const range = `bytes ${at}-${at + fragment.length - 1}/${total}`
  const headers = { 'content-range': range }
  return graph.send({ method: 'PUT', url, body: fragment, headers, withoutToken: true }, signal)
}

/** After an answer that is no success, or none at all: the session knows what it has. */
async function askWhere(
  graph: GraphClient,
  url: string,
  answer: GraphAnswer | null,
  signal: AbortSignal,
): Promise<number | 'lost'> {
  if (answer?.status === 507) {
    await graph.send({ method: 'DELETE', url, withoutToken: true }, signal)
    throw new BatchPaused(full(answer.body))
  }
  const isPassing = answer === null || [416, 429].includes(answer.status) || answer.status >= 500
  if (!isPassing && ![401, 404, 410].includes(answer.status)) throw refused(answer)
  if (!isPassing) return 'lost'
  const state = await graph.ask({ method: 'GET', url, withoutToken: true }, signal)
  return state.status === 200 ? firstMissing(state) : 'lost'
}

/** `["12345-"]`, or several ranges, in any order. Where nothing is missing, the file is there or about to be. */
function firstMissing({ body }: GraphAnswer): number | 'lost' {
  const starts = (body.nextExpectedRanges ?? []).map((range) => Number.parseInt(range, 10))
  return starts.length === 0 ? 'lost' : Math.min(...starts)
}

/** Reads fragments and hashes each byte once, also when a fragment has to be sent again. */
function createFragments(original: Original) {
  const digester = new Digester()
  let hashed = 0
  let digests: Digests | null = null
  return {
    async read(start: number): Promise<Buffer> {
      const end = Math.min(start + fragmentBytes, original.bytes)
      const chunks: Buffer[] = []
      for await (const chunk of await original.open({ start, end: end - 1 })) chunks.push(chunk as Buffer)
      const fragment = Buffer.concat(chunks)
      if (end > hashed) digester.update(fragment.subarray(hashed - start))
      hashed = Math.max(hashed, end)
      return fragment
    },
    /** Of the whole file; null until all of it was read. */
    digests: () => (hashed < original.bytes ? null : (digests ??= digester.digest())),
  }
}

/** @throws nothing: makes the problem of an answer that stays as it is */
export function refused(answer: GraphAnswer) {
  return deliveryProblems.DELIVERY_REFUSED(`OneDrive answered ${reasonOf(answer)}.`)
}
