import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Dataset } from '../../src/datasets/definition.ts'
import { announce, noticeState, type Announcement } from '../../src/notifications/announce.ts'
import { channelsFor } from '../../src/notifications/channels.ts'
import { Notice } from '../../src/notifications/notice.ts'
import { readConfig } from '../../src/platform/config.ts'
import { sql } from '../support/postgres.ts'
import { snapshotService, take } from '../snapshots/service.ts'

const token = '110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw'
const environment = {
  TELEGRAM_BOT_TOKEN: token,
  TELEGRAM_CHAT_ID: '-100200300',
  TELEGRAM_API_URL: 'http://127.0.0.1:9',
  SMTP_URL: 'smtp://mailer:canary-password@127.0.0.1:9',
  NOTIFY_EMAIL: 'ops@example.com',
}

const { app, call, folder, ...service } = await snapshotService(t, { environment })

const rows = async () =>
  sql(app.config.databaseUrl!, 'SELECT *, lane AS lane FROM notices ORDER BY channel, id')
t.beforeEach(() => sql(app.config.databaseUrl!, 'TRUNCATE notices'))

const news: Announcement = {
  event: 'backup_completed',
  dataset: 'video-library',
  about: { type: 'snapshot', id: '01900000-0000-7000-8000-000000000000' },
  facts: { scope: { all: true }, counts: { 'video_library.categories': 3 } },
}

const tell = (what: Partial<Announcement> = {}) =>
  app.orm.em.fork().transactional((em) => announce(app, em, { ...news, ...what }))

t.test('a notice for each channel, told once', async (t) => {
  t.equal(await tell(), 2)
  t.match(await rows(), [
    { channel: 'email', dataset: 'video-library', event: 'backup_completed', status: 'pending' },
    { channel: 'telegram', about_type: 'snapshot', about_id: news.about.id, facts: news.facts },
  ])
  t.equal(await tell(), 0, 'again: nothing more')
  t.equal(await tell({ key: 'another' }), 2)
  t.equal(await tell({ event: 'backup_failed' }), 2)
  t.equal(await tell({ dataset: null, about: { type: 'audit', id: 'head' } }), 2)
})

t.test('the notice shares the fate of the change', async (t) => {
  const change = app.orm.em.fork().transactional(async (em) => {
    await announce(app, em, news)
    throw new Error('the change fails')
  })
  await t.rejects(change, /the change fails/)
  t.same(await rows(), [])
  await t.rejects(announce(app, app.orm.em.fork(), news), /needs the change's transaction/)
})

t.test('no secret gets into the outbox, nor what the database can not hold', async (t) => {
  const facts = { error: 'postgres://u:canary-password@db/x refused \0', password: 'canary-password', n: 5n }
  t.equal(await tell({ facts }), 2)
  const text = JSON.stringify(await rows())
  t.notMatch(text, /canary/)
  t.notMatch(text, token)
  t.match(text, /refused/)
})

t.test('how far people were told', async (t) => {
  const state = () => noticeState(app.orm.em.fork(), news.about, news.event)
  t.same(await state(), { state: 'none', deliveredAt: null })
  await tell()
  t.same(await state(), { state: 'pending', deliveredAt: null })
  const set = (channel: string, change: string) =>
    sql(app.config.databaseUrl!, `UPDATE notices SET ${change} WHERE channel = '${channel}'`)
  const failed = `status = 'failed', error = '{"code":"X","detail":""}'`
  await set('email', failed)
  t.equal((await state()).state, 'pending')
  await set('telegram', failed)
  t.equal((await state()).state, 'failed')
  await set('telegram', `status = 'delivered', delivered_at = '2026-11-20T10:00:00Z'`)
  t.same(await state(), { state: 'delivered', deliveredAt: new Date('2026-11-20T10:00:00Z') })
  const inside = app.orm.em.fork().transactional(async (em) => {
    await announce(app, em, { ...news, event: 'cleanup_planned' })
    return noticeState(em, news.about, 'cleanup_planned')
  })
  t.equal((await inside).state, 'pending', 'within the transaction that announces')
})

t.test('who is told', async (t) => {
  const config = readConfig(environment)
  const bare = readConfig({})
  const declaring = (notify: object | undefined) => ({ policies: { notify } }) as Dataset
  const kinds = (...[of, dataset, event]: Parameters<typeof channelsFor>) =>
    channelsFor(of, dataset, event).map(({ kind }) => kind)
  t.same(kinds(config, null, null), ['telegram', 'email'], 'what concerns no dataset')
  t.same(kinds(config, declaring(undefined), null), ['telegram', 'email'], 'a dataset that declares nothing')
  t.same(kinds(bare, declaring(undefined), null), [])
  t.same(kinds(config, declaring({}), null), [], 'one that declares that nobody is told')
  t.same(kinds(config, declaring({ email: {} }), null), ['email'], 'only the channels that it names')
  t.match(channelsFor(config, declaring({ telegram: { events: ['cleanup_done'] } }), 'cleanup_done'), [
    { kind: 'telegram', chatId: '-100200300', botToken: token },
  ])
  t.same(kinds(config, declaring({ telegram: { events: ['cleanup_done'] } }), 'export_ready'), [])
  t.same(kinds(bare, declaring({ telegram: {}, email: {}, webhook: {} }), null), [], 'empty settings')
  t.match(channelsFor(bare, declaring({ telegram: { chatId: 7 }, email: { to: ['a@b', 'c@d'] } }), null), [
    { kind: 'telegram', chatId: '7', botToken: null },
    { kind: 'email', to: ['a@b', 'c@d'] },
  ])
  const webhook = { url: 'https://example.com', secret: '0123456789abcdef' }
  t.match(channelsFor(bare, declaring({ webhook }), null), [{ kind: 'webhook', ...webhook }])
})

t.test('damage to a snapshot is announced when it is found, once', async (t) => {
  await reportsDamage(t)
})

async function reportsDamage(t: Test) {
  const whole = { app, call, folder, ...service }
  const snapshot = await take(whole, { dataset: 'video-library' })
  const path = join(folder, snapshot.key)
  const good = await app.stores.main
    .get(snapshot.key)
    .then(async (body) => Buffer.concat(await body.toArray()))
  const verify = () => call('POST', `/snapshots/${snapshot.id}/verifications`)
  await verify()
  t.same(await rows(), [], 'a good one is no news')
  await writeFile(path, good.subarray(100))
  for (const count of [2, 2]) {
    t.equal((await verify()).body['ok'], false)
    t.equal((await rows()).length, count)
  }
  t.match((await rows())[0], {
    event: 'verification_failed',
    about_id: snapshot.id,
    facts: { problems: [/./] },
  })
  await writeFile(path, good)
  t.equal((await verify()).body['ok'], true)
  await writeFile(path, good.subarray(100))
  await verify()
  t.equal((await rows()).length, 4, 'damaged once more')
}

t.test('entities have all that the table has', async (t) => {
  // Read before the commit: after it somebody tries to send it, and fails.
  const [notice] = await app.orm.em.fork().transactional(async (em) => {
    await announce(app, em, news)
    return em.fork({ keepTransactionContext: true }).find(Notice, {})
  })
  t.match(notice, { status: 'pending', maybeRepeated: false, answer: null })
})
