import pg from 'pg'
import type { Instance } from './start-instance.ts'

/** What is there to be shown, by the names that the pictures go by. */
export type Filled = Record<'snapshot' | 'restore' | 'export' | 'cleanup' | 'batch' | 'delivery', string>

export const people = { ann: 'admin', mia: 'member' } as const
export const password = 'correct horse battery staple'

/** Does some of everything, so that no page is empty. */
export async function fillInstance(instance: Instance): Promise<Filled> {
  const call = caller(instance)
  for (const [name, role] of Object.entries(people))
    await call('/users', { email: `${name}@example.com`, name: capital(name), role, password })
  for (const dataset of ['conversations', 'legacy-import', 'deal-rooms'])
    await call('/snapshots', { dataset })
  await call('/snapshots', { dataset: 'chat', scope: { month: lastMonth() }, title: 'Last month' })
  await call('/snapshots', { dataset: 'chat' })
  const snapshot = await call('/snapshots', { dataset: 'video-library', title: 'Before the autumn sync' })
  await execute(instance.source, damage)
  const plan = await call('/restores', { snapshotId: snapshot.id })
  const made = await call('/exports', { dataset: 'chat', format: 'pdf', scope: { month: lastMonth() } })
  await call('/exports', { dataset: 'conversations', format: 'csv' })
  const delivery = await call('/deliveries', {
    dataset: 'legacy-import',
    destination: { type: 'folder', path: 'archive' },
  })
  const cleanup = await planCleanup(instance)
  const batch = await makeBatch(instance)
  await execute(instance.source, addMember)
  await execute(instance.database, history)
  return {
    ...{ snapshot: snapshot.id, restore: plan.id, export: made.id, cleanup, batch, delivery: delivery.id },
  }
}

interface Made {
  id: string
  planHash: string
  items: { key: unknown }[]
}

/** @returns how the API is asked: POST with a body, else GET */
function caller({ url, token }: Instance) {
  return async (path: string, body?: object): Promise<Made> => {
    const answer = await fetch(`${url}/api${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', prefer: 'wait=60' },
      ...(body && { body: JSON.stringify(body) }),
    })
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`)
    return (await answer.json()) as Made
  }
}

async function planCleanup(instance: Instance): Promise<string> {
  const call = caller(instance)
  const { items } = await call('/datasets/conversations/records?limit=3')
  const scope = { keys: items.map(({ key }) => key) }
  const wanted = { dataset: 'conversations', target: 'records', scope }
  const { planHash } = await call('/cleanups', wanted)
  const dueAt = new Date(Date.now() + 4 * 86_400_000).toISOString()
  return (await call('/cleanups', { ...wanted, confirmDelete: true, planHash, dueAt })).id
}

async function makeBatch(instance: Instance): Promise<string> {
  const call = caller(instance)
  const items = Array.from({ length: 40 }, (_, i) => ({ id: `conversation ${i + 1}` }))
  const { id } = await call('/batches', { key: 'personas', title: 'Persona portraits', items })
  await call(`/batches/${id}/checkpoints`, {
    completed: items.slice(0, 26).map((item) => item.id),
    failed: [{ id: 'conversation 27', error: 'The picture service answered 503' }],
  })
  return id
}

async function execute(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

const damage = `
  DELETE FROM video_library.categories WHERE NOT is_protected AND id % 5 = 0;
  UPDATE video_library.category_videos SET position = position + 1000 WHERE video_id % 9 = 0;
  INSERT INTO video_library.categories (name) VALUES ('Added by mistake')`

const addMember = `
  INSERT INTO deal_rooms.parties (room_id, email, name, role)
  SELECT id, 'mia@example.com', 'Mia', (ARRAY['owner', 'broker', 'seller']::deal_rooms.party_role[])[row_number() OVER (ORDER BY id)]
  FROM deal_rooms.rooms ORDER BY id LIMIT 3`

/** A year of runs and of copies that have expired since, which nobody can wait for. */
const history = `
  INSERT INTO schedule_runs (id, schedule, trigger, due_at, status, created_at, finished_at, attempts, counts, error)
  SELECT gen_random_uuid(), 'store.check', 'scheduled', at, status, at, at, 1, '{}',
    CASE WHEN status = 'failed' THEN '{"code": "STORE_UNREACHABLE", "detail": "The bucket did not answer."}'::jsonb END
  FROM (SELECT now() - n * interval '1 day' AS at,
    CASE WHEN n IN (4, 92, 93, 201) THEN 'failed' WHEN n IN (40, 41, 160) THEN 'missed' ELSE 'completed' END AS status
    FROM generate_series(1, 340) AS n) AS runs;
  INSERT INTO snapshots SELECT (jsonb_populate_record(x.s, jsonb_build_object('id', gen_random_uuid(),
    'key', 'history/' || n, 'created_at', now() - n * interval '4 days', 'taken_at', now() - n * interval '4 days',
    'finished_at', now() - n * interval '4 days', 'stored_bytes', 400000 + 2500 * (90 - n), 'status', 'expired',
    'expires_at', now() - n * interval '4 days' + interval '70 days'))).*
  FROM (SELECT s FROM snapshots AS s WHERE status = 'completed' LIMIT 1) AS x, generate_series(18, 88) AS n`

function lastMonth(): string {
  const now = new Date()
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1)).toISOString().slice(0, 7)
}

function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}
