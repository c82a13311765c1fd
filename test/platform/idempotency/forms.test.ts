import type { FastifyInstance } from 'fastify'
import t from 'tap'
import Type from 'typebox'
import { defineProblems } from '../../../src/platform/errors.ts'
import { withFormKeys } from '../../../src/platform/form-keys.ts'
import { form } from '../../../src/platform/validation.ts'
import { testApp } from '../../support/app.ts'
import { browse, person } from '../../support/people.ts'
import { sql, testDatabase } from '../../support/postgres.ts'

const problems = defineProblems({ GATE_SHUT: { status: 409, title: 'The gate is shut', hint: '' } })

/** What a route waits for before it does its work: the test sets it. */
let before: () => Promise<void> | void = () => {}
let shown = 0

async function routes(app: FastifyInstance) {
  const config = { permission: 'signed-in' as const }
  const body = Type.Object({ note: Type.Optional(Type.String()) }, { additionalProperties: false, ...form })
  app.post('/rows', { config, schema: { body } }, async (_request, reply) => {
    await before()
    const [{ n }] = await app.orm.em.transactional((em) =>
      em.execute<[{ n: number }]>('INSERT INTO rows DEFAULT VALUES RETURNING n'),
    )
    return reply.leadTo(`/rows/${n}`, 'Added.')
  })
  app.post('/previews', { config, schema: { body } }, async () => `preview ${++shown}`)
  app.post('/refusals', { config, schema: { body } }, async () => {
    throw problems.GATE_SHUT(`refusal ${++shown}`)
  })
  app.post('/nothing', { config }, async (_request, reply) => reply.leadTo('/rows'))
}

const databaseUrl = await testDatabase(t)
await sql(databaseUrl, 'CREATE TABLE rows (n int GENERATED ALWAYS AS IDENTITY)')
const app = await testApp(t, { databaseUrl, routes })
await person(app, 'ann', 'operator')
await person(app, 'bob', 'operator')
const ann = await browse(app, 'ann')
const bob = await browse(app, 'bob')

const keyOf = (page: string) => /name="once" value="([^"]+)"/.exec(page)![1]!
const newKey = () => keyOf(withFormKeys('<form method="post">'))

async function send(url: string, fields: Record<string, string>, headers = ann) {
  return app.inject({
    method: 'POST',
    url,
    headers: { ...headers, accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams(fields).toString(),
  })
}

const rows = async () => (await sql(databaseUrl, 'SELECT n FROM rows')).length

t.test('every form of a page that changes something has the key, and no other has', async (t) => {
  const page = (await app.inject({ url: '/shortcuts', headers: { ...ann, accept: 'text/html' } })).body
  const forms = page.match(/<form[^]*?<\/form>/g)!
  for (const form of forms) t.equal(form.includes('name="once"'), form.includes('method="post"'), form)
  const again = (await app.inject({ url: '/shortcuts', headers: { ...ann, accept: 'text/html' } })).body
  t.not(keyOf(page), keyOf(again), 'each page a new one')
  t.equal(withFormKeys('&lt;form method="post"&gt;'), '&lt;form method="post"&gt;', 'text is not a form')
})

t.test('a form that is sent twice is done once, and both lead to the same place', async (t) => {
  const once = newKey()
  const first = await send('/rows', { once, note: 'a' })
  t.match(first, { statusCode: 303, headers: { location: '/rows/1' } })
  const second = await send('/rows', { once, note: 'a' })
  t.match(second, { statusCode: 303, headers: { location: '/rows/1' } })
  t.match(decodeURIComponent(String(second.headers['set-cookie'])), /sent twice. It was done once/)
  t.equal(await rows(), 1)
})

t.test('also both at once: the second waits for the first', async (t) => {
  const once = newKey()
  const gate = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  before = () => {
    begun.resolve()
    return gate.promise
  }
  const first = send('/rows', { once })
  await begun.promise
  const second = send('/rows', { once })
  gate.resolve()
  t.equal((await second).headers['location'], (await first).headers['location'])
  before = () => {}
  t.equal(await rows(), 2)
})

t.test('other fields, another page, another person and no key at all are other requests', async (t) => {
  const once = newKey()
  await send('/rows', { once, note: 'a' })
  await send('/rows', { once, note: 'b' })
  await send('/rows', { once: newKey(), note: 'a' })
  await send('/rows', { once, note: 'a' }, bob)
  await send('/rows', { note: 'a' })
  await send('/rows', { note: 'a' })
  await send('/rows', { once: 'no key', note: 'a' })
  t.equal(await rows(), 9)
})

t.test('what changed nothing is done anew: a preview, a refusal', async (t) => {
  const once = newKey()
  t.equal((await send('/previews', { once })).body, 'preview 1')
  t.equal((await send('/previews', { once })).body, 'preview 2')
  t.match((await send('/refusals', { once })).body, 'Refusal 3')
  t.match((await send('/refusals', { once })).body, 'Refusal 4')
  const left = await sql(databaseUrl, 'SELECT FROM idempotency_keys WHERE NOT changed')
  t.equal(left.length, 0, 'and nothing is kept of it')
})

t.test('a route that takes no body takes the key all the same', async (t) => {
  t.equal((await send('/nothing', { once: newKey() })).statusCode, 303)
  t.equal((await send('/nothing', { once: newKey(), more: 'x' })).statusCode, 400)
})
