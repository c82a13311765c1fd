import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo, LookupFunction } from 'node:net'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import {
  guardedFetch,
  isAllowedTarget,
  openOutbound,
  type GuardedRequest,
} from '../../src/notifications/guarded-fetch.ts'
import { kindOfAddress } from '../../src/notifications/private-addresses.ts'
import { parseAllowedTargets } from '../../src/platform/allowed-targets.ts'
import { readConfig } from '../../src/platform/config.ts'

/** A web server on a loopback address. */
async function serve(t: Test, answer: RequestListener) {
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`)
    answer(request, response)
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { seen, port: (server.address() as AddressInfo).port }
}

/** A service that may call what `allow` lists. @param names what they resolve to, one after the other, the last for ever */
function caller(t: Test, allow: string, names: Record<string, string[]> = {}) {
  const asked: string[] = []
  const lookup: LookupFunction = (hostname, _options, callback) => {
    asked.push(hostname)
    const answers = names[hostname] ?? []
    const address = answers.length > 1 ? answers.shift()! : answers[0]
    if (address === undefined) return callback(new Error(`getaddrinfo ENOTFOUND ${hostname}`), [])
    const found = address.split(' ').map((one) => ({ address: one, family: one.includes(':') ? 6 : 4 }))
    callback(null, found)
  }
  const config = readConfig({ HOLDFAST_WEBHOOK_ALLOW: allow })
  const outbound = openOutbound(lookup)
  t.teardown(() => outbound.close())
  const app = { config, outbound } as Pick<FastifyInstance, 'config' | 'outbound'>
  return { app, asked, call: (url: string, init?: GuardedRequest) => guardedFetch(app, url, init) }
}

t.test('only what the list names is called', async (t) => {
  const { seen, port } = await serve(t, (_, response) => response.end('hello'))
  const { call } = caller(t, `127.0.0.1:${port}`)
  t.match(await call(`http://127.0.0.1:${port}/hook`, { body: '{}' }), {
    status: 200,
    ok: true,
    text: 'hello',
    cut: false,
  })
  const refused = [
    `http://127.0.0.2:${port}/`,
    `http://localhost:${port}/`,
    'http://127.0.0.1/',
    `http://user:pass@127.0.0.1:${port}/`,
    'file:///etc/passwd',
    'no url',
  ]
  for (const url of refused) await t.rejects(call(url), { code: 'WEBHOOK_NOT_ALLOWED' }, url)
  await t.rejects(
    caller(t, '').call(`http://127.0.0.1:${port}/`),
    { code: 'WEBHOOK_NOT_ALLOWED' },
    'empty list',
  )
  t.same(seen, ['POST /hook'])
})

t.test('a name is checked at the connection, by what it resolves to then', async (t) => {
  const { seen, port } = await serve(t, (_, response) => response.end('inside'))
  const inside = ['127.0.0.1', '10.0.0.8', '169.254.169.254', '::1', 'fe80::1', '::ffff:7f00:1', '0.0.0.0']
  for (const address of inside) {
    const { call, asked } = caller(t, `hooks.example:${port}`, { 'hooks.example': [address] })
    await t.rejects(call(`http://hooks.example:${port}/`), { code: 'WEBHOOK_NOT_ALLOWED' }, address)
    t.same(asked, ['hooks.example'])
  }
  const mixed = caller(t, `hooks.example:${port}`, { 'hooks.example': ['93.184.216.34 127.0.0.1'] })
  await t.rejects(mixed.call(`http://hooks.example:${port}/`), { code: 'WEBHOOK_NOT_ALLOWED' }, 'one of two')
  t.same(seen, [])
})

t.test('a name that resolves to another address the next time gains nothing', async (t) => {
  const { seen, port } = await serve(t, (_, response) => response.end('inside'))
  const rebinding = caller(t, `hooks.example:${port}`, { 'hooks.example': ['192.0.2.1', '127.0.0.1'] })
  await t.rejects(rebinding.call(`http://hooks.example:${port}/`, { timeoutMs: 300 }), { name: 'Problem' })
  t.equal(rebinding.asked.length, 1, 'one resolution for one connection: what was checked is what is used')
  await t.rejects(rebinding.call(`http://hooks.example:${port}/`), { code: 'WEBHOOK_NOT_ALLOWED' })
  const public_ = caller(t, `hooks.example:${port}`, { 'hooks.example': ['93.184.216.34', '127.0.0.1'] })
  await t.rejects(public_.call(`http://hooks.example:${port}/`, { timeoutMs: 300 }), {
    code: 'WEBHOOK_UNREACHABLE',
  })
  t.equal(public_.asked.length, 1)
  await t.rejects(public_.call(`http://hooks.example:${port}/`), { code: 'WEBHOOK_NOT_ALLOWED' })
  t.same(seen, [])
})

