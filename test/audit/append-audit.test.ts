import pg from 'pg'
import t from 'tap'
import { appendAudit, useClock } from '../../src/audit/append-audit.ts'
import { sql } from '../support/postgres.ts'
import { ann, append, auditDatabase, record } from './database.ts'

t.test('an entry holds what happened, and the hash of the one before it', async (t) => {
  const { url, em } = await auditDatabase(t)
  useClock(em, { now: () => new Date('2026-11-20T10:00:00.123Z') })
  await append(em)
  await append(em, { outcome: 'failed', entityIds: [], snapshotId: ann.id })
  const rows = await sql(url, 'SELECT *, at::text AS time FROM audit_entries ORDER BY seq')
  t.match(rows, [
    {
      seq: '1',
      actor_type: 'user',
      actor_id: ann.id,
      actor_email: 'ann@example.com',
      action: 'snapshot.taken',
      outcome: 'done',
      entity_ids: ['a'],
      metadata: '{"count":3}',
      previous_hash: '0'.repeat(64),
    },
    { seq: '2', outcome: 'failed', entity_ids: [], snapshot_id: ann.id, previous_hash: rows[0]?.hash },
  ])
  t.match(rows[0]?.time, /10:00:00\.123/)
  t.same(await sql(url, 'SELECT * FROM audit_pending'), [])
})

t.test('an entry and its change commit together or not at all', async (t) => {
  const { url, em } = await auditDatabase(t)
  await t.rejects(appendAudit(em, record), /needs the change's transaction/)
  const failing = em.transactional(async (em) => {
    await appendAudit(em, record)
    throw new Error('changed my mind')
  })
  await t.rejects(failing, /changed my mind/)
  await em.transactional(async (em) => {
    const nested = em.transactional(async (em) => {
      await appendAudit(em, { ...record, action: 'rolled.back' })
      throw new Error('inner')
    })
    await nested.catch(() => {})
    await appendAudit(em, { ...record, action: 'kept' })
  })
  t.same(await sql(url, 'SELECT seq, action FROM audit_entries'), [{ seq: '1', action: 'kept' }])
})

t.test(
  'transactions that overlap get their numbers in the order of their commits, without gaps',
  async (t) => {
    const { url, em } = await auditDatabase(t)
    const slow = await holdTransaction(url)
    await append(em, { action: 'overtook' })
    await slow.commit()
    await Promise.all(Array.from({ length: 40 }, () => append(em.fork())))
    const rows = await sql(
      url,
      'SELECT seq::int, action, previous_hash, hash FROM audit_entries ORDER BY seq',
    )
    t.equal(rows.length, 42)
    t.match(rows, [{ action: 'overtook' }, { action: 'slow' }])
    rows.forEach((row, i) => {
      if (row.seq !== i + 1 || (i > 0 && row.previous_hash !== rows[i - 1]?.hash)) t.fail(`broken at ${i}`)
    })
  },
)

t.test('verbs that change the same row after they recorded it do not deadlock', async (t) => {
  const { url, em } = await auditDatabase(t)
  await sql(url, 'CREATE TABLE shared (id int PRIMARY KEY, n int); INSERT INTO shared VALUES (1, 0)')
  const recordFirst = () =>
    em.fork().transactional(async (em) => {
      await appendAudit(em, record)
      await em.execute('UPDATE shared SET n = n + 1')
    })
  const changeFirst = () =>
    em.fork().transactional(async (em) => {
      await em.execute('UPDATE shared SET n = n + 1')
      await appendAudit(em, record)
    })
  await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? recordFirst() : changeFirst())))
  t.match(await sql(url, 'SELECT n, (SELECT count(*)::int FROM audit_entries) AS entries FROM shared'), [
    { n: 20, entries: 20 },
  ])
})

t.test('nobody changes or removes an entry', async (t) => {
  const { url, em } = await auditDatabase(t)
  await append(em)
  const statements = [
    "UPDATE audit_entries SET action = 'x'",
    'DELETE FROM audit_entries',
    'TRUNCATE audit_entries',
    'SET session_replication_role = replica; DELETE FROM audit_entries',
  ]
  for (const statement of statements)
    await t.rejects(sql(url, statement), /append-only/, `superuser: ${statement}`)

  const owner = new pg.Client({ connectionString: url })
  await owner.connect()
  t.teardown(() => owner.end())
  const role = `owner_${new URL(url).pathname.slice(1)}`
  await owner.query(`CREATE ROLE ${role}`)
  t.teardown(() => sql(url, `DROP OWNED BY ${role}; DROP ROLE ${role}`))
  await owner.query(`CREATE SCHEMA owned AUTHORIZATION ${role}; SET ROLE ${role}; SET search_path = owned`)
  for (const statement of await auditStatements()) await owner.query(statement)
  for (const statement of statements.slice(0, 3))
    await t.rejects(owner.query(statement), /permission denied|append-only/, `owner: ${statement}`)
  t.match(
    (await owner.query("SELECT has_table_privilege('audit_entries', 'UPDATE, DELETE, TRUNCATE') AS may"))
      .rows,
    [{ may: false }],
  )
})

t.test('no secret gets into the log', async (t) => {
  const { url, em } = await auditDatabase(t)
  const canary = 'c4n4ryc4n4ryc4n4ry'
  await append(em, {
    metadata: {
      password: canary,
      nested: [{ accessToken: canary, 'api-key': { deep: canary } }],
      headers: { Authorization: canary, cookie: canary },
      source: `postgres://ann:${canary}@db.example/app`,
      text: `asked with Bearer ${canary} and hf_${canary}${canary}`,
      link: `https://h.example/setup?token=${canary}&x=1`,
      signed: `https://s3.example/a?X-Amz-Signature=${canary}`,
      key: `-----BEGIN PRIVATE KEY-----\n${canary}\n-----END PRIVATE KEY-----`,
      tokenId: 'known',
      odd: 'nul \0 and half \ud800',
    },
  })
  const [row] = await sql(url, 'SELECT audit_entries::text AS entry, metadata FROM audit_entries')
  t.notMatch(row?.entry, canary)
  t.match(JSON.parse(row?.metadata as string), { tokenId: 'known', odd: 'nul \ufffd and half \ufffd' })
})

async function holdTransaction(url: string): Promise<{ commit(): Promise<void> }> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('BEGIN')
  await client.query(`INSERT INTO audit_pending (id, at, actor_type, actor_name, actor_role, action, outcome, entity_type, entity_ids, metadata)
    VALUES (gen_random_uuid(), now(), 'system', 'x', 'system', 'slow', 'done', 'x', '{}', '{}')`)
  return {
    async commit() {
      await client.query('COMMIT')
      await client.end()
    },
  }
}

/** The migration's own statements, to run them as a role without privileges beyond its own schema. */
async function auditStatements(): Promise<string[]> {
  const { Audit } = await import('../../migrations/audit.ts')
  const migration = new Audit(undefined as never, undefined as never)
  migration.up()
  return migration.getQueries().map(String)
}
