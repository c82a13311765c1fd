import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { entriesInOrder } from '../../src/audit/queries.ts'
import { presentEntry } from '../../src/audit/schemas.ts'
import { verifyAudit, type Head } from '../../src/audit/verify-audit.ts'
import type { EntityManager } from '../../src/platform/database.ts'
import { sql } from '../support/postgres.ts'
import { append, auditDatabase } from './database.ts'

const script = join(import.meta.dirname, '../../scripts/verify-audit.ts')

/** Runs the standalone script; the answer is what it printed and how it ended. */
function standalone(source: string, head?: Head) {
  const published = head === undefined ? [] : [`${head.seq}:${head.hash}`]
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, source, ...published], {
    encoding: 'utf8',
  })
  return { status, text: stdout + stderr }
}

async function download(t: Test, em: EntityManager): Promise<string> {
  const lines = []
  for await (const entry of entriesInOrder(em)) lines.push(`${JSON.stringify(presentEntry(entry))}\n`)
  const file = join(t.testdir(), 'audit.ndjson')
  writeFileSync(file, lines.join(''))
  return file
}

/** A chain of five entries, as often as wanted: each crime starts from a whole one. */
async function chainAnew(t: Test) {
  const { url, em } = await auditDatabase(t)
  for (let i = 0; i < 5; i++) await append(em)
  await sql(url, 'CREATE TABLE whole AS TABLE audit_entries')
  const commit = (statements: string) =>
    tamper(url, `DELETE FROM audit_entries; INSERT INTO audit_entries SELECT * FROM whole; ${statements}`)
  return { url, em, commit }
}

/** Does as a superuser what nobody should. */
async function tamper(url: string, statements: string): Promise<void> {
  await sql(
    url,
    `ALTER TABLE audit_entries DISABLE TRIGGER ALL; ${statements}; ALTER TABLE audit_entries ENABLE TRIGGER ALL`,
  )
}

const oddities = {
  text: 'quote " backslash \\ tab \t newline \n bell \u0007 delete \u007f line \u2028 smile 😀 é',
  numbers: [0, -0, 1.5, 1e21, 1e-7, 2 ** 60, 0.1 + 0.2],
  '10': 'integer-like names come first in objects',
  '9': null,
  '': true,
  __proto_: { b: 1, a: [undefined, new Date(0)] },
}

t.test('a whole chain verifies: here, in a database from outside, and in a download', async (t) => {
  const { url, em } = await auditDatabase(t)
  t.same(await verifyAudit(em), { ok: true, entries: 0, head: null, problem: null })
  for (const metadata of [oddities, {}, { ['__proto__']: 1 }])
    await append(em, { metadata, entityIds: [oddities.text, '', '"'], dataset: oddities.text })
  for (let i = 0; i < 5; i++)
    await append(em, { actor: { type: 'system', id: null, name: '{}', role: 'system' } })
  const result = await verifyAudit(em)
  t.match(result, { ok: true, entries: 8, head: { seq: 8 }, problem: null })
  const head = result.head as Head
  t.same(await verifyAudit(em, head), result)
  const verdict = `OK: 8 entries; head 8:${head.hash}\n`
  t.same(standalone(url, head), { status: 0, text: verdict })
  t.same(standalone(await download(t, em), head), { status: 0, text: verdict })
})

const edits: [column: string, value: string][] = [
  ['action', "'x'"],
  ['at', "at + interval '1 microsecond'"],
  ['actor_type', "'token'"],
  ['actor_id', "'x'"],
  ['actor_name', "'Bob'"],
  ['actor_email', 'NULL'],
  ['actor_role', "'viewer'"],
  ['outcome', "'refused'"],
  ['entity_type', "'restore'"],
  ['entity_ids', "'{a,b}'"],
  ['dataset', 'NULL'],
  ['request_id', "''"],
  ['address', "'::1'"],
  ['metadata', `'{"count":4}'`],
  ['snapshot_id', 'gen_random_uuid()'],
  ['id', 'gen_random_uuid()'],
  ['hash', "repeat('a', 64)"],
  ['previous_hash', "repeat('a', 64)"],
]

t.test('an edit of any field is found, named, and found from outside', async (t) => {
  const { url, em, commit } = await chainAnew(t)
  for (const [column, value] of edits) {
    await commit(`UPDATE audit_entries SET ${column} = ${value} WHERE seq = 2`)
    t.match(await verifyAudit(em), { ok: false, entries: 1, problem: { seq: 2, kind: 'edited' } }, column)
    t.match(standalone(url), { status: 1, text: /^BROKEN at entry 2 \(.+\): edited/ }, column)
  }
})

