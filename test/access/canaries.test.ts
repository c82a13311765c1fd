import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import t from 'tap'
import { deliveryService } from '../deliveries/service.ts'
import { take } from '../snapshots/service.ts'
import { unzstd } from '../snapshots/zstd.ts'
import { browse, password, person } from '../support/people.ts'
import { sql } from '../support/postgres.ts'

const canary = (place: string) => `canary-${place}-0123456789abcdefghijklmnopqrstuvwxyz`
const environment = {
  HOLDFAST_SECRET: canary('secret'),
  HOLDFAST_WEBHOOK_SECRET: canary('webhook'),
  TELEGRAM_BOT_TOKEN: canary('telegram'),
  TELEGRAM_CHAT_ID: '1',
  TELEGRAM_API_URL: 'http://127.0.0.1:1',
  SMTP_URL: `smtp://mailer:${canary('smtp')}@127.0.0.1:1`,
  NOTIFY_EMAIL: 'ops@example.com',
  HOLDFAST_STORE_ARCHIVE_URL: `s3://archive/x?endpoint=http://127.0.0.1:1&region=auto&accessKeyId=a&secretAccessKey=${canary('s3')}`,
}

t.test('after a bit of everything no secret is in any log, answer, page, table or artifact', async (t) => {
  const lines: string[] = []
  const stream = new Writable({ write: (line, _encoding, done) => (lines.push(String(line)), done()) })
  const service = await deliveryService(t, { environment, logger: { level: 'trace', stream } })
  const { app, call } = service
  const answers: string[] = []
  const ask = async (...[method, path, body, headers]: Parameters<typeof call>) => {
    const answer = await call(method, path, body, { prefer: 'wait=60', ...headers })
    answers.push(answer.raw.body)
    return answer
  }
  const [session] = service.sessions
  const scope = { keys: [session] }
  await take(service, { dataset: 'legacy-import', scope })
  const onedrive = { type: 'onedrive' }
  const delivery = { dataset: 'legacy-import', scope, destination: onedrive, accessToken: canary('onedrive') }
  t.equal((await ask('POST', '/deliveries', delivery)).status < 300, true)
  await ask('POST', '/deliveries', { ...delivery, destination: { type: 's3', store: 'archive' } })
  const bob = { email: 'bob@example.com', name: 'Bob', role: 'viewer', password: canary('password') }
  t.equal((await ask('POST', '/users', bob, { 'idempotency-key': 'bob' })).status, 201)
  await ask('POST', '/users', { ...bob, nickname: canary('password') })
  await ask('POST', '/session', { email: bob.email, password: `${canary('password')}!` })
  for (const channel of ['telegram', 'email'])
    await ask('POST', '/notifications/tests', { channel, dataset: 'legacy-import' })
  await ask('POST', '/exports', { dataset: 'chat', scope: { month: '2026-10' }, format: 'csv' })
  await person(app, 'ann', 'admin')
  const cookies = await browse(app, 'ann')
  const pages = [
    '',
    'snapshots',
    'deliveries',
    'exports',
    'audit',
    'notifications',
    'users',
    'metrics',
    'batches',
    'account',
  ]
  for (const page of pages)
    answers.push((await app.inject({ url: `/${page}`, headers: { ...cookies, accept: 'text/html' } })).body)
  for (const path of [
    '/audit',
    '/deliveries',
    '/notifications',
    '/users',
    '/tokens',
    '/datasets',
    '/dashboard',
  ])
    await ask('GET', path)

  const url = app.config.databaseUrl!
  const secrets = [...Object.values(environment).filter((text) => text.startsWith('canary-'))]
  for (const place of ['smtp', 's3', 'onedrive', 'password']) secrets.push(canary(place))
  secrets.push(password, new URL(url).password, cookies.cookie.split('=')[1]!)
  const places = { lines, answers, tables: await rowsOf(url), artifacts: await filesIn(service.folder) }
  t.ok(lines.length > 20, `${lines.length} lines`)
  t.ok(places.artifacts.length >= 2, `${places.artifacts.length} files`)
  for (const [place, texts] of Object.entries(places)) {
    const text = texts.join('\n')
    for (const secret of secrets) {
      const at = text.indexOf(secret)
      t.equal(at, -1, `${secret.slice(0, 14)}… in the ${place}: ${at < 0 ? '' : text.slice(at - 200, at)}`)
    }
  }
  t.ok(service.graph.requests.length > 0, 'the token was used')
})

/** Every row of every table, as text. */
async function rowsOf(url: string): Promise<string[]> {
  const tables = await sql(
    url,
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  )
  const rows: string[] = []
  for (const { name } of tables)
    for (const { row } of await sql(url, `SELECT r::text AS row FROM ${String(name)} AS r`))
      rows.push(String(row))
  return rows
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const contents = await Promise.all(files.map((file) => readFile(file)))
  return contents.map((bytes, i) => (files[i]!.endsWith('.zst') ? unzstd(bytes) : bytes).toString('latin1'))
}
