import createClient from 'openapi-fetch'
import type { paths } from './schema.ts' // npx openapi-typescript $HOLDFAST_URL/openapi.json -o schema.ts

export async function snapshotAndCompare(baseUrl: string, token: string) {
  const client = createClient<paths>({
    baseUrl,
    headers: { authorization: `Bearer ${token}`, prefer: 'wait=60' },
  })
  const { data: taken, error } = await client.POST('/api/snapshots', { body: { dataset: 'chat' } })
  if (taken === undefined) throw new Error(`${error.code}: ${error.detail}`)
  const { data } = await client.GET('/api/snapshots/{id}/changes', { params: { path: { id: taken.id } } })
  return { status: taken.status, sha256: taken.sha256, changes: data?.summary }
}
