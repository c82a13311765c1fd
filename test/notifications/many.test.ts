import t from 'tap'
import { sql } from '../support/postgres.ts'
import { mailServer } from '../support/smtp-server.ts'
import { telegramServer } from '../support/telegram-server.ts'
import { botToken, isDelivered, noticeService } from './service.ts'

t.test('five thousand notices that wait starve nobody', async (t) => {
  const [telegram, mail] = [await telegramServer(t, botToken), await mailServer(t)]
  const { app, call, tell, until, deliver } = await noticeService(t, {
    ...{ TELEGRAM_BOT_TOKEN: botToken, TELEGRAM_CHAT_ID: '4711', TELEGRAM_API_URL: telegram.url },
    ...{ SMTP_URL: mail.url, MAIL: 'ops@example.com', CHAT: '-100200300', BOT_TOKEN: botToken },
  })
  const databaseUrl = app.config.databaseUrl!
  await sql(
    databaseUrl,
    `INSERT INTO notices (id, event, about_type, about_id, key, channel, lane, facts, status, attempts, next_attempt_at,
       give_up_at, maybe_repeated, created_at, dataset)
     SELECT gen_random_uuid(), 'export_ready', 'export', i::text, '', 'telegram', 'telegram:d' || i % 20, '{}', 'pending', 0,
       now() - interval '1 h', now() + interval '3 d', false, now(), 'd' || i % 20 FROM generate_series(1, 5000) i`,
  )
  const started = performance.now()
  await deliver()
  const mailed = await tell({ dataset: 'mailed' })
  const messaged = await tell({ dataset: 'messaged' })
  await until(mailed['email']!, isDelivered)
  await until(messaged['telegram']!, isDelivered)
  const [left] = await sql(databaseUrl, `SELECT count(*)::int FROM notices WHERE status = 'pending'`)
  t.ok(Number(left!['count']) > 0, `${String(left!['count'])} still wait`)
  const lanes = await sql(databaseUrl, `SELECT DISTINCT dataset FROM notices WHERE status = 'delivered'`)
  t.ok(lanes.length > 2, 'and several lanes had their turn')
  t.comment(`${telegram.sent.length} sent in ${Math.round(performance.now() - started)} ms`)
  const listed = await call('GET', '/notifications?status=pending&limit=200')
  t.equal(listed.body.items.length, 200)
})
