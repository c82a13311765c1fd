import { createHmac } from 'node:crypto'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/platform/config.ts'
import { sendEmail } from '../../src/notifications/send-email.ts'
import { movableClock } from '../support/people.ts'
import { sql } from '../support/postgres.ts'
import { mailServer } from '../support/smtp-server.ts'
import { telegramServer } from '../support/telegram-server.ts'
import {
  botToken,
  hasTried,
  isDelivered,
  isFailed,
  noticeService,
  receiver,
  webhookSecret,
} from './service.ts'

const clock = movableClock()
const [telegram, mail, hook] = [await telegramServer(t, botToken), await mailServer(t), await receiver(t)]
const { app, call, tell, notice, until, deliver } = await noticeService(
  t,
  {
    TELEGRAM_API_URL: telegram.url,
    SMTP_URL: mail.url,
    HOLDFAST_WEBHOOK_ALLOW: `127.0.0.1:${hook.port}`,
    ...{ CHAT: '-100200300', BOT_TOKEN: botToken, MAIL: 'ops@example.com' },
    ...{ HOOK: hook.url, HOOK_SECRET: webhookSecret },
  },
  { clock },
)

const words = 'Backup of Orders completed'

/** Waits out what a notice or its lane has to wait, and has it tried again. */
async function later(ms: number): Promise<void> {
  clock.at += ms
  await deliver()
}

t.test('what happened is told in plain words, on every channel', async (t) => {
  const ids = await tell({ event: 'backup_completed', about: { type: 'snapshot', id: 'a1' } })
  for (const id of Object.values(ids)) {
    const told = await until(id, isDelivered)
    t.match(told, { attempts: 1, error: null, maybeRepeated: false, nextAttemptAt: null, title: words })
  }
  const text = [
    'Records: October 2026',
    'Rows: public.orders 1,234',
    'Size: 1.2 MB',
    'It was read back from the store and verified.',
    'https://holdfast.example.com/snapshots/a1',
  ].join('\n')
  t.same(telegram.sent, [{ chatId: -100200300, text: `${words}\n${text}` }])
  t.match(await notice(ids['telegram']!), { answer: 'Message 1.', to: 'chat -100200300', text })

  const [{ subject, from, to, messageId, headers, html, text: plain }] = mail.inbox as [
    (typeof mail.inbox)[0],
  ]
  t.same([subject, plain?.trim()], [words, text])
  t.match([from?.text, to], ['"Holdfast" <mailer@example.com>', { text: 'ops@example.com' }])
  t.equal(messageId, `<${ids['email']}@holdfast>`)
  t.equal(headers.get('auto-submitted'), 'auto-generated')
  t.match(String(html), '<a href="https://holdfast.example.com/snapshots/a1">')
  t.match(await notice(ids['email']!), { answer: /^250 /, to: 'ops@example.com' })

  const [{ headers: posted, body }] = hook.received as [(typeof hook.received)[0]]
  t.equal(posted['idempotency-key'], ids['webhook'])
  t.match(JSON.parse(body), {
    ...{ id: ids['webhook'], event: 'backup_completed', dataset: 'orders', at: '2026-11-20T10:00:00.000Z' },
    about: { type: 'snapshot', id: 'a1' },
    title: words,
    facts: { counts: { 'public.orders': 1234 }, bytes: 1_200_000 },
  })
  const [, time, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(posted['holdfast-signature']))!
  t.equal(Number(time), clock.at / 1000)
  t.equal(signature, createHmac('sha256', webhookSecret).update(`${time}.${body}`).digest('hex'))
  t.match(await notice(ids['webhook']!), { to: `127.0.0.1:${hook.port}`, answer: /answered 204/ })
})

