import { PassThrough } from 'node:stream'
import t from 'tap'
import { bearer } from '../support/people.ts'
import { sql } from '../support/postgres.ts'
import { mailServer } from '../support/smtp-server.ts'
import { telegramServer } from '../support/telegram-server.ts'
import { botToken, hasTried, isDelivered, noticeService, receiver, webhookSecret } from './service.ts'

/** Everything that must not be seen anywhere. */
const canaries = [botToken, webhookSecret, 'canary-smtp-password', 'canary-path', 'canary-fact']

t.test('no secret is in a log, a row, an answer or the audit log', async (t) => {
  const lines: string[] = []
  const stream = new PassThrough().on('data', (line: Buffer) => lines.push(line.toString()))
  const [telegram, mail, hook] = [await telegramServer(t, botToken), await mailServer(t), await receiver(t)]
  const { app, call, tell, until } = await noticeService(
    t,
    {
      TELEGRAM_API_URL: telegram.url,
      SMTP_URL: mail.url,
      HOLDFAST_WEBHOOK_ALLOW: `127.0.0.1:${hook.port}`,
      ...{ CHAT: '-100200300', BOT_TOKEN: botToken, MAIL: 'ops@example.com' },
      ...{ HOOK: hook.url, HOOK_SECRET: webhookSecret },
    },
    { logger: { level: 'trace', stream } },
  )
  const facts = { error: { code: 'X', detail: 'postgres://u:canary-fact@db/x' }, password: 'canary-fact' }
  const good = await tell({ facts })
  for (const id of Object.values(good)) await until(id, isDelivered)

  telegram.misbehave({ kind: 'connection lost after success' })
  mail.refuse([550, 'no'])
  hook.answer({ status: 500 })
  const bad = await tell({ facts, event: 'batch_finished' })
  for (const id of Object.values(bad)) await until(id, hasTried(1))

  const answers: string[] = []
  const ask = async (...of: Parameters<typeof call>) => answers.push((await call(...of)).raw.body)
  telegram.misbehave({ kind: 'bad gateway' })
  mail.refuse([452, 'later'])
  hook.answer({ status: 302, headers: { location: '/canary-path' } })
  for (const channel of ['telegram', 'email', 'webhook'])
    await ask('POST', '/notifications/tests', { channel, dataset: 'orders' })
  app.config.smtpUrl = app.config.smtpUrl!.replace('canary-smtp-password', 'x-canary-smtp-password')
  await ask('POST', '/notifications/tests', { channel: 'email', dataset: 'orders' })
  for (const path of ['/notifications', '/audit', '/datasets/orders', `/notifications/${bad['webhook']}`])
    await ask('GET', path)
  const headers = { ...(await bearer(app, 'admin')), accept: 'text/html' }
  for (const url of ['/notifications', `/notifications/${bad['telegram']}`, '/metrics', '/datasets/orders'])
    answers.push((await app.inject({ url, headers })).body)

  const rows = await sql(
    app.config.databaseUrl!,
    `SELECT to_json(n)::text FROM notices n UNION ALL SELECT to_json(a)::text FROM audit_entries a
     UNION ALL SELECT to_json(j)::text FROM pgboss.job j UNION ALL SELECT to_json(k)::text FROM idempotency_keys k`,
  )
  t.ok(lines.length > 10 && answers.length === 12 && rows.length > 10, `${lines.length}, ${rows.length}`)
  const places = { logs: lines.join(), answers: answers.join(), rows: JSON.stringify(rows) }
  for (const [place, text] of Object.entries(places))
    for (const canary of canaries)
      t.notOk(text.includes(canary), `${canary.slice(0, 12)}… is not in the ${place}`)
  t.ok(telegram.sent.length > 0 && mail.inbox.length > 0 && hook.received.length > 0)
})
