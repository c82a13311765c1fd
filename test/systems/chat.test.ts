import t from 'tap'
import { setTimeout as rest } from 'node:timers/promises'
import { sql, testDatabase } from '../support/postgres.ts'
import { mailServer } from '../support/smtp-server.ts'
import { telegramServer } from '../support/telegram-server.ts'
import { listeningService, token, type ListeningService } from './service.ts'
import { openWalk, readJson } from './walk.ts'

const botToken = '4711:canary-telegram-token-of-the-walk-x'

t.test('chat, as its README.md walks through it', async (t) => {
  const source = await testDatabase(t)
  const [telegram, mail] = [await telegramServer(t, botToken), await mailServer(t)]
  const walk = await openWalk(t, 'chat')
  const { section } = walk
  await walk.shell.set({ SOURCE_URL: source })
  await section('Fill a database')
  const service = await listeningService(
    t,
    source,
    {
      ...{
        TELEGRAM_BOT_TOKEN: botToken,
        TELEGRAM_ORDERS_CHAT_ID: '-100200300',
        TELEGRAM_API_URL: telegram.url,
      },
      ...{ SMTP_URL: mail.url, CHAT_BACKUP_NOTIFICATION_EMAIL: 'ops@shop.example' },
    },
    '2025-12-20T10:00:00Z',
  )
  await walk.shell.set({ HOLDFAST_URL: service.url, HOLDFAST_BOOTSTRAP_TOKEN: token })
  await section('The system')
  const sessionsOf = await monthsOf(source)

  await section('Exports', async (t) => {
    const { counts } = await readJson<{ counts: object }>(walk, 'csv.json')
    const [rows] = await sql(
      source,
      `SELECT count(DISTINCT s.id)::int AS "chat.sessions", count(m.id)::int AS "chat.messages"
       FROM chat.sessions s JOIN chat.messages m ON m.session_id = s.id
       WHERE created_at >= '2026-01-01 00:00+08' AND created_at < '2026-02-01 00:00+08'`,
    )
    t.strictSame(counts, rows, 'the days of Kuala Lumpur')
  })

  await aYear(service)
  await section('Monthly backups', async (t) => {
    const { items } = await readJson<{ items: Backup[] }>(walk, 'backups.json')
    const taken = items.map(({ scope, counts }) => [scope.month, counts['chat.sessions']])
    t.strictSame(taken, sessionsOf.filter(([month]) => month >= '2025-12' && month < '2026-11').toReversed())
    const { records } = await readJson<{ records: { messages: unknown[] }[] }>(walk, 'october.json')
    t.equal(records.length, items[0]!.counts['chat.sessions'])
    t.equal(
      records.reduce((sum, { messages }) => sum + messages.length, 0),
      items[0]!.counts['chat.messages'],
    )
  })
  await section('Deletion by age', async (t) => {
    const { items } = await readJson<{ items: Cleanup[] }>(walk, 'cleanups.json')
    const removed = items.reduce((sum, { counts }) => sum + (counts?.removed ?? 0), 0)
    const [left] = await sql(
      source,
      `SELECT count(*)::int AS sessions,
      (SELECT count(*)::int FROM chat.messages m WHERE NOT EXISTS (SELECT FROM chat.sessions WHERE id = session_id)) AS lost
      FROM chat.sessions`,
    )
    t.strictSame(left, { sessions: 10_000 - removed, lost: 0 })
    t.ok(removed > 5_000)
    for (const { status, noticeSentAt, createdAt, startedAt } of items.filter(({ startedAt }) => startedAt)) {
      t.equal(status, 'completed')
      t.ok(noticeSentAt !== null && Date.parse(startedAt!) - Date.parse(createdAt) >= 7 * 86_400_000)
    }
  })
  await section('Everything by configuration')
  await section('Who is told', async (t) => {
    const said = telegram.sent.map(({ text }) => text).join('\n')
    const mailed = mail.inbox.map(({ subject }) => subject).join('\n')
    for (const words of [said, mailed])
      t.match(words, /Backup of Chat completed[^]*Cleanup of Chat planned[^]*Cleanup of Chat done/)
    t.ok(mail.inbox.length >= 12)
    t.equal(mail.inbox.length, telegram.sent.length)
  })
  await service.restart({
    ...{ CHAT_DATA_RETENTION_DAYS: '90', CHAT_BACKUP_ENABLED: 'false', CHAT_BACKUP_DIRECTORY: 'archive' },
    ...{
      CHAT_AUTO_DELETE_ENABLED: 'false',
      CHAT_AUTO_DELETE_GRACE_PERIOD_DAYS: '14',
      TIMEZONE: 'Europe/Paris',
    },
    CHAT_BACKUP_NOTIFICATION_EMAIL: '',
  })
  await walk.shell.set({ HOLDFAST_URL: service.url })
  await section('Set differently')
  await section('The bars')
  walk.end()
})

interface Backup {
  scope: { month: string }
  counts: { [table: string]: number }
}

interface Cleanup {
  status: string
  noticeSentAt: string | null
  createdAt: string
  startedAt: string | null
  counts: { removed: number } | null
}

/** Sessions of each month in Kuala Lumpur, by SQL of our own. */
async function monthsOf(source: string): Promise<[string, number][]> {
  const rows = await sql(
    source,
    `SELECT to_char(created_at AT TIME ZONE 'Asia/Kuala_Lumpur', 'YYYY-MM') AS month, count(*)::int AS sessions
     FROM chat.sessions GROUP BY 1 ORDER BY 1`,
  )
  return rows.map(({ month, sessions }) => [String(month), Number(sessions)])
}

/** Every 1st of a month at 02:00 in Kuala Lumpur (18:00 UTC the day before), and 03:00 on a day of each week, a bit late. */
async function aYear(service: ListeningService): Promise<void> {
  const firsts = Array.from({ length: 11 }, (_, month) => Date.UTC(2026, month, 1) - 6 * 3_600_000)
  const weeks = Array.from(
    { length: 48 },
    (_, week) => Date.UTC(2025, 11, 26, 19, week) + week * 7 * 86_400_000,
  )
  for (const at of [...firsts, ...weeks].sort((a, b) => a - b)) {
    await service.goTo(new Date(at).toISOString())
    await settled(service.database)
  }
}

/** Waits until nothing is being removed and everybody was told. */
async function settled(database: string): Promise<void> {
  for (;;) {
    const [row] = await sql(
      database,
      `SELECT NOT EXISTS (SELECT FROM cleanups WHERE status IN ('capturing', 'removing'))
          AND NOT EXISTS (SELECT FROM notices WHERE status = 'pending') AS over`,
    )
    if (row!['over'] === true) return
    await rest(10)
  }
}
