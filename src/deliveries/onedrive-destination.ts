import { dirname } from 'node:path/posix'
import { Readable } from 'node:stream'
import { BatchPaused } from '../batches/batch-paused.ts'
import type { Copied, Destination, Original } from './destination.ts'
import { deliveryProblems } from './errors.ts'
import { createFolders } from './graph-folders.ts'
import { reasonOf, type GraphBody, type GraphClient } from './graph-client.ts'
import { digestOf, requireExpected, type Digests } from './hash-original.ts'
import { refused, uploadInFragments } from './upload-session.ts'

/** Files up to this size, in bytes, go in one request. */
const smallBytes = 4 * 1024 * 1024

/**
 * OneDrive, through Microsoft Graph. Nothing is asked before a file is sent: that there is one of its name Graph says
 * itself (`conflictBehavior` fail), and then the two are compared.
 * @param driveId null: the drive of whoever the token is of
 */
export function oneDriveDestination(graph: GraphClient, driveId: string | null): Destination {
  const drive = driveId === null ? '/me/drive' : `/drives/${encodeURIComponent(driveId)}`
  const folders = createFolders(graph, drive)
  const at = (path: string) => `${drive}/root:/${path.split('/').map(encodeURIComponent).join('/')}`

  async function find(path: string, signal: AbortSignal): Promise<GraphBody | null> {
    const answer = await graph.ask({ method: 'GET', url: at(path) }, signal)
    if (answer.status === 404) return null
    if (answer.status !== 200) throw refused(answer)
    return answer.body
  }

  async function putSmall(original: Original, path: string, signal: AbortSignal): Promise<Copied> {
    const bytes = await bytesOf(original)
    const sent = await digestOf(Readable.from([bytes]), signal)
    requireExpected(original, sent)
    const url = `${at(path)}:/content?@microsoft.graph.conflictBehavior=fail`
    const headers = { 'content-type': 'application/octet-stream' }
    const answer = await graph.ask({ method: 'PUT', url, body: bytes, headers }, signal)
    if (answer.status === 409) return confirm(path, sent, signal)
    if (answer.status === 403)
      throw new BatchPaused(`OneDrive refuses to take files there (${reasonOf(answer)}).`)
    if (answer.status > 201) throw refused(answer)
    return compare(answer.body, sent, signal)
  }

  async function putLarge(original: Original, path: string, signal: AbortSignal): Promise<Copied> {
    const exists = async () => (await find(path, signal)) !== null
    const wanted = { path: `${at(path)}:/createUploadSession`, original, exists }
    const uploaded = await uploadInFragments(graph, wanted, signal)
    if (uploaded !== 'exists') return compare(uploaded.item, uploaded.sent, signal)
    const whole = await digestOf(await original.open(), signal)
    requireExpected(original, whole)
    return confirm(path, whole, signal)
  }

  /** What Graph says of the file that it made of what was sent. One that is wrong is ours, and removed. */
  async function compare(item: GraphBody, sent: Digests, signal: AbortSignal): Promise<Copied> {
    const hash = item.file?.hashes?.quickXorHash
    if (item.size === sent.bytes && (hash === undefined || hash === sent.quickXorHash))
      return copied(item, sent, hash === undefined ? 'size' : 'quickXorHash')
    await graph.ask({ method: 'DELETE', url: `${drive}/items/${encodeURIComponent(item.id!)}` }, signal)
    throw deliveryProblems.DELIVERY_COPY_DIFFERS(
      `OneDrive has ${item.size} bytes with the QuickXorHash ${hash}; sent were ${sent.bytes} bytes with ${sent.quickXorHash}.`,
    )
  }

  /** Tells a copy of an earlier go, whose answer got lost, from somebody else's file. */
  async function confirm(path: string, wanted: Digests, signal: AbortSignal): Promise<Copied> {
    const item = await find(path, signal)
    if (item?.file !== undefined && item.size === wanted.bytes) {
      const hash = item.file.hashes?.quickXorHash ?? (await download(path, signal))
      if (hash === wanted.quickXorHash) return copied(item, wanted, 'quickXorHash')
    }
    throw deliveryProblems.DELIVERY_CONFLICT(`OneDrive has something else at ${path}.`)
  }

  async function download(path: string, signal: AbortSignal): Promise<string> {
    const answer = await graph.download(`${at(path)}:/content`, signal)
    if (!answer.ok || answer.body === null)
      throw refused({ status: answer.status, body: {}, retryAfterMs: null })
    return (await digestOf(Readable.fromWeb(answer.body), signal)).quickXorHash
  }

  return {
    async put(original, path, signal) {
      await folders.ensure(dirname(path), signal)
      return original.bytes <= smallBytes
        ? putSmall(original, path, signal)
        : putLarge(original, path, signal)
    },
  }
}

async function bytesOf(original: Original): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of await original.open()) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function copied({ webUrl }: GraphBody, { bytes, sha256 }: Digests, compared: Copied['compared']): Copied {
  return { bytes, sha256, compared, url: webUrl ?? null }
}
