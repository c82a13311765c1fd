import t from 'tap'
import { announce } from '../../src/notifications/announce.ts'
import { snapshotService } from '../snapshots/service.ts'
import { browse, password, person } from '../support/people.ts'

const evil = '<img src=x onerror=alert(1)>'

t.test('names are shown as text on every page of access, record and work', async (t) => {
  const { app, call } = await snapshotService(t, {
    environment: { SMTP_URL: 'smtp://127.0.0.1:1', NOTIFY_EMAIL: 'ops@example.com' },
  })
  await person(app, 'ann', 'admin')
  const patient = { prefer: 'wait=30' }
  const dataset = 'chat'
  const scope = { keys: [2] }
  const made = async (path: string, body: object) => (await call('POST', path, body, patient)).body.id
  const user = await made('/users', { email: 'evil@example.com', name: evil, role: 'viewer', password })
  const token = await made('/tokens', { name: evil, role: 'viewer' })
  const batch = await made('/batches', {
    key: evil,
    title: evil,
    items: [{ id: evil, payload: { a: evil } }],
  })
  const exported = await made('/exports', { dataset, scope, format: 'json', title: evil })
  await made('/holds', { dataset, key: 2, reason: evil })
  await call('PATCH', '/schedules/backup.chat', { paused: true, reason: evil })
  const about = { type: 'snapshot', id: evil }
  const news = {
    event: 'backup_completed',
    dataset: null,
    about,
    facts: { scope: { keys: [evil] } },
  } as const
  await app.orm.em.fork().transactional((em) => announce(app, em, news))
  const notice = (await call('GET', '/notifications')).body.items[0]!.id
  const entries = (await call('GET', '/audit?action=schedule.paused')).body.items

  const headers = { accept: 'text/html', ...(await browse(app, 'ann')) }
  for (const path of [
    ...['/users', `/users/${user}`, '/tokens', `/tokens/${token}`],
    ...['/batches', `/batches/${batch}`, `/batches/${batch}/items`],
    ...['/exports', `/exports/${exported}`, '/holds', '/datasets/chat/records/2'],
    ...['/schedules', '/schedules/backup.chat'],
    ...[`/notifications/${notice}`, `/audit/${entries[0]!.id}`],
  ]) {
    const { statusCode, body } = await app.inject({ url: path, headers })
    t.equal(statusCode, 200, path)
    t.match(body, '&lt;img src=x', `${path} shows it`)
    t.notMatch(body, '<img', `${path} shows it as text`)
  }
})