t.test('only what a channel wants to hear goes there', async (t) => {
  const ids = await tell({ event: 'cleanup_done' })
  t.same(Object.keys(ids).sort(), ['email', 'telegram'])
  for (const id of Object.values(ids)) await until(id, isDelivered)
  t.same(await tell({ dataset: 'quiet' }), {})
  t.same(await tell({ dataset: 'plain' }), {}, 'nothing declared, and nothing in the environment')
})

t.test('times are told in the zone of the dataset, with its name', async (t) => {
  const dueAt = '2026-11-27T19:00:00Z'
  const sample = [{ key: 17, label: 'Ann\nBee' }, 18, ['a', 'b']]
  const facts = {
    cleanupId: 'c1',
    scope: { all: true },
    target: 'records',
    counts: { orders: 3 },
    sample,
    dueAt,
  }
  const { email } = await tell({
    dataset: 'mailed',
    event: 'cleanup_planned',
    facts,
    about: { type: 'cleanup', id: 'c1' },
  })
  const told = await until(email!, isDelivered)
  t.equal(told['title'], 'Cleanup of Mailed planned for 28 Nov 2026, 03:00 (Asia/Kuala_Lumpur)')
  t.match(told['text'], /Such as: Ann Bee, 18, a, b\n/)
  t.match(told['text'], /hold, postpone or cancel/)
  t.match(told['text'], /\nhttps:\/\/holdfast.example.com\/cleanups\/c1$/)
})

t.test('Telegram is left alone for as long as it asks', async (t) => {
  telegram.misbehave({ kind: 'throttled', retryAfter: 70 })
  const { telegram: first } = await tell({ dataset: 'messaged' })
  const busy = await until(first!, hasTried(1))
  t.match(busy, { status: 'pending', error: { code: 'TELEGRAM_BUSY', detail: /retry after 70/ } })
  t.equal(busy['nextAttemptAt'], new Date(clock.at + 70_000).toISOString())
  const { telegram: second } = await tell({ dataset: 'messaged' })
  const before = telegram.requests
  await later(69_000)
  t.match(await notice(second!), { attempts: 0, status: 'pending' }, 'what comes after waits as well')
  t.equal(telegram.requests, before)
  await later(1000)
  for (const id of [first, second]) t.match(await until(id!, isDelivered), { maybeRepeated: false })
})

t.test('what Telegram refuses for good is not tried again', async (t) => {
  const cases: [environment: Record<string, string>, code: string, detail: RegExp][] = [
    [{ CHAT: '999' }, 'TELEGRAM_REFUSED', /400: Bad Request: chat not found/],
    [{ CHAT: '13' }, 'TELEGRAM_REFUSED', /403: Forbidden: bot was blocked/],
    [{ CHAT: '-42' }, 'TELEGRAM_REFUSED', /its chat id is -1000000000042 now/],
    [{ BOT_TOKEN: `${botToken.slice(0, -4)}nope` }, 'TELEGRAM_TOKEN_INVALID', /401: Unauthorized/],
    [{ BOT_TOKEN: '7:short' }, 'TELEGRAM_TOKEN_INVALID', /404: Not Found/],
    [{ BOT_TOKEN: 'a/../b' }, 'TELEGRAM_TOKEN_INVALID', /is not one/],
    [{ BOT_TOKEN: '' }, 'TELEGRAM_TOKEN_MISSING', /TELEGRAM_BOT_TOKEN/],
    [
      { TELEGRAM_API_URL: mail.url.replace(/.*@/, 'http://') },
      'TELEGRAM_UNREACHABLE',
      /could not be reached/,
    ],
  ]
  const declared = { CHAT: '4711', BOT_TOKEN: botToken, TELEGRAM_API_URL: telegram.url }
  let unreachable = ''
  for (const [environment, code, detail] of cases) {
    const { environment: before, telegram: settings } = app.config
    const used = { ...declared, ...environment }
    Object.assign(app.config, {
      environment: { ...before, ...used },
      telegram: { ...settings, apiUrl: used.TELEGRAM_API_URL },
    })
    await app.datasets.reload()
    const { telegram: id } = await tell({ dataset: 'messaged' })
    const failed = await until(id!, hasTried(1))
    unreachable = id!
    const status = code === 'TELEGRAM_UNREACHABLE' ? 'pending' : 'failed'
    t.match(failed, { status, error: { code, detail } }, detail.source)
    Object.assign(app.config, { environment: before, telegram: settings })
  }
  await app.datasets.reload()
  await later(60_000)
  await until(unreachable, isDelivered)
})

