import type { AddressInfo } from 'node:net'
import t from 'tap'
import { testApp } from '../support/app.ts'
import { startBrowser } from '../support/browser.ts'
import { generateTypes, loadClient } from '../support/generated-client.ts'
import { bearer } from '../support/people.ts'

interface FirstSteps {
  takeFirstSteps(baseUrl: string, token: string): Promise<{ secret: string; secretAgain: string }>
}

interface Operation {
  operationId?: string
  tags?: string[]
  security?: object[]
  parameters?: { $ref?: string }[]
  responses: Record<string, { $ref?: string; description?: string }>
  'x-permission'?: string
}
interface Document {
  openapi: string
  paths: Record<string, Record<string, Operation>>
  components: Record<string, Record<string, unknown>>
}

const app = await testApp(t)
const browser = await startBrowser(t, app)
const document = (await app.inject('/openapi.json')).json<Document>()
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ name: `${method} ${path}`, method, path, operation })),
)

t.test('every route of the API is in the document, and no page is', async (t) => {
  t.equal(document.openapi, '3.1.0')
  const documented = operations.map(({ name }) => name)
  const routes = app.declaredRoutes
    .filter(({ url, method }) => url.startsWith('/api/') && method !== 'HEAD')
    .map(({ url, method }) => `${method.toLowerCase()} ${url.replace(/:(\w+)/g, '{$1}')}`)
  const system = ['get /healthz', 'get /readyz', 'get /metrics']
  t.same(documented.toSorted(), [...new Set([...routes, ...system])].sort())
})

t.test('every operation is named, grouped, and says who may and how it fails', async (t) => {
  const ids = operations.map(({ operation }) => operation.operationId)
  t.same(new Set(ids).size, ids.length, 'names are unique')
  for (const { name, operation } of operations) {
    t.match(operation.operationId, /^[a-z][A-Za-z]+$/, name)
    t.equal(operation.tags?.length, 1, name)
    t.same(operation.responses.default, { $ref: '#/components/responses/Problem' }, name)
    t.type(operation['x-permission'], 'string', name)
    t.same(operation.security, operation['x-permission'] === 'public' ? [] : undefined, name)
    for (const { description } of Object.values(operation.responses))
      t.not(description, 'Default Response', name)
  }
})

const has = (operation: Operation, parameter: string) =>
  operation.parameters?.some(({ $ref }) => $ref === `#/components/parameters/${parameter}`) ?? false

t.test('what the conventions add to operations of a kind is there', async (t) => {
  for (const { name, method, operation } of operations) {
    const isKeyed = method === 'post' && operation['x-permission'] !== 'public'
    t.equal(has(operation, 'IdempotencyKey'), isKeyed, name)
    t.equal(has(operation, 'Prefer'), method === 'post' && '202' in operation.responses, name)
    t.equal(has(operation, 'IfNoneMatch'), '304' in operation.responses, name)
  }
})

t.test('shared schemas are components with names, and every reference leads to one', async (t) => {
  t.notMatch(Object.keys(document.components.schemas ?? {}).join(), /def-/)
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target!)
  for (const target of new Set(references)) {
    const [, section = '', name = ''] = /^#\/components\/(\w+)\/(\w+)$/.exec(target) ?? []
    t.ok(document.components[section]?.[name], target)
  }
})

t.test('a client that is generated from it compiles and works', async (t) => {
  const { takeFirstSteps } = await loadClient<FirstSteps>(t, app, 'first-steps.ts')
  const { authorization } = await bearer(app, 'admin')
  const { port } = app.server.address() as AddressInfo
  const seen = await takeFirstSteps(`http://127.0.0.1:${port}`, authorization.slice(7))
  t.match(seen, { status: 'ready', name: "the admin's", secret: /^hf_/, problem: /NOT_FOUND/ })
  t.equal(seen.secretAgain, seen.secret)
})

t.test('a client that asks for what is not there does not compile', async (t) => {
  t.match(await generateTypes(app), /"\/api\/me"/)
  await t.rejects(loadClient(t, app, 'mistaken.ts'), /mistaken\.ts:7 Property 'nickname' does not exist/)
})

t.test('/docs draws it, with nothing that the content security policy has to stop', async (t) => {
  const page = await browser.open()
  const complaints: string[] = []
  page.on('console', (message) => void (message.type() === 'error' && complaints.push(message.text())))
  page.on('pageerror', (error) => complaints.push(error.message))
  const answer = await page.goto('/docs')
  t.match(answer!.headers()['content-security-policy'], /script-src 'self';/)
  await page.locator('.opblock').first().waitFor()
  t.equal(await page.locator('.opblock').count(), operations.length)
  t.same(complaints, [])
})
