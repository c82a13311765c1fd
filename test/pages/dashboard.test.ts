import type { Page } from 'playwright-core'
import t from 'tap'
import { snapshotService, take } from '../snapshots/service.ts'
import { testApp } from '../support/app.ts'
import { accessibilityProblems, complaints, startBrowser } from '../support/browser.ts'
import { sql } from '../support/postgres.ts'

const service = await snapshotService(t)
const browser = await startBrowser(t, service.app)
const names = ['chat', 'conversations', 'deal-rooms', 'legacy-import', 'video-library']

const now = Date.now()
const dayMs = 86_400_000

/** A year of runs, one a day, of which some failed and some were missed. */
async function addRuns(schedule: string): Promise<void> {
  await sql(
    service.app.config.databaseUrl!,
    `INSERT INTO schedule_runs (id, schedule, trigger, due_at, status, created_at, finished_at, attempts, counts, error)
     SELECT gen_random_uuid(), $1, 'scheduled', due, status, due, due, 1, '{}',
       CASE WHEN status = 'failed' THEN '{"code": "STORE_FULL", "detail": ""}'::jsonb END
     FROM (SELECT n, to_timestamp($2) - n * interval '1 day' AS due, CASE n WHEN 3 THEN 'failed' WHEN 5 THEN 'missed'
       ELSE 'completed' END AS status FROM generate_series(1, 300) AS n) AS runs`,
    [schedule, now / 1000],
  )
}

/** @returns how far down the end of a section is */
async function bottomOf(page: Page, name: string): Promise<number> {
  const box = await page.getByRole('region', { name }).locator('svg').boundingBox()
  return box!.y + box!.height
}

t.test('all that matters fits a laptop without scrolling, empty and full', async (t) => {
  const page = await browser.open({ as: 'admin' })
  const seen = complaints(page)
  await page.goto('/')
  t.ok((await bottomOf(page, 'Runs of the last 12 months')) <= 800)
  t.ok((await bottomOf(page, 'Stored over the last 12 months')) <= 800)
  await addRuns('store.check')
  await page.reload()
  t.ok((await bottomOf(page, 'Runs of the last 12 months')) <= 800)
  t.same(await accessibilityProblems(page), [])
  t.same(seen, [])
})

t.test(
  'what people asked for is shown among any number of batches that belong to something else',
  async (t) => {
    await service.call('POST', '/batches', { key: 'asked', items: [{ id: 'one' }] })
    await sql(
      service.app.config.databaseUrl!,
      `INSERT INTO batches SELECT (jsonb_populate_record(b, jsonb_build_object('id', gen_random_uuid(), 'key', 'part ' || n,
       'origin_type', 'cleanup', 'created_at', now()))).* FROM batches AS b, generate_series(1, 200) AS n`,
    )
    const page = await browser.open({ as: 'operator', javaScript: false })
    await page.goto('/')
    t.equal(await page.getByRole('main').getByRole('link', { name: 'asked' }).count(), 1)
    t.equal(await page.getByRole('main').getByRole('link', { name: 'part' }).count(), 0)
    await sql(service.app.config.databaseUrl!, 'TRUNCATE batches CASCADE')
  },
)

t.test('the calendar shows each day, and says the same in words and as a table', async (t) => {
  const page = await browser.open({ as: 'viewer', javaScript: false })
  await page.goto('/')
  const runs = page.getByRole('region', { name: 'Runs of the last 12 months' })
  t.equal(
    await runs.locator('svg').getAttribute('aria-label'),
    '298 runs done, 1 failed, 1 missed or skipped',
  )
  t.equal(await runs.locator('svg g').count(), 300)
  const failed = new Date(now - 3 * dayMs)
  const words = failed.toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    timeZone: 'UTC',
  })
  t.equal(await runs.locator('svg g.bad title').textContent(), `${words}: 0 runs done, 1 failed`)
  await runs.getByText('As a table').click()
  const done = await runs.locator('tbody td:nth-child(2)').allTextContents()
  t.equal(
    done.map(Number).reduce((a, b) => a + b),
    298,
  )
  const failures = page.getByRole('region', { name: 'Failures of the last 7 days' })
  t.match(
    await failures.textContent(),
    /Store check\s*3 days ago, STORE_FULL\s*Store check\s*5 days ago, missed/,
  )
  t.equal(await page.getByRole('region', { name: 'Next runs' }).getByRole('listitem').count(), 4)
  await sql(service.app.config.databaseUrl!, 'TRUNCATE schedule_runs')
})

t.test('one look says whether everything is safe, and which button mends what is not', async (t) => {
  const page = await browser.open({ as: 'operator', javaScript: false })
  const verdict = page.locator('#verdict')

  await page.goto('/')
  t.match(await verdict.textContent(), /5 things need attention/)
  await verdict.getByRole('link', { name: 'Take one' }).first().click()
  t.equal(await page.getByLabel('Dataset').inputValue(), 'chat', 'the button leads to what is missing')
  await page.getByRole('main').getByRole('button', { name: 'Take snapshot' }).click()
  await page.getByRole('heading', { name: 'Is it good?' }).waitFor()
  await page.goto('/')
  t.match(await verdict.textContent(), /4 things need attention/)

  await take(service, { dataset: 'video-library', scope: { keys: ['Gaming'] } })
  await page.goto('/')
  t.match(
    await verdict.textContent(),
    /Video library has no good snapshot/,
    'single records make nothing safe',
  )
  for (const dataset of names.slice(1)) await take(service, { dataset })
  await page.goto('/')
  t.match(await verdict.textContent(), /Everything is safe/)
  t.equal(await page.getByRole('row').filter({ hasText: 'Safe' }).count(), 5)

  await sql(
    service.app.config.databaseUrl!,
    `UPDATE snapshots SET taken_at = taken_at - interval '8 days' WHERE dataset = 'chat'`,
  )
  await page.goto('/')
  t.match(await verdict.textContent(), /Chat: the last good snapshot is more than 7 days old/)
})

