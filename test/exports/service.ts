import type { Body, Service } from '../snapshots/service.ts'

/** Makes an export and waits until it is finished. */
export async function make(service: Service, body: object): Promise<Body> {
  const answer = await service.call('POST', '/exports', body, { prefer: 'wait=60' })
  if (answer.status !== 201) throw new Error(`${answer.status} ${answer.raw.body}`)
  return answer.body
}

/** What an export's file holds. */
export async function contentOf(service: Service, { id }: Body): Promise<Buffer> {
  const { raw, status } = await service.call('GET', `/exports/${id}/content`)
  if (status !== 200) throw new Error(`${status} ${raw.body}`)
  return raw.rawPayload
}
