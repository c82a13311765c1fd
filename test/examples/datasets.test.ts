import { fileURLToPath } from 'node:url'
import pg from 'pg'
import t from 'tap'
import { exampleNames } from '../../examples/load.ts'
import { readDatasetFile } from '../../src/datasets/read-file.ts'
import { resolveDataset } from '../../src/datasets/resolve.ts'
import { readCatalog } from '../../src/source/read-catalog.ts'
import { createSample } from '../../src/source/sample.ts'
import { testDatabase } from '../support/postgres.ts'

t.test('each dataset file fits its schema, with nothing set in the environment', async (t) => {
  const url = await testDatabase(t)
  await createSample(url, new Date('2026-11-20T12:00:00Z'))
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  t.teardown(() => client.end())
  await client.query('SET search_path = pg_catalog')
  const catalog = await readCatalog(client)
  for (const name of exampleNames) {
    const { file, declaration, problems, lineOf } = await read(name, {})
    t.strictSame(problems, [], `${name} reads`)
    const resolved = resolveDataset(declaration!, catalog, { file, lineOf, timezone: 'UTC' })
    t.strictSame(resolved.problems, null, `${name} resolves`)
    t.equal(resolved.dataset?.name, name)
  }
})

t.test("chat's operators set what they always set, under the names they know", async (t) => {
  const { declaration, problems } = await read('chat', {
    CHAT_DATA_RETENTION_DAYS: '90',
    CHAT_BACKUP_ENABLED: 'false',
    CHAT_BACKUP_DIRECTORY: 'archive/chat',
    CHAT_BACKUP_NOTIFICATION_EMAIL: 'ops@shop.example',
    CHAT_AUTO_DELETE_ENABLED: 'false',
    CHAT_AUTO_DELETE_GRACE_PERIOD_DAYS: '14',
    TELEGRAM_BOT_TOKEN: '1:secret',
    TELEGRAM_ORDERS_CHAT_ID: '-100200300',
    TIMEZONE: 'Europe/Paris',
  })
  t.strictSame(problems, [])
  t.match(declaration, {
    timezone: 'Europe/Paris',
    backup: { enabled: false, directory: 'archive/chat', keep: 24 },
    retention: { records: { enabled: false, age: '90d', grace: '14d' } },
    notify: {
      telegram: { chatId: -100200300, botToken: '1:secret' },
      email: { to: 'ops@shop.example' },
    },
  })
})

async function read(name: string, environment: Record<string, string>) {
  const path = fileURLToPath(new URL(`../../examples/${name}/${name}.yaml`, import.meta.url))
  return readDatasetFile(path, environment)
}
