import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { AppOptions } from '../../src/app.ts'
import { announce, type Announcement } from '../../src/notifications/announce.ts'
import { topicOf, type NoticeEvent } from '../../src/notifications/notice.ts'
import { reconcileNotices } from '../../src/notifications/reconcile-notices.ts'
import { caller, token, type Body, type Service } from '../snapshots/service.ts'
import { testApp } from '../support/app.ts'
import { sql, testDatabase } from '../support/postgres.ts'

export const botToken = '110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw'
export const webhookSecret = 'canary-webhook-secret'

const telegram = "telegram: { chatId: '${CHAT:-}', botToken: '${BOT_TOKEN:-}' }"
const email = "email: { to: '${MAIL:-}' }"
const webhook =
  "webhook: { url: '${HOOK:-}', secret: '${HOOK_SECRET:-}', events: [backup_completed, batch_finished] }"

/** What the notify section of a dataset declares, by the dataset's name. */
const notifications: Record<string, string> = {
  orders: `notify: { ${telegram}, ${email}, ${webhook} }`,
  messaged: `notify: { ${telegram} }`,
  mailed: `notify: { ${email} }`,
  hooked: `notify: { ${webhook} }`,
  quiet: 'notify: {}',
  plain: '',
}

function datasetFile(name: string, notify: string): string {
  const title = name.charAt(0).toUpperCase() + name.slice(1)
  const records = '{ table: public.orders }'
  return `dataset: ${name}\ntitle: ${title}\ntimezone: Asia/Kuala_Lumpur\nrecords: ${records}\n${notify}\n`
}

export interface NoticeService {
  app: FastifyInstance
  call: Service['call']
  /** Announces something new. @returns the ids of its notices by channel */
  tell(what?: Partial<Announcement>): Promise<Record<string, string>>
  /** A notice as the API has it. */
  notice(id: string): Promise<Body>
  /** Waits until a notice is as it should be: has made its attempts, or has come to an end. */
  until(id: string, fits: (notice: Body) => boolean): Promise<Body>
  /** Has what is due sent. */
  deliver(): Promise<void>
}

/** The service over a table of orders, whose dataset has all channels that the environment gives it. */
export async function noticeService(
  t: Test,
  environment: Record<string, string>,
  options: Omit<AppOptions, 'config'> & { databaseUrl?: string } = {},
): Promise<NoticeService> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-datasets-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  for (const [name, notify] of Object.entries(notifications))
    await writeFile(join(folder, `${name}.yaml`), datasetFile(name, notify))
  const source = await testDatabase(t)
  await sql(source, 'CREATE TABLE orders (id int PRIMARY KEY)')
  const app = await testApp(t, {
    ...options,
    environment: {
      HOLDFAST_SOURCE_APP_URL: source,
      HOLDFAST_DATASETS: folder,
      HOLDFAST_BOOTSTRAP_TOKEN: token,
      HOLDFAST_PUBLIC_URL: 'https://holdfast.example.com/',
      ...environment,
    },
  })
  return { app, call: caller(app), ...actions(app) }
}

function actions(app: FastifyInstance): Pick<NoticeService, 'tell' | 'notice' | 'until' | 'deliver'> {
  let told = 0
  const notice = async (id: string) => (await caller(app)('GET', `/notifications/${id}`)).body
  return {
    notice,
    tell: async (what = {}) => {
      const about = { type: 'snapshot', id: `s${++told}` }
      const event: NoticeEvent = 'backup_completed'
      const facts = { scope: { month: '2026-10' }, counts: { 'public.orders': 1234 }, bytes: 1_200_000 }
      const news = { event, dataset: 'orders', about, facts, ...what }
      await app.orm.em.fork().transactional((em) => announce(app, em, news))
      const rows = await sql(
        app.config.databaseUrl!,
        'SELECT id, channel FROM notices WHERE about_id = $1 AND event = $2 AND key = $3',
        [news.about.id, news.event, what.key ?? ''],
      )
      return Object.fromEntries(rows.map(({ id, channel }) => [channel, id as string]))
    },
    until: async (id, fits) => {
      const look = async () => notice(id).then((found) => (fits(found) ? found : null))
      const found = await app.signals.waitFor(topicOf(id), look, 8000)
      if (found === null) throw new Error(`still ${JSON.stringify(await notice(id))}`)
      return found
    },
    deliver: () => reconcileNotices(app),
  }
}

export const isDelivered = ({ status }: Body) => status === 'delivered'
export const isFailed = ({ status }: Body) => status === 'failed'
export const hasTried = (times: number) => (notice: Body) =>
  notice['attempts'] === times && notice['error'] !== null

/** A receiver of webhooks. */
export interface Receiver {
  url: string
  port: number
  received: { headers: IncomingHttpHeaders; body: string }[]
  /** What the next requests are answered; then 204 again. */
  answer(...answers: { status: number; headers?: Record<string, string> }[]): void
}

export async function receiver(t: Test): Promise<Receiver> {
  const answers: { status: number; headers?: Record<string, string> }[] = []
  const received: Receiver['received'] = []
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      received.push({ headers: request.headers, body })
      const { status, headers } = answers.shift() ?? { status: 204 }
      response.writeHead(status, headers).end()
    })
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/hook/canary-path`
  return { url, port, received, answer: (...more) => void answers.push(...more) }
}
