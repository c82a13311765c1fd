import t, { type Test } from 'tap'
import { matrix } from '../../src/access/permissions.ts'
import { roles, type Role } from '../../src/audit/actor.ts'
import { testApp } from '../support/app.ts'
import { bearer } from '../support/people.ts'

const app = await testApp(t)

const id = '01900000-0000-7000-8000-000000000000'

/** A request to a route that names nothing that exists, so that whoever is let in changes nothing. */
function ask({ method, url }: { method: string; url: string }, headers: Record<string, string>) {
  const path = url
    .replace('*', 'x')
    .replace(/:dataset\b|:name\b/g, 'nothing')
    .replace(/:\w+/g, id)
  const payload = method === 'POST' || method === 'PATCH' || method === 'PUT' ? { payload: {} } : {}
  return app.inject({ method: method as 'GET', url: path, headers, ...payload })
}

async function everyRole() {
  const headers: [Role, { authorization: string }][] = []
  for (const role of roles) headers.push([role, await bearer(app, role)])
  return headers
}

t.test('every route answers every role as the published matrix says', async (t) => {
  const asRoles = await everyRole()
  const published = (await app.inject({ url: '/api/permissions', headers: asRoles[0]![1] })).json()
  const allowed = new Map<string, Role[]>(
    published.permissions.map(({ permission, roles }: { permission: string; roles: Role[] }) => [
      permission,
      roles,
    ]),
  )
  for (const route of app.declaredRoutes) {
    const name = `${route.method} ${route.url} (${route.permission})`
    if (route.permission === 'public') {
      await publicly(t, route, name)
      continue
    }
    t.equal((await ask(route, {})).statusCode, 401, `${name}: nobody`)
    for (const [role, headers] of asRoles) {
      const { statusCode } = await ask(route, headers)
      const isAllowed = route.permission === 'signed-in' || allowed.get(route.permission)?.includes(role)
      if (isAllowed) t.notMatch([401, 403], [statusCode], `${name}: ${role} is let in, ${statusCode}`)
      else t.equal(statusCode, 403, `${name}: ${role}`)
    }
  }
})

/** What is public asks for no credentials, and minds none. */
async function publicly(t: Test, route: { method: string; url: string }, name: string) {
  const { statusCode, body } = await ask(route, {})
  const refusesItself = /SIGN_IN_REFUSED|SETUP_LINK_INVALID/.test(body)
  t.notOk([401, 403].includes(statusCode) && !refusesItself, `${name}: ${statusCode}`)
}

t.test('what is public is listed here, one by one', async (t) => {
  const open = app.declaredRoutes.filter(
    ({ permission, url }) => permission === 'public' && !/^\/(docs|public)/.test(url),
  )
  t.same(
    [...new Set(open.map(({ method, url }) => `${method} ${url}`))]
      .filter((route) => !route.startsWith('HEAD'))
      .sort(),
    [
      'GET /healthz',
      'GET /openapi.json',
      'GET /problems',
      'GET /problems/:code',
      'GET /readyz',
      'GET /schemas/dataset.json',
      'GET /setup',
      'GET /shortcuts',
      'GET /sign-in',
      'POST /api/session',
      'POST /setup',
      'POST /shortcuts',
      'POST /sign-in',
      'POST /theme',
    ],
  )
})

t.test('every permission of the matrix is published', async (t) => {
  const { permissions } = (
    await app.inject({ url: '/api/permissions', headers: await bearer(app, 'member') })
  ).json()
  const declared = Object.entries(matrix).flatMap(([resource, actions]) =>
    Object.entries(actions).map(([action, roles]) => ({
      permission: `${resource}:${action}`,
      resource,
      action,
      roles,
    })),
  )
  const bare = permissions.map(({ description, ...rest }: { description: string }) => {
    t.match(description, /^[A-Z].+[.]$/, 'each says what it allows')
    return rest
  })
  t.same(bare, declared)
})

t.test(
  'a route without a permission stops the start, and so does one that the matrix does not have',
  async (t) => {
    const start = (config: object) =>
      testApp(t, { routes: async (app) => void app.get('/forgotten', { config }, async () => '') })
    await t.rejects(start({}), /GET \/forgotten declares no permission/)
    await t.rejects(start({ permission: 'snapshots:shred' }), /no snapshots:shred/)
    await start({ permission: 'snapshots:list' })
  },
)

t.test('a refusal says what is missing and who has it', async (t) => {
  const answer = await app.inject({ url: '/api/audit', headers: await bearer(app, 'operator') })
  t.match(answer.json(), {
    status: 403,
    code: 'FORBIDDEN',
    permission: 'audit:list',
    roles: ['admin', 'viewer'],
    detail: /operator.*audit:list.*admin or viewer/,
  })
})