t.test('a broken gateway is tried again, ever more rarely', async (t) => {
  telegram.misbehave({ kind: 'bad gateway' }, { kind: 'bad gateway' })
  const { telegram: id } = await tell({ dataset: 'messaged' })
  const waits: number[] = []
  for (const times of [1, 2]) {
    const failed = await until(id!, hasTried(times))
    t.match(failed, { status: 'pending', error: { code: 'TELEGRAM_UNREACHABLE' }, maybeRepeated: true })
    waits.push(Date.parse(String(failed['nextAttemptAt'])) - clock.at)
    await later(waits.at(-1)!)
  }
  t.ok(waits[0]! >= 12_000 && waits[0]! <= 18_000, `${waits[0]}`)
  t.ok(waits[1]! >= 24_000 && waits[1]! <= 36_000, `${waits[1]}`)
  await until(id!, isDelivered)
})

t.test(
  'an answer that gets lost is an attempt that may have arrived, and the next one says so',
  async (t) => {
    telegram.misbehave({ kind: 'connection lost after success' })
    const { telegram: id } = await tell({
      dataset: 'messaged',
      event: 'backup_failed',
      facts: { error: 'disk full' },
    })
    t.match(await until(id!, hasTried(1)), { status: 'pending', maybeRepeated: true })
    await later(18_000)
    await until(id!, isDelivered)
    const [first, second] = telegram.sent.slice(-2)
    t.notMatch(first!.text, /reached you before/)
    t.match(second!.text, /This may have reached you before/)
  },
)

t.test('after three days a notice is given up, and can be tried again by hand', async (t) => {
  telegram.misbehave({ kind: 'bad gateway' }, { kind: 'bad gateway' })
  const { telegram: id } = await tell({ dataset: 'messaged' })
  await until(id!, hasTried(1))
  const { telegram: behind } = await tell({ dataset: 'messaged' })
  await later(3 * 86_400_000)
  const gaveUp = { nextAttemptAt: null, attempts: 1, error: { code: 'TELEGRAM_UNREACHABLE' } }
  t.match(await until(behind!, isFailed), gaveUp, 'what waited behind it was longer due')
  t.match(await notice(id!), { status: 'failed', ...gaveUp }, 'one attempt tells the same of both')
  await later(3_600_000)
  const again = await call('POST', `/notifications/${id}/attempts`, undefined, { prefer: 'wait=20' })
  t.equal(again.status, 201)
  t.match(again.body, { status: 'delivered', attempts: 2, error: null })
  t.equal(again.raw.headers['location'], `/api/notifications/${id}`)
  const done = await call('POST', `/notifications/${id}/attempts`)
  t.match([done.status, done.body.code], [409, 'NOTICE_DELIVERED'])
  const none = await call('POST', '/notifications/01900000-0000-7000-8000-000000000000/attempts')
  t.match([none.status, none.body.code], [404, 'NOTICE_NOT_FOUND'])
  t.match((await call('GET', '/audit?action=notification.retried')).body.items, [
    { entityIds: [id], dataset: 'messaged' },
  ])
})

