import createClient from 'openapi-fetch'
import type { components, paths } from './schema.ts'

type Problem = components['schemas']['Problem']

/** The main job as a stranger's program does it, with nothing but what the API's document says. */
export function openMainJob(baseUrl: string, token: string) {
  const client = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${token}` } })
  const header = { Prefer: 'wait=60' }

  /** Takes a snapshot of a dataset and waits for it. */
  async function snapshot(dataset: string) {
    const taken = orThrow(
      await client.POST('/api/snapshots', {
        body: { dataset, title: 'By a generated client' },
        params: { header: { ...header, 'Idempotency-Key': crypto.randomUUID() } },
      }),
    )
    return { id: taken.id, status: taken.status, sha256: taken.sha256 }
  }

  /** The artifact, as its bytes. */
  async function content(id: string): Promise<ArrayBuffer> {
    const { data, error } = await client.GET('/api/snapshots/{id}/content', {
      params: { path: { id } },
      parseAs: 'arrayBuffer',
    })
    if (data === undefined) throw new Error(JSON.stringify(error))
    return data as ArrayBuffer
  }

  /** How many rows a table has that are not as they were. */
  async function changed(id: string): Promise<number> {
    const { summary } = orThrow(await client.GET('/api/snapshots/{id}/changes', { params: { path: { id } } }))
    return (summary ?? []).reduce((sum, table) => sum + table.create + table.update + table.delete, 0)
  }

  /** Plans a restore and applies exactly that plan. */
  async function restore(snapshotId: string) {
    const planned = orThrow(await client.POST('/api/restores', { body: { snapshotId }, params: { header } }))
    return apply(planned.id, planned.planHash)
  }

  /** Plans the inverse of a restore and applies it. */
  async function undo(id: string) {
    const planned = orThrow(
      await client.POST('/api/restores/{id}/undo', { params: { path: { id }, header } }),
    )
    return apply(planned.id, planned.planHash)
  }

  async function apply(id: string, planHash: string | null) {
    const path = { id }
    const body = { planHash: planHash ?? '' }
    const applied = orThrow(
      await client.POST('/api/restores/{id}/application', { params: { path, header }, body }),
    )
    return { id: applied.id, status: applied.status }
  }

  return { snapshot, content, changed, restore, undo }
}

function orThrow<Data>(answer: { data?: Data; error?: Problem }): Data {
  if (answer.data === undefined) throw new Error(`${answer.error?.code}: ${answer.error?.detail}`)
  return answer.data
}
