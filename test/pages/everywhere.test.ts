import t, { type Test } from 'tap'
import { snapshotService, take } from '../snapshots/service.ts'
import { accessibilityProblems, complaints, overflow, startBrowser, type Theme } from '../support/browser.ts'
import { sql } from '../support/postgres.ts'

const evil = '<img src=x onerror=alert(1)>'
const service = await snapshotService(t)
const browser = await startBrowser(t, service.app)

/** Every page that takes no work to get to, with nothing to show but the datasets. */
const empty = [
  '/',
  '/datasets',
  '/datasets/chat',
  '/datasets/chat/records?q=nothing+like+this',
  '/datasets/proposals/new',
  '/datasets/chat/records/7',
  '/datasets/legacy-import/gate',
  '/snapshots',
  '/snapshots?dataset=chat',
  '/snapshots/new',
  '/restores',
  '/restores?status=failed',
  '/restores/new?dataset=chat',
  '/exports/new?dataset=chat&which=last-month&format=csv',
  '/audit?action=none',
  '/users',
  '/users/new',
  '/tokens',
  '/tokens/new',
  '/account',
  '/permissions',
  '/notifications/tests/new',
  '/schedules',
  '/schedules/backup.chat',
  '/retention',
  '/retention/chat',
  '/cleanups',
  '/cleanups/new',
  '/holds',
  '/holds/new',
  '/batches',
  '/batches/new',
  '/retention/video-library',
  '/deliveries',
  '/deliveries/new',
  '/system',
  '/shortcuts',
  '/find',
]

/** The same and more, with names that would do harm as markup. */
async function full(): Promise<string[]> {
  const taken = await take(service, { dataset: 'chat', title: evil, note: evil })
  const keys = { keys: ['Gaming'] }
  await take(service, { dataset: 'video-library', scope: keys, title: 'M'.repeat(200) })
  const failed = await take(service, { dataset: 'conversations', title: evil })
  await sql(
    service.app.config.databaseUrl!,
    `UPDATE snapshots SET status = 'failed', error = jsonb_build_object('code', 'STORE_UNREACHABLE', 'detail', '${evil}') WHERE id = $1`,
    [failed.id],
  )
  await sql(service.source, `UPDATE chat.sessions SET subject = '${evil}' WHERE id IN (1, 2)`)
  await sql(service.source, 'DELETE FROM chat.messages WHERE session_id IN (2, 3)')
  await sql(
    service.source,
    `INSERT INTO chat.sessions OVERRIDING SYSTEM VALUE SELECT (s2).* FROM (SELECT jsonb_populate_record(s, '{"id": 99999}') s2 FROM chat.sessions s WHERE id = 1) x`,
  )
  const planned = await service.call('POST', '/restores', { snapshotId: taken.id }, { prefer: 'wait=30' })
  const applied = await service.call(
    'POST',
    '/restores',
    { snapshotId: taken.id, mode: 'merge', keys: [2] },
    { prefer: 'wait=30' },
  )
  const { id, planHash } = applied.body
  await service.call('POST', `/restores/${id}/application`, { planHash }, { prefer: 'wait=30' })
  return [
    ...empty.map((path) => path.replace(/\?q=.*/, '')),
    `/snapshots/${taken.id}`,
    `/snapshots/${taken.id}/changes`,
    `/snapshots/${failed.id}`,
    `/restores/new?snapshot=${taken.id}&q=a`,
    `/datasets/chat/records/2?since=${taken.id}`,
    `/restores/${planned.body.id}`,
    `/restores/${id}`,
    '/snapshots?dataset=video-library',
    '/audit',
    '/audit/verification',
  ]
}

async function check(t: Test, paths: string[], theme: Theme, width: number) {
  const page = await browser.open({ as: 'admin', theme, width })
  const seen = complaints(page)
  for (const path of paths) {
    const answer = await page.goto(path)
    t.equal(answer?.status(), 200, path)
    t.same(await accessibilityProblems(page), [], `${path} is accessible`)
    t.ok((await overflow(page)) <= 0, `${path} is no wider than its window`)
    t.equal(await page.locator('img').count(), 0, `${path} shows names as text`)
  }
  t.same(seen, [], 'the browser has nothing to complain about')
}

const looks: [Theme, number][] = [
  ['light', 1280],
  ['dark', 320],
]

t.test('empty', async (t) => {
  for (const [theme, width] of looks)
    await t.test(`${theme}, ${width} px`, (t) => check(t, empty, theme, width))
})

t.test('full', async (t) => {
  const paths = await full()
  for (const [theme, width] of looks)
    await t.test(`${theme}, ${width} px`, (t) => check(t, paths, theme, width))
})