t.test('a mail server that says later is tried later, one that says never is not', async (t) => {
  mail.refuse([452, 'mailbox full'])
  const { email: soft } = await tell({ dataset: 'mailed' })
  const deferred = await until(soft!, hasTried(1))
  t.match(deferred, { status: 'pending', error: { code: 'EMAIL_DEFERRED', detail: /452 mailbox full/ } })
  await later(18_000)
  await until(soft!, isDelivered)
  mail.refuse([550, 'no such mailbox'])
  const { email: hard } = await tell({ dataset: 'mailed' })
  t.match(await until(hard!, isFailed), { attempts: 1, error: { code: 'EMAIL_REFUSED', detail: /550/ } })
})

t.test('what a mail server says of the password is not repeated', async (t) => {
  const message = { id: 'x', to: ['a@example.com'], subject: 's', text: 't', date: new Date() }
  const wrong = mail.url.replace('canary-smtp-password', 'canary%2Fwrong')
  const refused = sendEmail(readConfig({ SMTP_URL: wrong }), message)
  await t.rejects(refused, { code: 'EMAIL_SIGN_IN_REFUSED', message: /535 .*\[redacted\]/ })
  await refused.catch((error: Error) => t.notMatch(error.message, /canary/))
  await t.rejects(sendEmail(readConfig({}), message), { code: 'EMAIL_NOT_CONFIGURED' })
  await t.rejects(sendEmail(readConfig({ SMTP_URL: 'smtp://127.0.0.1:1' }), message), {
    code: 'EMAIL_UNREACHABLE',
    kind: { temporary: true, mayHaveArrived: false },
  })
})

t.test('some of several mailboxes are better than none', async (t) => {
  const config = readConfig({ SMTP_URL: mail.url, NOTIFY_EMAIL: 'x@example.com' })
  mail.refuse([550, 'gone'])
  const message = {
    id: 'x',
    to: ['gone@example.com', 'b@example.com'],
    subject: 's',
    text: '<b> & "q"',
    date: new Date(),
  }
  t.match(await sendEmail(config, message), /^250 .* Refused for gone@example.com\.$/)
  t.match(String(mail.inbox.at(-1)!.html), '&lt;b&gt; &amp; &quot;q&quot;')
})

t.test('a webhook says by its status what becomes of the notice', async (t) => {
  clock.at = Math.ceil(clock.at / 1000) * 1000 // dates in headers have no more
  const cases: [
    answer: { status: number; headers?: Record<string, string> },
    status: string,
    wait: number | null,
  ][] = [
    [{ status: 500 }, 'pending', null],
    [{ status: 429, headers: { 'retry-after': '40' } }, 'pending', 40_000],
    [
      { status: 503, headers: { 'retry-after': new Date(clock.at + 90_000).toUTCString() } },
      'pending',
      90_000,
    ],
    [{ status: 302, headers: { location: '/elsewhere' } }, 'failed', null],
    [{ status: 410 }, 'failed', null],
  ]
  for (const [answer, status, wait] of cases) {
    const started = clock.at
    hook.answer(answer)
    const { webhook } = await tell({ dataset: 'hooked' })
    const tried = await until(webhook!, hasTried(1))
    t.match(tried, { status, error: { code: 'WEBHOOK_REFUSED' } }, `${answer.status}`)
    if (wait !== null) t.equal(Date.parse(String(tried['nextAttemptAt'])), started + wait)
    await sql(app.config.databaseUrl!, 'DELETE FROM notices WHERE id = $1', [webhook])
  }
})

t.test('a repeated webhook has the same idempotency key', async (t) => {
  hook.answer({ status: 500 })
  const { webhook } = await tell({ dataset: 'hooked' })
  await until(webhook!, hasTried(1))
  await later(18_000)
  await until(webhook!, isDelivered)
  const keys = hook.received.slice(-2).map(({ headers }) => headers['idempotency-key'])
  t.same(keys, [webhook, webhook])
})

