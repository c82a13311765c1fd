import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { snapshotService, token, type Answer, type Body, type Service } from '../snapshots/service.ts'

/** What restores answer with besides. */
export interface RestoreBody extends Body {
  plan: Record<'create' | 'update' | 'delete', number>
  planHash: string
  sample: unknown[]
  progress: { phase: string } | null
  action: string
  items: RestoreBody[]
}

/** The service over a sample source of its own, and calls that expect an answer. */
export interface MainJob extends Service {
  headers: Record<string, string>
  /** Posts, waits for the end, expects the status and the problem's code, and gives back the answer's body. */
  post(url: string, body: object | undefined, status: number, code?: string): Promise<RestoreBody>
  get(url: string, status: number): Promise<RestoreBody>
  /** Changes one byte in the middle of a stored object. */
  flipByte(key: string): Promise<void>
}

export async function mainJob(t: Test): Promise<MainJob> {
  const service = await snapshotService(t)
  const expect = (answer: Answer, status: number, code?: string) => {
    t.equal(
      answer.status,
      status,
      `${answer.raw.raw.req.method} ${answer.raw.raw.req.url}: ${answer.raw.body.slice(0, 400)}`,
    )
    if (code !== undefined) t.equal(answer.body.code, code)
    return answer.body as RestoreBody
  }
  return {
    ...service,
    headers: { authorization: `Bearer ${token}` },
    post: async (url, body, status, code) =>
      expect(await service.call('POST', url.replace('/api', ''), body, { prefer: 'wait=60' }), status, code),
    get: async (url, status) => expect(await service.call('GET', url.replace('/api', '')), status),
    async flipByte(key) {
      const path = join(service.folder, key)
      const bytes = await readFile(path)
      const middle = bytes.length >> 1
      bytes[middle] = bytes[middle]! ^ 0xff
      await writeFile(path, bytes)
    },
  }
}
