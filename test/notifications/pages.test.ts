import t from 'tap'
import { browse, person } from '../support/people.ts'
import { telegramServer } from '../support/telegram-server.ts'
import { botToken, isFailed, noticeService } from './service.ts'

const telegram = await telegramServer(t, botToken)
const { app, tell, until } = await noticeService(t, {
  TELEGRAM_API_URL: telegram.url,
  ...{ CHAT: '999', BOT_TOKEN: botToken },
})
await person(app, 'ann', 'operator')
const headers = { ...(await browse(app, 'ann')), accept: 'text/html' }
const page = async (url: string) => app.inject({ url, headers })
const post = async (url: string, fields: Record<string, string>) =>
  app.inject({
    method: 'POST',
    url,
    headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams(fields).toString(),
  })

t.test('the list, one notice, and trying it again, without JavaScript', async (t) => {
  t.match((await page('/notifications')).body, /No notices yet/)
  const { telegram: id } = await tell({ dataset: 'messaged', facts: { scope: { keys: ['<b>'] } } })
  await until(id!, isFailed)
  t.match(
    (await page('/notifications')).body,
    new RegExp(`/notifications/${id}">Backup of Messaged completed`),
  )
  t.match((await page('/notifications?channel=email')).body, /No notice matches/)
  const file = await page('/notifications?status=failed&sort=when&format=csv')
  t.match(file.headers['content-disposition'], /holdfast-notices-/)
  t.match(file.body, new RegExp(`^id,event,[^]*\r\n${id},backup_completed,messaged,`))
  t.match((await page('/notifications?sort=when')).body, /aria-sort="ascending"/)
  const shown = (await page(`/notifications/${id}`)).body
  t.match(shown, /chat not found/)
  t.match(shown, /Records: &lt;b/)
  const again = await post(`/notifications/${id}/attempts`, {})
  t.same([again.statusCode, again.headers.location], [303, `/notifications/${id}`])
  t.equal((await until(id!, (notice) => notice['attempts'] === 2 && isFailed(notice)))['attempts'], 2)
  t.equal((await page('/notifications/01900000-0000-7000-8000-000000000000')).statusCode, 404)
})

t.test('every order has them all, and the other way round it is the same one', async (t) => {
  for (const event of ['backup_failed', 'backup_completed'] as const) {
    const { telegram: id } = await tell({ dataset: 'messaged', event, about: { type: 'audit', id: event } })
    await until(id!, isFailed)
  }
  const idsBy = async (sort: string) => {
    const { body } = await page(`/notifications?sort=${sort}&format=csv`)
    return [...body.matchAll(/^[\da-f]{8}-[\da-f-]{27}/gm)].map(([id]) => id)
  }
  const all = await idsBy('when')
  t.ok(all.length >= 3)
  for (const order of ['when', 'notice', 'channel', 'status', 'attempts']) {
    const sorted = await idsBy(order)
    t.same(sorted.toSorted(), all.toSorted(), order)
    t.same((await idsBy(`-${order}`)).toReversed(), sorted, order)
  }
})

t.test('trying a channel shows what the other side says', async (t) => {
  const { body } = await page('/notifications/tests/new')
  t.match(body, /The environment[^]*tells nobody[^]*Messaged[^]*chat 999[^]*Configured/)
  t.notMatch(body, botToken)
  const refused = await post('/notifications/tests', { channel: 'telegram', dataset: 'messaged' })
  t.equal(refused.statusCode, 200)
  t.match(refused.body, /chat not found/)
  const none = await post('/notifications/tests', { channel: 'email', dataset: '' })
  t.equal(none.statusCode, 409)
  t.match(none.body, /The channel is not configured/)
})
