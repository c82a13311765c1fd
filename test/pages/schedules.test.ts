import t from 'tap'
import { retentionService } from '../retention/service.ts'
import { finished } from '../schedules/service.ts'
import { take } from '../snapshots/service.ts'
import { complaints, startBrowser } from '../support/browser.ts'
import { browse, person } from '../support/people.ts'

const service = await retentionService(t)
const { app } = service
const browser = await startBrowser(t, app)

t.test('the pages of schedules and of retention, and their forms', async (t) => {
  await take(service, { dataset: 'chat' })
  await person(app, 'olga', 'operator')
  const headers = await browse(app, 'olga')
  const page = async (url: string) => (await app.inject({ url, headers })).body
  const post = (url: string, payload: string) =>
    app.inject({
      method: 'POST',
      url,
      payload,
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
    })

  t.match(await page('/schedules'), /Backup of Chat[^]*0 2 1 \* \*[^]*Asia\/Kuala_Lumpur/)
  const done = await post('/schedules/backup.chat/runs', '')
  t.equal(done.statusCode, 303)
  await finished(app)
  const run = done.headers.location as string
  t.match(
    await page(run),
    /Run of Backup of Chat[^]*October 2026: [^]*Asia\/Kuala_Lumpur[^]*href="\/snapshots\/[\da-f-]{36}"/,
  )
  t.match(await page('/schedules/backup.chat?format=csv'), /^id,schedule,due_at[^]*backup\.chat/)
  t.match(await page('/schedules/backup.chat'), /Run now[^]*Completed[^]*olga@example.com[^]*October 2026: /)
  t.match(await post('/schedules/backup.chat/pause', 'paused=true&reason=Moving+house'), { statusCode: 303 })
  t.match(await page('/schedules/backup.chat'), /Let it go on[^]*Moving house[^]*Paused: nothing is due/)
  await post('/schedules/backup.chat/pause', 'paused=false')
  t.match(await page('/schedules/backup.chat?status=failed'), /No run matches/)
  t.match(await page('/schedules/backup.legacy-import'), /switches it off/)
  const refused = await post('/schedules/backup.legacy-import/runs', '')
  t.match(refused, { statusCode: 409, body: /switched off in the dataset file/ })
  t.equal((await app.inject({ url: '/schedules/nothing', headers })).statusCode, 404)
  const unknown = `/schedules/runs/${run.split('/').at(-1)!.slice(0, -4)}0000`
  t.match(await app.inject({ url: unknown, headers }), { statusCode: 404, body: /SCHEDULE_RUN_NOT_FOUND/ })

  t.match(await page('/retention'), /Chat[^]*Conversations/)
  t.match(
    await page('/retention/chat'),
    /Records older than 180 days[^]*Stays[^]*newest verified one of all records/,
  )
})

for (const javaScript of [false, true]) {
  t.test(`run now, pause and resume, ${javaScript ? 'with' : 'without'} JavaScript`, async (t) => {
    const page = await browser.open({ javaScript, as: 'operator' })
    const seen = complaints(page)
    await page.goto('/schedules/backup.chat')
    if (javaScript) await page.evaluate('window.sameDocument = true')
    await page.getByRole('button', { name: 'Run now' }).click()
    await page.waitForURL('**/schedules/runs/*')
    await page.getByRole('heading', { name: 'Run of Backup of Chat', level: 1 }).waitFor()
    await page.getByRole('link', { name: 'Backup of Chat', exact: true }).first().click()
    await page.getByLabel('Reason').fill('Moving <b>house</b>')
    await page.getByRole('button', { name: 'Pause', exact: true }).click()
    await page.getByText('Moving <b>house</b>').first().waitFor()
    t.match(await page.locator('main').textContent(), /Paused: nothing is due/)
    await page.getByRole('button', { name: 'Let it go on' }).click()
    await page.getByRole('button', { name: 'Pause', exact: true }).waitFor()
    t.equal(await page.locator('.notice', { hasText: 'Moving' }).count(), 0)
    if (javaScript) t.ok(await page.evaluate('window.sameDocument'), 'nothing was loaded anew')
    t.same(seen, [])
  })
}
