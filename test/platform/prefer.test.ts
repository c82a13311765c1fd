import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { preferredWait } from '../../src/platform/prefer.ts'
import { testApp } from '../support/app.ts'

async function routes(app: FastifyInstance) {
  app.get('/api/waits', { config: { permission: 'public' } }, async (request) => preferredWait(request))
}

t.test('Prefer: wait=N', async (t) => {
  const app = await testApp(t, { routes })
  const ask = async (prefer: string) => {
    const { body, headers } = await app.inject({ url: '/api/waits', headers: { prefer } })
    return [Number(body), headers['preference-applied']]
  }
  t.same(await ask('wait=5'), [5, 'wait=5'])
  t.same(await ask('respond-async, WAIT = "7"; x=1, wait=9'), [7, 'wait=7'])
  t.same(await ask('wait=100000'), [60, 'wait=60'], 'capped')
  for (const nothing of ['', 'wait', 'wait=', 'wait=-1', 'wait=1.5', 'wait=0x10', 'await=5', 'wait="5'])
    t.same(await ask(nothing), [0, undefined], nothing)
})
