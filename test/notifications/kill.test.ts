import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { topicOf } from '../../src/notifications/notice.ts'
import { testApp } from '../support/app.ts'
import { killInstance, startInstance } from '../support/instance.ts'
import { sql, testDatabase } from '../support/postgres.ts'
import { telegramServer } from '../support/telegram-server.ts'
import { migratedTemplate } from '../support/templates.ts'
import { botToken } from './service.ts'

const id = '01900000-0000-7000-8000-000000000001'

t.test('killed between sending and recording, a notice is sent again and says so', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-kill-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const telegram = await telegramServer(t, botToken)
  const databaseUrl = await testDatabase(t, await migratedTemplate())
  await sql(
    databaseUrl,
    `INSERT INTO notices (id, event, about_type, about_id, key, channel, lane, facts, status, attempts, next_attempt_at,
       give_up_at, maybe_repeated, created_at)
     VALUES ('${id}', 'backup_missing', 'schedule', 'backup.chat', '', 'telegram', 'telegram:', '{}', 'pending', 0, now(),
       now() + interval '3 d', false, now())`,
  )
  const environment = {
    HOLDFAST_DATASETS: folder,
    HOLDFAST_SOURCE_APP_URL: databaseUrl,
    TELEGRAM_BOT_TOKEN: botToken,
    TELEGRAM_CHAT_ID: '-100200300',
    TELEGRAM_API_URL: telegram.url,
  }
  const sent = new Promise<void>((reached) => telegram.misbehave({ kind: 'never answered', reached }))
  const instance = await startInstance({ ...environment, HOLDFAST_HOME: folder, DATABASE_URL: databaseUrl })
  await sent
  await killInstance(instance)
  t.equal(telegram.sent.length, 1)
  const [left] = await sql(databaseUrl, 'SELECT status, attempts, delivered_at FROM notices')
  t.match(left, { status: 'pending', attempts: 1, delivered_at: null })

  await sql(databaseUrl, `DELETE FROM pgboss.job WHERE name = 'notifications.deliver'`) // its heart beat is not waited out
  const clock = { now: () => new Date(Date.now() + 61_000) }
  const app = await testApp(t, { environment, databaseUrl, clock })
  const look = async () => {
    const [row] = await sql(databaseUrl, `SELECT * FROM notices WHERE status = 'delivered'`)
    return row ?? null
  }
  t.match(await app.signals.waitFor(topicOf(id), look, 10_000), { attempts: 2, maybe_repeated: true })
  t.equal(telegram.sent.length, 2, 'at least once')
  t.match(telegram.sent[1]!.text, /This may have reached you before/)
})
