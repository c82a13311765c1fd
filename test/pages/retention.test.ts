import t from 'tap'
import { retentionService } from '../retention/service.ts'
import { take } from '../snapshots/service.ts'
import { accessibilityProblems, overflow, startBrowser } from '../support/browser.ts'
import { sql } from '../support/postgres.ts'

const service = await retentionService(t)
const url = service.app.config.databaseUrl!
const browser = await startBrowser(t, service.app)
const taken = await take(service, { dataset: 'chat', scope: { month: '2026-09' }, trigger: 'scheduled' })
const failed = await take(service, { dataset: 'chat', scope: { month: '2026-08' }, trigger: 'scheduled' })
await sql(
  url,
  `UPDATE snapshots SET status = 'failed', error = '{"code": "STORE_UNREACHABLE", "detail": "No answer."}' WHERE id = $1`,
  [failed.id],
)
// As if backups had been kept since September, and plenty of other snapshots been taken.
await sql(url, `UPDATE schedules SET first_seen_at = '2026-09-15' WHERE name = 'backup.chat'`)
await sql(
  url,
  `INSERT INTO snapshots SELECT (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid(),
     'scope', '{"all": true}'::jsonb, 'trigger', 'manual', 'key', 'copy ' || n,
     'taken_at', s.taken_at - n * interval '1 hour'))).*
   FROM snapshots s, generate_series(1, 260) n WHERE s.id = $1`,
  [taken.id],
)

for (const [index, javaScript] of [true, false].entries()) {
  t.test(
    `months without a backup show, and one is taken by hand, ${javaScript ? 'with' : 'without'} JavaScript`,
    async (t) => {
      const page = await browser.open({ as: 'operator', javaScript })
      await page.goto('/retention')
      await page.getByRole('link', { name: 'Chat', exact: true }).click()
      await page.getByRole('heading', { name: 'Retention of Chat' }).waitFor()
      const month = (name: string) => page.locator('.months > li').filter({ hasText: name })
      t.match(await month('Sep 2026').textContent(), /Taken/)
      if (index === 0) {
        t.match(await month('Oct 2026').textContent(), /Missing/)
        t.match(await month('Aug 2026').textContent(), /Failed[\s\S]*No answer\./)
        t.same(await accessibilityProblems(page), [])
        t.ok((await overflow(page)) <= 0)
      }
      const wanted = index === 0 ? 'Oct 2026' : 'Aug 2026'
      await page.getByRole('button', { name: `Take it for ${wanted}` }).click()
      await page.getByText('The backup is being taken.').waitFor()
      await page.getByRole('heading', { name: 'Is it good?' }).waitFor()
      await page.goto('/retention/chat')
      t.match(await month(wanted).textContent(), /Taken/)
    },
  )

  t.test(
    `every snapshot has its reason, page by page, ${javaScript ? 'with' : 'without'} JavaScript`,
    async (t) => {
      const page = await browser.open({ as: 'viewer', javaScript })
      await page.goto('/retention/chat')
      await page.getByLabel('Verdict').selectOption('goes')
      await page.getByRole('button', { name: 'Filter' }).click()
      await page.waitForURL(/verdict=goes/)
      const seen = new Set<string>()
      for (;;) {
        await page.locator('tbody tr').first().waitFor()
        const links = await page.locator('tbody a').evaluateAll((all) => all.map((a) => String(a)))
        for (const link of links) seen.add(link)
        const next = page.getByRole('link', { name: 'Next page' })
        if ((await next.count()) === 0) break
        const at = page.url()
        await next.click()
        await page.waitForURL((to) => to.href !== at)
      }
      const { body } = await service.call('GET', '/retention/chat?verdict=goes&limit=1')
      const { remove } = body['snapshots'] as { remove: number }
      t.equal(seen.size, remove)
      t.ok(remove < 200, 'those of the last week stay')
      t.equal(
        await page.getByRole('button', { name: /Take it/ }).count(),
        0,
        'whoever looks is offered nothing',
      )
    },
  )
}