const swap =
  'UPDATE audit_entries SET seq = -seq WHERE seq IN (2, 3); UPDATE audit_entries SET seq = CASE seq WHEN -2 THEN 3 ELSE 2 END WHERE seq < 0'
const rehash = (seq: number) => `UPDATE audit_entries SET hash = encode(sha256(convert_to(array_to_json(ARRAY[
  'holdfast-audit-1', seq::text, previous_hash, id::text, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  actor_type, actor_id, actor_name, actor_email, actor_role, action, outcome, entity_type, array_to_json(entity_ids)::text, dataset,
  request_id, address, metadata, snapshot_id::text])::text, 'UTF8')), 'hex') WHERE seq = ${seq}`
const copy = (
  seq: number,
  of: number,
) => `INSERT INTO audit_entries SELECT ${seq}, gen_random_uuid(), at, actor_type, actor_id,
  actor_name, actor_email, actor_role, action, outcome, entity_type, entity_ids, dataset, request_id, address, metadata, snapshot_id,
  previous_hash, hash FROM audit_entries WHERE seq = ${of}`

const crimes: [name: string, statements: string, expected: { seq: number; kind: string }][] = [
  ['removed', 'DELETE FROM audit_entries WHERE seq = 2', { seq: 2, kind: 'removed' }],
  ['the first removed', 'DELETE FROM audit_entries WHERE seq = 1', { seq: 1, kind: 'removed' }],
  [
    'removed, and the gap closed',
    'DELETE FROM audit_entries WHERE seq = 2; UPDATE audit_entries SET seq = seq - 1 WHERE seq > 2',
    { seq: 2, kind: 'reordered' },
  ],
  ['two swapped', swap, { seq: 2, kind: 'reordered' }],
  [
    'one forged and put in between',
    `UPDATE audit_entries SET seq = seq + 1 WHERE seq > 1; ${copy(2, 3)}; ${rehash(2)}`,
    { seq: 3, kind: 'inserted' },
  ],
  ['a number given twice', copy(2, 2), { seq: 2, kind: 'inserted' }],
  ['one before the first', copy(0, 2), { seq: 0, kind: 'inserted' }],
  [
    'one edited and hashed again',
    `UPDATE audit_entries SET action = 'x' WHERE seq = 2; ${rehash(2)}`,
    { seq: 2, kind: 'edited' },
  ],
]

t.test('removals, insertions and reorderings are found and named', async (t) => {
  const { url, em, commit } = await chainAnew(t)
  await sql(
    url,
    'ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_seq_key, DROP CONSTRAINT audit_entries_seq_check',
  )
  for (const [name, statements, expected] of crimes) {
    await commit(statements)
    t.match((await verifyAudit(em)).problem, expected, name)
    const words = new RegExp(`^BROKEN at entry ${expected.seq} \\(.+\\): ${expected.kind}`)
    t.match(standalone(url), { status: 1, text: words }, name)
    t.match(standalone(await download(t, em)), { status: 1, text: words }, `${name}, in a download`)
  }
})

t.test(
  'a tail that was cut off or rewritten is found by the published head, and by nothing else',
  async (t) => {
    const { url, em } = await auditDatabase(t)
    for (let i = 0; i < 4; i++) await append(em)
    const head = (await verifyAudit(em)).head as Head
    await tamper(url, 'DELETE FROM audit_entries WHERE seq > 2')
    t.match(await verifyAudit(em), { ok: true, entries: 2 })
    t.match((await verifyAudit(em, head)).problem, { seq: 3, kind: 'cut', id: null })
    t.match(standalone(url, head), { status: 1, text: /^BROKEN at entry 3 \(absent\): cut/ })
    await append(em)
    await append(em)
    t.match((await verifyAudit(em, head)).problem, { seq: 4, kind: 'rewritten' })
    t.match(standalone(url, head), { status: 1, text: /^BROKEN at entry 4 \(.+\): rewritten/ })
  },
)

t.test('what cannot be read is not called broken', async (t) => {
  t.match(standalone('/nowhere/audit.ndjson'), { status: 2, text: /ENOENT/ })
  t.match(standalone('postgres://nobody@127.0.0.1:1/none'), { status: 2 })
  t.equal(standalone('x', { seq: 1, hash: 'short' }).status, 2)
})
