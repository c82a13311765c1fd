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
  t.match(form, 'Chat in one click')
  t.match(form, /Last month<\/th>/)
  const [, from] = /name="from" value="(\d{4}-\d\d-01)"><input type="hidden" name="to"/.exec(form)!
  const range = { dataset: 'chat', which: 'period', from: from!, to: '2099-01-01' }
  const made = await send('/exports', { ...range, format: 'csv', includeChildren: 'true' })
  t.equal(made.statusCode, 303)
  const path = String(made.headers.location)
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
  t.match((await page('/exports?format=pdf')).body, '&lt;b&gt;Seven')

  const wrong = await send('/exports', { dataset: 'chat', which: 'month', format: 'csv' })
  t.match([wrong.statusCode, wrong.body], [400, /is required: a month/])
  const refused = await send('/exports', { dataset: 'legacy-import', which: 'all', format: 'csv' })
  t.match([refused.statusCode, refused.body], [409, /To clear it/])

  t.equal((await send(`/exports/${id}/deletion`, { confirmation: 'no' })).statusCode, 400)
  t.equal((await send(`/exports/${id}/deletion`, { confirmation: 'chat' })).statusCode, 303)
  t.equal((await page(`/exports/${id}`)).statusCode, 404)
})
