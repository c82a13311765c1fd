import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import t from 'tap'
import type { EntityManager } from '../../src/platform/database.ts'
import { readPage } from '../../src/platform/read-page.ts'
import { snapshotSorting } from '../../src/snapshots/list-snapshots.ts'
import { Snapshot } from '../../src/snapshots/snapshot.ts'
import { snapshotService, take } from '../snapshots/service.ts'
import { complaints, startBrowser } from '../support/browser.ts'
import { sql } from '../support/postgres.ts'

const service = await snapshotService(t)
const browser = await startBrowser(t, service.app)
const own = service.app.config.databaseUrl!

/** 120 snapshots of chat with sizes of their own, some of them equal, besides one of each of two others. */
await take(service, { dataset: 'deal-rooms', scope: { all: true } })
await take(service, { dataset: 'conversations', title: '=HYPERLINK("x")' })
await take(service, { dataset: 'chat', scope: { keys: [1] }, title: 'Copy' })
await sql(
  own,
  `INSERT INTO snapshots
   SELECT (jsonb_populate_record(s, jsonb_build_object('id', uuidv7_like, 'key', 'copy-' || i, 'title', 'Copy ' || i,
     'stored_bytes', CASE WHEN i % 10 = 0 THEN 1000 ELSE i END))).*
   FROM snapshots s, LATERAL (SELECT i, ('01a00000-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid AS uuidv7_like
     FROM generate_series(1, 119) i) copies
   WHERE title = 'Copy'`,
)

const rowNames = (page: Page) => page.locator('tbody th a').allTextContents()
const query = (page: Page) => Object.fromEntries(new URL(page.url()).searchParams)

async function count(condition: string): Promise<number> {
  const [row] = await sql(
    own,
    `SELECT count(*)::int AS n FROM snapshots WHERE deleted_at IS NULL AND ${condition}`,
  )
  return row!['n'] as number
}

for (const javaScript of [true, false]) {
  t.test(`sorting, filters, paging and Back, ${javaScript ? 'with' : 'without'} JavaScript`, async (t) => {
    const page = await browser.open({ as: 'viewer', javaScript })
    const seen = complaints(page)
    await page.goto('/snapshots')
    t.equal(await page.getByRole('columnheader', { name: 'Taken' }).getAttribute('aria-sort'), 'descending')
    if (javaScript) await page.evaluate('window.sameDocument = true')

    await page.getByLabel('Dataset').selectOption('chat')
    await page.getByRole('button', { name: 'Filter' }).click()
    await page.waitForURL(/dataset=chat/)
    await page.getByRole('link', { name: 'Stored', exact: true }).click()
    await page.locator('th[aria-sort=descending]', { hasText: 'Stored' }).waitFor()
    t.match(query(page), { dataset: 'chat', sort: '-stored' }, 'sorting keeps the filter')
    const down = await rowNames(page)
    await page.getByRole('link', { name: 'Stored', exact: true }).click()
    await page.locator('th[aria-sort=ascending]', { hasText: 'Stored' }).waitFor()
    await page.getByLabel('Status').selectOption('completed')
    await page.getByRole('button', { name: 'Filter' }).click()
    await page.waitForURL(/status=completed/)
    t.match(query(page), { sort: 'stored' }, 'filtering keeps the order')

    const up: string[] = []
    for (let more = true; more;) {
      up.push(...(await rowNames(page)))
      const next = page.getByRole('link', { name: 'Next page' })
      more = (await next.count()) > 0
      const last = up.at(-1)!
      if (more) await next.click()
      if (more)
        await page
          .locator('tbody tr')
          .last()
          .getByRole('link', { name: last, exact: true })
          .waitFor({ state: 'detached' })
    }
    t.equal(up.length, 120)
    t.equal(new Set(up).size, 120, 'no page repeats or loses one, equal ones included')
    t.same(up.slice(-50).toReversed(), down, 'the other way round is the reverse')

    await page.goBack()
    await page.getByRole('link', { name: 'First page' }).waitFor()
    await page.locator('tbody tr').nth(49).waitFor()
    t.same(await rowNames(page), up.slice(50, 100), 'Back shows the page before')
    t.equal(await page.getByLabel('Dataset').inputValue(), 'chat')
    await page.getByRole('link', { name: 'Clear' }).click()
    await page.waitForURL(/snapshots\?sort=stored$/)
    await page.goto('/snapshots?dataset=chat&trigger=scheduled')
    t.ok(await page.getByText('No snapshot matches').isVisible())
    if (javaScript) t.same(seen, [])
  })
}

