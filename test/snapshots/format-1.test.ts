import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { openStore } from '../../src/storage/open-store.ts'
import { recoverCatalogue } from '../../src/snapshots/recover-catalogue.ts'
import { testApp } from '../support/app.ts'
import { sql, testDatabase } from '../support/postgres.ts'
import { caller, take, token, type Service } from './service.ts'
import { unzstd } from './zstd.ts'

const run = promisify(execFile)
const script = fileURLToPath(new URL('../../scripts/holdfast-artifact.mjs', import.meta.url))
const fixtures = fileURLToPath(new URL('../fixtures/format-1', import.meta.url))
const artifacts = join(fixtures, 'artifacts')

/** Artifacts as the first release wrote them, by dataset. They are never written anew. */
const names = (await readdir(artifacts)).filter((name) => name.endsWith('.zst')).sort()
const fileOf = (name: string) => join(artifacts, name)
const manifestOf = (name: string) => `${fileOf(name)}.manifest.json`

/** The standalone script as somebody runs it who has nothing else. */
async function alone(...words: string[]): Promise<{ code: number; output: string; errors: string }> {
  try {
    const { stdout, stderr } = await run(process.execPath, [script, ...words], { maxBuffer: 100_000_000 })
    return { code: 0, output: stdout, errors: stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, output: stdout, errors: stderr }
  }
}

/** What an artifact says of its records, line by line; what stands around them differs from one taking to the next. */
function recordsIn(stored: Buffer): string[] {
  const lines = unzstd(stored).toString().split('\n')
  return lines.slice(1).filter((line) => line.startsWith('{'))
}

/** The service over tables without any record, and a store with the artifacts. */
async function bareService(t: Test) {
  const source = await testDatabase(t)
  await sql(source, await readFile(join(fixtures, 'schema.sql'), 'utf8'))
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-format-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  for (const name of names) {
    const { key } = JSON.parse(await readFile(manifestOf(name), 'utf8')) as { key: string }
    await mkdir(dirname(join(folder, key)), { recursive: true })
    await copyFile(fileOf(name), join(folder, key))
    await copyFile(manifestOf(name), join(folder, `${key}.manifest.json`))
  }
  const app = await testApp(t, {
    environment: {
      HOLDFAST_SOURCE_APP_URL: source,
      HOLDFAST_STORE_URL: `file:${folder}`,
      HOLDFAST_DATASETS: join(fixtures, 'datasets'),
      HOLDFAST_BOOTSTRAP_TOKEN: token,
    },
  })
  const store = openStore(`file:${folder}`)
  const found = await Array.fromAsync(
    recoverCatalogue({ orm: app.orm, store, clock: app.clock, verify: true }),
  )
  t.same(
    found.map(({ outcome }) => outcome),
    names.map(() => 'recovered'),
  )
  const service = { app, source, folder, call: caller(app) }
  const retake = async (name: string) => {
    const { dataset, scope } = JSON.parse(await readFile(manifestOf(name), 'utf8')) as Record<string, object>
    const { key } = await take(service as unknown as Service, { dataset, scope })
    return recordsIn(await readFile(join(folder, key)))
  }
  return { ...service, retake }
}

t.test('artifacts of format 1 verify and restore', async (t) => {
  const { call, retake } = await bareService(t)
  t.equal(names.length, 6, 'the five examples, and all types')
  const snapshots = (await call('GET', '/snapshots')).body.items
  for (const name of names) {
    const { id } = snapshots.find(({ dataset }) => `${String(dataset)}.json.zst` === name)!
    t.match((await call('POST', `/snapshots/${id}/verifications`)).body, { ok: true }, name)
    const plan = (await call('POST', '/restores', { snapshotId: id }, { prefer: 'wait=60' })).body
    const applied = { planHash: plan['planHash'] }
    const { body } = await call('POST', `/restores/${plan.id}/application`, applied, { prefer: 'wait=60' })
    t.match(body, { status: 'completed' }, name)
    t.same(await retake(name), recordsIn(await readFile(fileOf(name))), `${name}: every byte of every record`)
  }
})

t.test('and so they do with the standalone script, which needs nothing but Node', async (t) => {
  const { source, retake } = await bareService(t)
  const text = await readFile(script, 'utf8')
  for (const [, from] of text.matchAll(/^import .* from '(.+)'/gm)) t.match(from, /^node:/)
  for (const name of names) {
    t.match(
      await alone('verify', fileOf(name), manifestOf(name)),
      { code: 0, output: /^OK: \d+ records of / },
      name,
    )
    t.equal((await alone('cat', fileOf(name))).output, unzstd(await readFile(fileOf(name))).toString(), name)
    const { output } = await alone('restore-sql', fileOf(name), manifestOf(name))
    await sql(source, output)
    t.same(await retake(name), recordsIn(await readFile(fileOf(name))), `${name}: every byte of every record`)
    await sql(source, output)
    t.same(await retake(name), recordsIn(await readFile(fileOf(name))), `${name}: again it changes nothing`)
  }
  await sql(source, 'INSERT INTO video_library.categories (name) VALUES ($1)', ['after'])
})

t.test('the standalone script finds what was altered, cut off or swapped', async (t) => {
  const folder = t.testdir()
  const chat = await readFile(fileOf('chat.json.zst'))
  const path = join(folder, 'altered.json.zst')
  const flipped = Buffer.from(chat)
  flipped[chat.length >> 1]! ^= 1
  const swapped = await readFile(fileOf('conversations.json.zst'))
  for (const bytes of [
    flipped,
    chat.subarray(0, -1),
    Buffer.concat([chat, chat]),
    swapped,
    Buffer.alloc(0),
  ]) {
    await writeFile(path, bytes)
    for (const command of ['verify', 'cat', 'restore-sql'])
      t.match(await alone(command, path, manifestOf('chat.json.zst')), {
        code: 1,
        output: '',
        errors: /^DAMAGED: /,
      })
  }
  t.match(await alone('verify', path), { code: 2, errors: /usage/ })
  t.match(await alone('verify', '/nowhere', manifestOf('chat.json.zst')), { code: 2, errors: /ENOENT/ })
})
