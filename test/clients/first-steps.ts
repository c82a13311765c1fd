import createClient from 'openapi-fetch'
import type { paths } from './schema.ts'

/** What anyone tries first with a generated client. @returns what it saw */
export async function takeFirstSteps(baseUrl: string, token: string) {
  const client = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${token}` } })

  const ready = await client.GET('/readyz')
  const me = await client.GET('/api/me')

  const make = () =>
    client.POST('/api/tokens', {
      body: { name: 'made by a generated client', role: 'viewer' },
      params: { header: { 'Idempotency-Key': 'first-steps' } },
    })
  const [made, again] = [await make(), await make()]

  const missing = await client.DELETE('/api/tokens/{id}', {
    params: { path: { id: '01912345-6789-7abc-8def-0123456789ab' } },
  })
  return {
    status: ready.data?.status,
    name: me.data?.name,
    secret: made.data?.token,
    secretAgain: again.data?.token,
    problem: missing.error?.code,
  }
}