t.test(
  'the file has all that match, in the order shown, and no cell that a spreadsheet would run',
  async (t) => {
    const page = await browser.open({ as: 'viewer' })
    await page.goto('/snapshots?sort=dataset')
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: /^CSV/ }).click(),
    ])
    t.match(download.suggestedFilename(), /^holdfast-snapshots-\d{4}-\d\d-\d\d\.csv$/)
    const lines = (await readFile(await download.path(), 'utf8')).split('\r\n')
    t.equal(lines.length, 124, 'a heading, 122 rows, and the end')
    t.match(lines[0], /^id,dataset,scope,title/)
    t.match(lines[1], /,chat,"{""keys"":\[""1""\]}",Copy/)
    t.match(
      lines[121],
      /,conversations,"{""all"":true}","'=HYPERLINK\(""x""\)",,completed,manual,\d{4}-\d\d-\d\dT[\d:.]+Z,/,
    )
  },
)

t.test("a member's file has what a member sees", async (t) => {
  const page = await browser.open({ as: 'member' })
  await page.goto('/snapshots')
  const csv = await page.request.get('/snapshots?format=csv')
  t.equal((await csv.text()).split('\r\n').length, 2, 'a heading, and nothing else')
  t.equal(await page.getByRole('checkbox').count(), 0)
})

for (const javaScript of [true, false]) {
  const words = javaScript ? 'with' : 'without'
  t.test(`several at once, ${words} JavaScript`, async (t) => {
    const page = await browser.open({ as: 'admin', javaScript })
    await page.goto('/snapshots?dataset=chat&sort=stored')
    if (javaScript) await page.evaluate('window.sameDocument = true')
    const names = await rowNames(page)
    await page.getByRole('checkbox', { name: `Choose ${names[0]!}`, exact: true }).check()
    await page.getByRole('checkbox', { name: `Choose ${names[1]!}`, exact: true }).check()
    if (javaScript) t.equal(await page.locator('#chosen').textContent(), '2 chosen')
    await page.getByRole('button', { name: 'Put on hold' }).click()
    await page.getByText('2 snapshots on hold.').waitFor()
    t.match(query(page), { dataset: 'chat', sort: 'stored' })
    t.equal(await count('hold'), 2)
    t.equal(await page.locator('[name=ids]:checked').count(), 0, 'nothing stays chosen')

    await page.getByRole('checkbox', { name: `Choose ${names[1]!}`, exact: true }).check()
    await page.getByRole('checkbox', { name: `Choose ${names[2]!}`, exact: true }).check()
    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('heading', { name: 'Delete 2 snapshots?' }).waitFor()
    t.match(await page.locator('.rows').textContent(), names[2])
    await page.getByLabel('Type 2 snapshots to confirm').fill('2')
    await page.getByRole('main').getByRole('button', { name: 'Delete 2 snapshots' }).click()
    await page.locator('#errors').waitFor()
    t.equal(await count('hold'), 2, 'nothing is done before the count is typed')
    await page.getByLabel('Type 2 snapshots to confirm').fill('2 snapshots')
    await page.getByRole('main').getByRole('button', { name: 'Delete 2 snapshots' }).click()
    await page.getByText('1 snapshot deleted.').waitFor()
    t.match(await page.locator('.outcome').textContent(), /1 snapshot refused: the snapshot is on hold/)
    if (javaScript) t.ok(await page.evaluate('window.sameDocument'), 'nothing was loaded anew')
    const trail = await sql(
      own,
      `SELECT outcome FROM audit_entries WHERE action LIKE 'snapshot%delete%' ORDER BY seq DESC LIMIT 2`,
    )
    t.same(trail.map(({ outcome }) => outcome).sort(), ['done', 'refused'], 'the refusal is recorded too')

    const all = await count(`dataset = 'chat'`)
    await page.goto('/snapshots?dataset=chat')
    await page.getByLabel(`All ${all} snapshots that match`).check()
    await page.getByRole('button', { name: 'Lift the hold' }).click()
    await page.getByText(`${all} snapshots no longer on hold.`).waitFor()
    t.equal(await count('hold'), 0)
  })
}

