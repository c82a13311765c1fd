import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { buildApp } from '../../src/app.ts'
import { readConfig } from '../../src/platform/config.ts'
import { testApp } from '../support/app.ts'
import { testDatabase } from '../support/postgres.ts'
import { migratedTemplate } from '../support/templates.ts'

t.test('the stores of the configuration', async (t) => {
  const files = await mkdtemp(join(tmpdir(), 'holdfast-files-'))
  t.teardown(() => rm(files, { recursive: true, force: true }))
  const app = await testApp(t, { environment: { HOLDFAST_STORE_DOCUMENTS_URL: `file:${files}` } })
  const checks = async () => (await app.inject('/readyz')).json().checks

  t.ok((await stat(join(app.config.home, 'store'))).isDirectory(), 'the folder that nobody chose is made')
  t.match(await checks(), { store: 'ok', 'store documents': 'ok' })
  t.equal(app.stores.get('documents').location, new URL(`file://${files}`).href)
  t.throws(() => app.stores.get('pictures'), { code: 'STORE_UNKNOWN' })

  await rm(files, { recursive: true })
  const answer = await app.inject('/readyz')
  t.equal(answer.statusCode, 503)
  t.not((await checks())['store documents'], 'ok')
  t.equal((await checks())['store'], 'ok')
})

t.test('a URL that cannot be one stops the start, naming the variable and not the URL', async (t) => {
  const databaseUrl = await testDatabase(t, await migratedTemplate())
  const config = readConfig({ HOLDFAST_STORE_URL: 's3:nothing?secretAccessKey=s3cret' })
  await t.rejects(buildApp({ config: { ...config, databaseUrl } }), {
    name: 'Error',
    message: /^HOLDFAST_STORE_URL: (?!.*s3cret)/,
  })
})

t.test('a home that takes no folder stops the start, naming the variable', async (t) => {
  const databaseUrl = await testDatabase(t, await migratedTemplate())
  const file = join(await mkdtemp(join(tmpdir(), 'holdfast-home-')), 'file')
  await writeFile(file, '')
  t.teardown(() => rm(dirname(file), { recursive: true, force: true }))
  const config = readConfig({ HOLDFAST_HOME: file })
  await t.rejects(buildApp({ config: { ...config, databaseUrl } }), { message: /^HOLDFAST_HOME: .*ENOTDIR/ })
})
