import t from 'tap'
import { make } from '../exports/service.ts'
import { snapshotService } from '../snapshots/service.ts'
import { browse, person } from '../support/people.ts'

t.test('exports on pages: one click, the form, the file, the end', async (t) => {
  const service = await snapshotService(t)
  const { app } = service
  await person(app, 'ana', 'admin')
  const headers = { ...(await browse(app, 'ana')), accept: 'text/html' }
  const page = (path: string) => app.inject({ url: path, headers })
  const send = (path: string, fields: Record<string, string>) =>
    app.inject({
      method: 'POST',
      url: path,
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams(fields).toString(),
    })

  t.match((await page('/exports')).body, 'No exports yet')
  const form = (await page('/exports/new?dataset=chat')).body
  t.match(form, /value="last-month"[^>]*><label[^>]*>Last month<\/label><p class="hint">\d{4}-\d\d-01 up to/)
  const range = { dataset: 'chat', which: 'last-month' }
  const asked = (await page(`/exports/new?dataset=chat&which=last-month&format=csv&includeChildren=true`))
    .body
  t.match(asked, /Comes as <code>chat_\d{4}-\d\d-01_\d{4}-\d\d-01_\w+\.zip<\/code>/)
  t.match(asked, 'The gate is open')
  const made = await send('/exports', { ...range, format: 'csv', includeChildren: 'true' })
  t.equal(made.statusCode, 303)
  const path = String(made.headers.location)
  const again = (await page(path)).body
  t.match(again, /name="which" value="period">.*name="format" value="csv">/, 'with the same choices')
  t.match(again, 'sha256sum --check')
  const { id } = await make(service, {
    dataset: 'chat',
    format: 'pdf',
    scope: { keys: ['7'] },
    title: '<b>Seven',
  })
  for (const shown of [await page(path), await page(`/exports/${id}`)]) {
    t.equal(shown.statusCode, 200)
    t.match(shown.body, /\/api\/exports\/[\w-]+\/content" download/)
  }
  t.match((await page(`/exports/${id}`)).body, '&lt;b&gt;Seven')
  t.match((await page('/exports?kind=pdf')).body, '&lt;b&gt;Seven')

  const wrong = await send('/exports', { dataset: 'chat', which: 'month', format: 'csv' })
  t.match([wrong.statusCode, wrong.body], [400, /is required: a month/])
  const never = await send('/exports', { ...range, format: 'json', expires: 'day' })
  t.match([never.statusCode, never.body], [400, /Expires on<\/a> is required/])
  t.match((await page('/exports/new?dataset=legacy-import')).body, 'The gate is closed')
  const refused = await send('/exports', { dataset: 'legacy-import', which: 'all', format: 'csv' })
  t.match([refused.statusCode, refused.body], [409, /To clear it/])

  t.equal((await send(`/exports/${id}/deletion`, { confirmation: 'no' })).statusCode, 400)
  t.equal((await send(`/exports/${id}/deletion`, { confirmation: 'chat' })).statusCode, 303)
  t.equal((await page(`/exports/${id}`)).statusCode, 404)
})
