import t, { type Test } from 'tap'
import { browse, person } from '../support/people.ts'
import { sql } from '../support/postgres.ts'
import { snapshotService } from '../snapshots/service.ts'

t.test('from the preview to the undo, by forms alone', async (t: Test) => {
  const job = await snapshotService(t)
  await person(job.app, 'ops', 'operator')
  const session = await browse(job.app, 'ops')
  const get = async (url: string) =>
    (await job.app.inject({ url, headers: { ...session, accept: 'text/html' } })).body
  const post = (url: string, fields: Record<string, string>) =>
    job.app.inject({
      method: 'POST',
      url,
      headers: { ...session, accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams(fields).toString(),
    })
  const rows = await sql(
    job.source,
    'SELECT id::text AS id FROM conversations.conversations ORDER BY id LIMIT 2',
  )
  const [first, second] = rows.map(({ id }) => id as string)
  t.match(await get('/cleanups'), /Nothing was removed, and nothing is due/)
  t.match(await get('/cleanups/new'), /See what would go/)

  const asked = { dataset: 'conversations', target: 'records', which: 'keys', keys: first! }
  const preview = await post('/cleanups', asked)
  t.equal(preview.statusCode, 200, preview.body.slice(0, 300))
  t.match(preview.body, /Remove 1 record/)
  const planHash = /name="planHash" value="(\w+)"/.exec(preview.body)![1]!
  const wrong = await post('/cleanups', { ...asked, planHash, confirmation: 'conversation' })
  t.equal(wrong.statusCode, 400)
  t.match(wrong.body, /must be "conversations"|must be &quot;conversations&quot;|typed exactly/)
  const confirmed = await post('/cleanups', { ...asked, planHash, confirmation: 'conversations' })
  t.equal(confirmed.statusCode, 303, confirmed.body.slice(0, 300))
  const id = (await job.call('GET', '/cleanups?limit=1')).body.items[0]!.id
  await job.call('GET', `/cleanups/${id}/events`)
  t.match(await get(`/cleanups/${id}`), /1 record removed[\s\S]*Plan the undo/)
  const undo = await post(`/cleanups/${id}/undo`, {})
  t.match(undo.headers.location, /^\/restores\//)

  const later = { ...asked, keys: second! }
  const again = await post('/cleanups', later)
  const hash = /name="planHash" value="(\w+)"/.exec(again.body)![1]!
  const planned = await post('/cleanups', {
    ...later,
    planHash: hash,
    confirmation: 'conversations',
    dueAt: '2126-01-01',
  })
  const path = String(planned.headers.location).split('?')[0]!
  t.match(await get(path), /Cancel it[\s\S]*Postpone[\s\S]*Run now/)
  await post(path, { hold: 'yes' })
  t.match(await get(path), /Lift the hold/)
  await post(path, { hold: 'no', dueAt: '2126-02-01' })
  t.match(await get('/cleanups'), /Pending/)
  await post(`${path}/cancellation`, {})
  t.match(await get(path), /Cancelled/)
  t.equal(
    (await sql(job.source, 'SELECT 1 FROM conversations.conversations WHERE id = $1', [second])).length,
    1,
  )

  const held = await post('/holds', { dataset: 'conversations', key: second!, reason: 'a dispute' })
  t.equal(held.statusCode, 303, held.body.slice(0, 300))
  t.match(await get('/holds'), /a dispute/)
  t.equal((await post(`${held.headers.location}/lifting`, {})).statusCode, 303)
  t.match(await get('/holds'), /Nothing is held/)
})