t.test('a notice that always fails stands in nobody’s way', async (t) => {
  const stubborn = []
  hook.answer(...Array.from({ length: 3 }, () => ({ status: 500 })))
  for (let i = 0; i < 3; i++) {
    const { webhook } = await tell({ dataset: 'hooked' })
    stubborn.push(webhook!)
    await until(webhook!, hasTried(1))
  }
  const { webhook: fresh } = await tell({ dataset: 'hooked' })
  await deliver()
  await until(fresh!, isDelivered)
  for (const id of stubborn) t.match(await notice(id), { status: 'pending' })
  await later(18_000)
  for (const id of stubborn) await until(id, isDelivered)
})

t.test('a very long notice is cut where Telegram would refuse it', async (t) => {
  const facts = {
    problems: Array.from({ length: 5 }, () => '😀'.repeat(600)),
    scope: { keys: ['k'.repeat(5000)] },
  }
  const { telegram: id } = await tell({ dataset: 'messaged', event: 'verification_failed', facts })
  await until(id!, isDelivered)
  t.ok(telegram.sent.at(-1)!.text.length <= 4096)
})

t.test('the list is narrowed by what it has, newest first', async (t) => {
  const ask = async (query: string) => (await call('GET', `/notifications?${query}`)).body
  const all = (await ask('limit=200')).items
  t.ok(all.length > 20)
  t.same(
    all.map(({ id }) => id),
    all
      .map(({ id }) => id)
      .toSorted()
      .toReversed(),
  )
  const narrowing = { channel: 'email', status: 'failed', event: 'cleanup_planned', dataset: 'messaged' }
  for (const [field, value] of Object.entries(narrowing)) {
    const found = (await ask(`${field}=${value}&limit=200`)).items
    const expected = all.filter((one) => one[field] === value)
    t.same(
      found.map(({ id }) => id),
      expected.map(({ id }) => id),
      field,
    )
  }
  const first = await ask('limit=2')
  const second = await ask(`limit=2&cursor=${first.nextCursor}`)
  t.same(
    [...first.items, ...second.items].map(({ id }) => id),
    all.slice(0, 4).map(({ id }) => id),
  )
  t.same((await ask('to=2026-11-20T10:00:00Z')).items, [])
  t.ok((await ask('from=2026-11-20T10:00:00Z&to=2026-11-20T10:00:01Z')).items.length > 0)
  t.equal((await call('GET', '/notifications?status=lost')).status, 400)
})

t.test('a test says what the other side said', async (t) => {
  await testsChannels(t)
})

async function testsChannels(t: Test) {
  const ask = (body: object) => call('POST', '/notifications/tests', body)
  for (const channel of ['telegram', 'email', 'webhook']) {
    const { status, body } = await ask({ channel, dataset: 'orders' })
    t.match([status, body], [200, { channel, dataset: 'orders', delivered: true, answer: /./, error: null }])
  }
  t.match(telegram.sent.at(-1)!.text, /^Test from Holdfast\nbootstrap wants to know .* of Orders/)
  t.equal(mail.inbox.at(-1)!.subject, 'Test from Holdfast')
  t.match(JSON.parse(hook.received.at(-1)!.body), { event: 'test', title: 'Test from Holdfast' })
  telegram.misbehave({ kind: 'throttled', retryAfter: 5 })
  t.match((await ask({ channel: 'telegram', dataset: 'orders' })).body, {
    delivered: false,
    answer: null,
    error: { code: 'TELEGRAM_BUSY', detail: /retry after 5/ },
  })
  const missing = await ask({ channel: 'telegram' })
  t.match([missing.status, missing.body.code], [409, 'CHANNEL_NOT_CONFIGURED'])
  t.equal((await ask({ channel: 'pigeon' })).status, 400)
  t.equal((await ask({ channel: 'email', dataset: 'none' })).status, 404)
  t.match((await call('GET', '/audit?action=notification.tested')).body.items, [
    { outcome: 'failed', metadata: { channel: 'telegram', error: { code: 'TELEGRAM_BUSY' } } },
    { outcome: 'done', dataset: 'orders' },
  ])
}
