import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { caller, token, type Body } from '../snapshots/service.ts'
import { testApp } from '../support/app.ts'
import { sql, testDatabase } from '../support/postgres.ts'
import { sampleTemplate } from '../support/templates.ts'

const root = new URL('../../', import.meta.url)

/** The sample, and the two roles of docs/operations.md for the schema conversations, made by the SQL that stands there. */
async function sourceWithRoles(t: Test) {
  const url = await testDatabase(t, await sampleTemplate())
  const manual = await readFile(new URL('docs/operations.md', root), 'utf8')
  const [, block = ''] = /^## Roles for a source$.*?^```sql\n(.*?)^```$/ms.exec(manual) ?? []
  const suffix = randomBytes(4).toString('hex')
  const names = { read: `holdfast_read_${suffix}`, write: `holdfast_write_${suffix}` }
  const statements = block
    .replaceAll('holdfast_read', names.read)
    .replaceAll('holdfast_write', names.write)
    .replaceAll('shop', 'conversations')
    .replaceAll('…', suffix)
  await sql(url, statements)
  t.teardown(() =>
    sql(url, `DROP OWNED BY ${names.write}, ${names.read}; DROP ROLE ${names.write}, ${names.read}`),
  )
  const as = (name: string) => Object.assign(new URL(url), { username: name, password: suffix }).href
  return { url, names, read: as(names.read), write: as(names.write) }
}

async function service(t: Test, source: string) {
  const app = await testApp(t, {
    environment: {
      HOLDFAST_SOURCE_APP_URL: source,
      HOLDFAST_DATASETS: fileURLToPath(new URL('examples/conversations', root)),
      HOLDFAST_BOOTSTRAP_TOKEN: token,
    },
  })
  const call = caller(app)
  return async (method: 'GET' | 'POST', path: string, status: number, body?: object): Promise<Body> => {
    const answer = await call(method, path, body, method === 'POST' ? { prefer: 'wait=60' } : {})
    t.equal(answer.status, status, `${method} ${path}: ${answer.raw.body.slice(0, 500)}`)
    return answer.body
  }
}

const dataset = 'conversations'
const rows = `SELECT (SELECT json_agg(c::text ORDER BY id) FROM conversations.conversations c) AS conversations,
  (SELECT json_agg(to_jsonb(t) - 'id' ORDER BY conversation_id, sequence) FROM conversations.turns t) AS turns`

async function someKey(url: string): Promise<string> {
  const [row] = await sql(url, 'SELECT id FROM conversations.conversations ORDER BY id LIMIT 1')
  return row!['id'] as string
}

t.test(
  'with the reading role all that only reads works, and what writes says which right it lacks',
  async (t) => {
    const { url, read } = await sourceWithRoles(t)
    const ask = await service(t, read)
    const key = await someKey(url)
    const snapshot = await ask('POST', '/snapshots', 201, { dataset })
    await ask('POST', '/exports', 201, { dataset, format: 'csv' })
    await ask('GET', `/datasets/${dataset}/records`, 200)
    await sql(url, `UPDATE conversations.conversations SET title = 'other' WHERE id = $1`, [key])
    const changes = await ask('GET', `/snapshots/${snapshot.id}/changes`, 200)
    t.match(JSON.stringify(changes), /other|update/i)
    const before = await sql(url, rows)

    const plan = await ask('POST', '/restores', 201, { snapshotId: snapshot.id })
    t.match(plan, { status: 'planned', plan: { update: 1 } }, 'a plan changes nothing, so it is made')
    const refusal = await ask('POST', `/restores/${plan.id}/application`, 409, { planHash: plan['planHash'] })
    t.match(refusal, {
      code: 'SOURCE_PERMISSION_MISSING',
      detail: /permission denied for table \w+.*GRANT.*INSERT, UPDATE, DELETE/,
    })

    const wanted = { dataset, scope: { keys: [key] }, target: 'records' }
    const preview = await ask('POST', '/cleanups', 200, wanted)
    const cleanup = await ask('POST', '/cleanups', 201, {
      ...wanted,
      confirmDelete: true,
      planHash: preview['planHash'],
    })
    t.match(cleanup, { counts: { removed: 0, left: 1 } })
    t.match(JSON.stringify(cleanup), /permission denied for table \w+.*GRANT/)
    t.same(await sql(url, rows), before, 'nothing was written')
  },
)

t.test('with the writing role restores, cleanups and their undo work', async (t) => {
  const { url, write } = await sourceWithRoles(t)
  const ask = await service(t, write)
  const key = await someKey(url)
  const before = await sql(url, rows)
  const snapshot = await ask('POST', '/snapshots', 201, { dataset })
  const wanted = { dataset, scope: { keys: [key] }, target: 'records' }
  const preview = await ask('POST', '/cleanups', 200, wanted)
  const cleanup = await ask('POST', '/cleanups', 201, {
    ...wanted,
    confirmDelete: true,
    planHash: preview['planHash'],
  })
  t.match(cleanup, { status: 'completed', counts: { removed: 1 } })
  await sql(url, 'UPDATE conversations.conversations SET title = lower(title)')
  const plan = await ask('POST', '/restores', 201, { snapshotId: snapshot.id })
  t.match(plan, { plan: { create: 1 } })
  const restore = await ask('POST', `/restores/${plan.id}/application`, 201, { planHash: plan['planHash'] })
  t.match(restore, { status: 'completed' })
  const after = await sql(url, rows)
  t.same(after, before)
})

t.test('the writing role has what it needs and nothing else', async (t) => {
  const { url, names } = await sourceWithRoles(t)
  const [role] = await sql(
    url,
    `SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls,
       (SELECT count(*)::int FROM pg_class WHERE relowner = r.oid) AS owns,
       has_schema_privilege(oid, 'conversations', 'CREATE') AS creates,
       has_schema_privilege(oid, 'chat', 'USAGE') AS elsewhere
     FROM pg_roles r WHERE rolname = $1`,
    [names.write],
  )
  t.match(role, { owns: 0 })
  for (const [right, has] of Object.entries(role!)) t.notOk(has, right)
  const rights = await sql(
    url,
    `SELECT DISTINCT privilege_type AS right FROM information_schema.role_table_grants WHERE grantee IN ($1, $2)`,
    [names.read, names.write],
  )
  t.same(rights.map(({ right }) => right as string).sort(), ['DELETE', 'INSERT', 'SELECT', 'UPDATE'])
})