t.test('what is ticked on one page is not ticked on the next', async (t) => {
  const page = await browser.open({ as: 'admin' })
  await page.goto('/snapshots?dataset=chat')
  await page.getByRole('checkbox', { name: 'Choose all on this page' }).check()
  t.equal(await page.locator('[name=ids]:checked').count(), 50)
  await page.getByRole('link', { name: 'Next page' }).click()
  await page.getByRole('link', { name: 'First page' }).waitFor()
  t.equal(await page.locator('[name=ids]:checked').count(), 0)
})

t.test('all that match are as many as were agreed to, or nothing is done', async (t) => {
  const page = await browser.open({ as: 'admin', javaScript: false })
  const all = await count(`dataset = 'chat'`)
  await page.goto('/snapshots?dataset=chat')
  await page.getByLabel(`All ${all} snapshots that match`).check()
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByLabel(`Type ${all} snapshots to confirm`).fill(`${all} snapshots`)
  await take(service, { dataset: 'chat', scope: { keys: [2] } })
  await page
    .getByRole('main')
    .getByRole('button', { name: `Delete ${all} snapshots` })
    .click()
  t.match(
    await page.locator('#errors').textContent(),
    `There were ${all} when the page was made; there are ${all + 1} now`,
  )
  t.equal(await count(`dataset = 'chat'`), all + 1)
  t.ok(
    await page.getByLabel(`Type ${all + 1} snapshots to confirm`).isVisible(),
    'the page asks for the new count',
  )

  await page.goto('/snapshots?dataset=chat')
  await page.getByRole('button', { name: 'Put on hold' }).click()
  t.match(await page.locator('main').textContent(), /Nothing is chosen/)
})

t.test(
  'a page takes one query, more only where items are left out, and the next goes on behind it',
  async (t) => {
    let queries = 0
    const forked = () => (queries++, service.app.orm.em.fork())
    const list = {
      ...{ em: { fork: forked } as EntityManager, entity: Snapshot, where: [], sorting: snapshotSorting },
      choose: async (found: Snapshot[]) => (item: Snapshot) => found.includes(item),
    }
    const pages = async (choose: typeof list.choose, limit: number) => {
      const ids: string[][] = []
      for (let cursor: string | null | undefined; cursor !== null;) {
        const page = await readPage({ ...list, choose }, { limit, cursor })
        ids.push(page.items.map(({ id }) => id))
        cursor = page.nextCursor
      }
      return ids
    }
    const all = await pages(list.choose, 50)
    const { length: count } = all.flat()
    t.ok(count > 100 && count % 50 > 0)
    t.same([all.map(({ length }) => length), queries], [[50, 50, count - 100], 3])
    const isWanted = ({ id }: Snapshot) => /[02468ace]$/.test(id)
    const wanted = all.flat().filter((id) => isWanted({ id } as Snapshot))
    queries = 0
    const chosen = await pages(async () => isWanted, 7)
    t.same(chosen.flat(), wanted)
    t.ok(chosen.slice(0, -1).every(({ length }) => length === 7))
    t.ok(queries > chosen.length)
  },
)
