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
    const { url, names, read } = await sourceWithRoles(t)
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
    const grant = (rights: string, tables: string) =>
      `source "app": its role may not do this; it needs GRANT ${rights} ON ${tables} TO ${names.read}`
    t.match(refusal, {
      code: 'SOURCE_PERMISSION_MISSING',
      detail: grant('UPDATE', 'conversations.conversations'),
    })
    t.match(await ask('GET', `/restores/${plan.id}`, 200), { status: 'planned' }, 'it can be applied later')

    const wanted = { dataset, scope: { keys: [key] }, target: 'records' }
    const { planHash } = await ask('POST', '/cleanups', 200, wanted)
    const confirmed = { ...wanted, confirmDelete: true, planHash }
    const missing = {
      code: 'SOURCE_PERMISSION_MISSING',
      detail: grant('UPDATE, DELETE', 'conversations.conversations, conversations.turns'),
    }
    t.match(await ask('POST', '/cleanups', 409, confirmed), missing)
    const dueAt = new Date(Date.now() + 86_400_000).toISOString()
    t.match(await ask('POST', '/cleanups', 409, { ...confirmed, dueAt }), missing)
    t.match(await ask('GET', '/cleanups', 200), { items: [] }, 'nothing was captured, nothing waits')
    const snapshots = await ask('GET', '/snapshots', 200)
    t.equal((snapshots['items'] as unknown as object[]).length, 1, 'but the one that was asked for')
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

t.test('a right that is taken away before the deadline fails the cleanup before it captures', async (t) => {
  const { url, names, write } = await sourceWithRoles(t)
  const ask = await service(t, write)
  const wanted = { dataset, scope: { keys: [await someKey(url)] }, target: 'records' }
  const { planHash } = await ask('POST', '/cleanups', 200, wanted)
  const dueAt = new Date(Date.now() + 86_400_000).toISOString()
  const { id } = await ask('POST', '/cleanups', 202, { ...wanted, confirmDelete: true, planHash, dueAt })
  await sql(url, `REVOKE DELETE ON conversations.turns FROM ${names.write}`)
  t.match(await ask('POST', `/cleanups/${id}/application`, 409, { planHash }), {
    code: 'SOURCE_PERMISSION_MISSING',
  })
  t.match(await ask('GET', `/cleanups/${id}`, 200), {
    status: 'failed',
    error: {
      code: 'SOURCE_PERMISSION_MISSING',
      detail: `source "app": its role may not do this; it needs GRANT DELETE ON conversations.turns TO ${names.write}`,
    },
  })
  t.match(await ask('GET', '/snapshots', 200), { items: [] })
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

t.test('what neither role is given, PostgreSQL refuses both of them', async (t) => {
  const { read, write } = await sourceWithRoles(t)
  const neither = [
    'CREATE TABLE conversations.more (id int)',
    'ALTER TABLE conversations.turns ADD COLUMN more int',
    'CREATE INDEX ON conversations.turns (role)',
    'TRUNCATE conversations.turns',
    'DROP TABLE conversations.turns',
    'CREATE TRIGGER more BEFORE DELETE ON conversations.turns EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    'SELECT FROM chat.sessions',
    'CREATE ROLE more',
  ]
  const onlyWriting = [
    'INSERT INTO conversations.conversations DEFAULT VALUES',
    'UPDATE conversations.turns SET content = content',
    'DELETE FROM conversations.turns',
    'SELECT FROM conversations.turns FOR UPDATE',
  ]
  for (const statement of [...neither, ...onlyWriting])
    await t.rejects(sql(read, statement), { code: '42501' }, `reading: ${statement}`)
  for (const statement of neither)
    await t.rejects(sql(write, statement), { code: '42501' }, `writing: ${statement}`)
})
