import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { testApp } from '../support/app.ts'

async function routes(app: FastifyInstance) {
  app.get('/api/data', { config: { permission: 'public' } }, async () => ({}))
}

const app = await testApp(t, { routes, environment: { TRUST_PROXY: '127.0.0.1' } })

t.test('every answer tells browsers how little they may do with it', async (t) => {
  for (const url of ['/api/data', '/api/nothing', '/problems', '/docs', '/healthz']) {
    const { headers } = await app.inject({ url, headers: { accept: 'text/html' } })
    const policy = String(headers['content-security-policy'])
    t.match(policy, /default-src 'none'.*frame-ancestors 'none'/, url)
    t.notMatch(policy, /unsafe|https:|\*/, url)
    t.match(headers, {
      'cross-origin-opener-policy': 'same-origin',
      'permissions-policy': /camera=\(\)/,
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'x-request-id': String,
    })
    t.notOk(
      Object.keys(headers).some((name) => name.startsWith('access-control')),
      'no CORS',
    )
    t.notOk(headers['x-powered-by'] ?? headers.server)
  }
})

t.test('answers with data are not stored', async (t) => {
  t.equal((await app.inject('/api/data')).headers['cache-control'], 'no-store')
  t.equal((await app.inject('/api/nothing')).headers['cache-control'], 'no-store')
})

const hsts = async (proto: string, remoteAddress: string) =>
  (await app.inject({ url: '/api/data', headers: { 'x-forwarded-proto': proto }, remoteAddress })).headers[
    'strict-transport-security'
  ]

t.test('only who came by https is told to stay there', async (t) => {
  t.equal(await hsts('https', '127.0.0.1'), 'max-age=31536000')
  t.equal(await hsts('http', '127.0.0.1'), undefined)
  t.equal(await hsts('https', '192.0.2.1'), undefined, 'a stranger can claim anything')
})