t.test('a name may be inside where its entry says so, but never the metadata service', async (t) => {
  const { port } = await serve(t, (_, response) => response.end('inside'))
  const names = { worker: ['127.0.0.1'], meta: ['169.254.169.254'] }
  const { call } = caller(t, `worker:${port}+private, meta:${port}+private`, names)
  t.equal((await call(`http://worker:${port}/`)).text, 'inside')
  await t.rejects(call(`http://meta:${port}/`), { code: 'WEBHOOK_NOT_ALLOWED' })
})

t.test('redirects are answers', async (t) => {
  const inner = await serve(t, (_, response) => response.end('secret'))
  const { port } = await serve(t, (_, response) =>
    response.writeHead(307, { location: `http://127.0.0.1:${inner.port}/` }).end(),
  )
  const { call } = caller(t, `127.0.0.1:${port}, 127.0.0.1:${inner.port}`)
  t.match(await call(`http://127.0.0.1:${port}/`), { status: 307, ok: false })
  t.same(inner.seen, [])
})

t.test('an answer without end is cut, one that never comes is given up', async (t) => {
  const endless = await serve(t, (_, response) => {
    const more = () => response.write('x'.repeat(65_536)) && setImmediate(more)
    response.on('drain', more)
    more()
  })
  const silent = await serve(t, () => undefined)
  const { call } = caller(t, `127.0.0.1:${endless.port}, 127.0.0.1:${silent.port}, 127.0.0.1:1`)
  const answer = await call(`http://127.0.0.1:${endless.port}/`, { maxBytes: 1000 })
  t.same([answer.text.length, answer.cut], [1000, true])
  await t.rejects(call(`http://127.0.0.1:${silent.port}/?token=canary`, { timeoutMs: 50 }), {
    code: 'WEBHOOK_UNREACHABLE',
    message: `127.0.0.1:${silent.port} did not answer within 0.05 s.`,
  })
  await t.rejects(call('http://127.0.0.1:1/canary'), {
    code: 'WEBHOOK_UNREACHABLE',
    message: /^(?!.*canary)/,
  })
  const stopped = new AbortController()
  const waiting = call(`http://127.0.0.1:${silent.port}/`, { signal: stopped.signal })
  stopped.abort(new Error('the service stops'))
  await t.rejects(waiting, /the service stops/)
})

t.test('the list', async (t) => {
  t.same(parseAllowedTargets(' hooks.example.com, *.Example.org:8443 ,[::1]:80,worker+private,10.0.0.7,'), [
    { host: 'hooks.example.com', port: null, mayBePrivate: false },
    { host: '*.example.org', port: 8443, mayBePrivate: false },
    { host: '::1', port: 80, mayBePrivate: false },
    { host: 'worker', port: null, mayBePrivate: true },
    { host: '10.0.0.7', port: null, mayBePrivate: false },
  ])
  for (const wrong of ['http://a.b', 'a b', 'a:0', 'a:70000', '*', '*.10.0.0.1', '256.1.1.1', '[::g]', 'a/b'])
    t.equal(parseAllowedTargets(`ok, ${wrong}`), wrong)
  t.throws(
    () => readConfig({ HOLDFAST_WEBHOOK_ALLOW: 'https://a.b' }),
    /HOLDFAST_WEBHOOK_ALLOW.*"https:\/\/a.b"/,
  )
  const cases: [allow: string, url: string, allowed: boolean][] = [
    ['a.b', 'https://a.b/x', true],
    ['a.b', 'https://a.b:443/x', true],
    ['a.b', 'https://A.B./x', true],
    ['a.b', 'https://a.b:8443/x', false],
    ['a.b:443', 'http://a.b/x', false],
    ['a.b:80', 'http://a.b/x', true],
    ['a.b', 'https://c.a.b/x', false],
    ['*.a.b', 'https://c.a.b/x', true],
    ['*.a.b', 'https://a.b/x', false],
    ['*.a.b', 'https://evila.b/x', false],
    ['127.0.0.1', 'http://0x7f.1/', true],
    ['[0:0::1]', 'http://[::1]/', true],
    ['a.b', 'ftp://a.b/', false],
  ]
  for (const [allow, url, allowed] of cases)
    t.equal(isAllowedTarget(caller(t, allow).app, url), allowed, `${allow} ${url}`)
})

t.test('kinds of addresses', async (t) => {
  const kinds: Record<string, string[]> = {
    public: ['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '::ffff:8.8.8.8'],
    private: [
      '10.1.2.3',
      '172.16.0.1',
      '192.168.1.1',
      '100.64.0.1',
      '127.9.9.9',
      '::1',
      'fd12::1',
      '::ffff:a00:1',
    ],
    forbidden: [
      '169.254.169.254',
      '0.0.0.0',
      '255.255.255.255',
      '224.0.0.1',
      '192.0.2.1',
      '::',
      'fe80::1%eth0',
      'ff02::1',
      '64:ff9b::a00:1',
      '2002:a00:1::',
      '2001::1',
      '2001:db8::1',
      'fd00:ec2::254',
      '::ffff:169.254.169.254',
    ],
  }
  for (const [kind, addresses] of Object.entries(kinds))
    for (const address of addresses) t.equal(kindOfAddress(address), kind, address)
})