t.test('it says which records go next, and when', async (t) => {
  const { body: listed } = await service.call('GET', '/datasets/conversations/records?limit=2')
  const keys = listed.items.map(({ key }) => key)
  const wanted = { dataset: 'conversations', target: 'records', scope: { keys } }
  const { body: preview } = await service.call('POST', '/cleanups', wanted)
  const dueAt = new Date(Date.now() + 3.5 * 86_400_000).toISOString()
  const confirmed = { ...wanted, confirmDelete: true, planHash: preview['planHash'], dueAt }
  const { body: cleanup } = await service.call('POST', '/cleanups', confirmed)
  const page = await browser.open({ as: 'viewer', javaScript: false })
  await page.goto('/')
  const next = page.getByRole('region', { name: 'What gets deleted next' }).getByRole('listitem').first()
  t.match(await next.textContent(), /Cleanup of conversations, 2 records.*in 3 days/)
  await next.getByRole('link').click()
  t.equal(new URL(page.url()).pathname, `/cleanups/${cleanup.id}`)
})

t.test('work that waits, and schedules that failed last, need attention too', async (t) => {
  const { body: batch } = await service.call('POST', '/batches', { key: 'waits', items: [{ id: 'a' }] })
  await sql(
    service.app.config.databaseUrl!,
    `INSERT INTO schedule_runs (id, schedule, trigger, due_at, status, created_at, finished_at, attempts, counts)
     VALUES (gen_random_uuid(), 'audit.head', 'scheduled', $1, 'missed', $1, $1, 0, '{}')`,
    [new Date(now - dayMs)],
  )
  const page = await browser.open({ as: 'operator', javaScript: false })
  await page.goto('/')
  const verdict = page.locator('#verdict')
  t.match(await verdict.textContent(), /Audit head: the last run was missed/)
  await verdict
    .getByRole('listitem')
    .filter({ hasText: 'Batch waits' })
    .getByRole('link', { name: 'Go on' })
    .click()
  t.equal(new URL(page.url()).pathname, `/batches/${batch.id}`)
})

t.test('what is stored is drawn, and told in words and figures', async (t) => {
  const page = await browser.open({ as: 'viewer', javaScript: false })
  await page.goto('/')
  const stored = page.getByRole('region', { name: 'Stored over the last 12 months' })
  const [{ bytes }] = (await sql(
    service.app.config.databaseUrl!,
    `SELECT sum(stored_bytes)::float8 AS bytes FROM snapshots WHERE deleted_at IS NULL`,
  )) as [{ bytes: number }]
  const words = `snapshots ${(bytes / 1000).toFixed(bytes < 99_500 ? 1 : 0)} kB`
  t.match(await stored.locator('svg').getAttribute('aria-label'), words)
  await stored.getByText('As a table').click()
  t.match(await stored.locator('tbody tr').first().textContent(), words.split(' ')[1])
})

t.test('an id leads to its page, whatever it is of', async (t) => {
  const page = await browser.open({ as: 'admin' })
  const { id, sha256 } = await take(service, { dataset: 'legacy-import' })
  for (const [typed, path] of [
    [id, `/snapshots/${id}`],
    [sha256, `/snapshots/${id}`],
    [` ${id.toUpperCase()} `, `/snapshots/${id}`],
    ['legacy-import', '/datasets/legacy-import'],
    ['audit.head', '/schedules/audit.head'],
  ]) {
    await page.goto('/')
    await page.locator('#find').fill(typed!)
    await page.locator('#find').press('Enter')
    await page.waitForURL(`**${path}`)
  }
  await page.locator('#find').fill('01a1fbd8-6fff-7695-b41d-e36339bfeeb9')
  await page.locator('#find').press('Enter')
  await page.getByRole('heading', { name: 'Nothing has this id' }).waitFor()
  t.same(await accessibilityProblems(page), [])
  const member = await browser.open({ as: 'member', javaScript: false })
  t.equal((await member.goto('/find?id=audit.head'))?.status(), 404, 'nobody learns what they may not see')
})

t.test('with nothing declared it says what comes first', async (t) => {
  const browser = await startBrowser(t, await testApp(t, { environment: { HOLDFAST_DATASETS: '/nowhere' } }))
  for (const theme of ['light', 'dark'] as const) {
    const page = await browser.open({ as: 'admin', theme })
    await page.goto('/')
    t.match(await page.locator('#verdict').textContent(), /Nothing to keep safe yet/)
    t.ok(await page.getByRole('link', { name: 'Draft a dataset' }).isVisible())
    t.same(await accessibilityProblems(page), [])
  }
})
