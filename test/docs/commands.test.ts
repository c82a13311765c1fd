import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { createSampleFiles } from '../../src/source/sample-files.ts'
import { troubleshooting, type ListedProblem } from '../../src/platform/troubleshooting.ts'
import { instanceToken, killInstance, startInstance } from '../support/instance.ts'
import { testDatabase } from '../support/postgres.ts'
import { migratedTemplate, sampleTemplate } from '../support/templates.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

/** An instance over the sample, and a folder to work in. */
async function workplace(t: Test) {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-docs-'))
  const source = await testDatabase(t, await sampleTemplate())
  await createSampleFiles(source, join(folder, 'documents'))
  await mkdir(join(folder, 'delivered'))
  const instance = await startInstance({
    HOLDFAST_HOME: folder,
    HOLDFAST_STORE_DOCUMENTS_URL: `file:${join(folder, 'documents')}`,
    HOLDFAST_DELIVERY_ROOT: join(folder, 'delivered'),
    DATABASE_URL: await testDatabase(t, await migratedTemplate()),
    HOLDFAST_SOURCE_APP_URL: source,
    HOLDFAST_DATASETS: join(root, 'examples'),
  })
  t.teardown(async () => {
    await killInstance(instance)
    await rm(folder, { recursive: true, force: true })
  })
  return { folder, source, instance }
}

/** The commands of a manual, in order: its `sh` blocks. */
async function commandsOf(file: string): Promise<string> {
  const text = await readFile(join(root, file), 'utf8')
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block).join('\n')
}

/** Its commands need workers and a receiver: test/batches/guide.test.ts runs them. */
const runElsewhere = ['docs/batches.md']

/** The manuals that have commands. */
async function manuals(): Promise<string[]> {
  const docs = (await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md')).sort()
  const files = ['README.md', ...docs.map((name) => `docs/${name}`)]
  const commands = await Promise.all(files.map(commandsOf))
  return files.filter((file, i) => commands[i] !== '' && !runElsewhere.includes(file))
}

t.test('every command of every manual works as it stands there', async (t) => {
  const { folder, instance } = await workplace(t)
  for (const file of await manuals()) {
    const cwd = await mkdtemp(join(folder, 'manual-'))
    const env = {
      PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
      HOLDFAST_URL: instance.url,
      HOLDFAST_BOOTSTRAP_TOKEN: instanceToken,
    }
    const commands = ['-euo', 'pipefail', '-c', await commandsOf(file)]
    await t.resolves(run('bash', commands, { cwd, env, maxBuffer: 64_000_000 }), file)
  }
  const failing = 'curl -sS --fail-with-body "$HOLDFAST_URL/api/me"'
  const env = { PATH: process.env['PATH'], HOLDFAST_URL: instance.url }
  await t.rejects(
    run('bash', ['-euo', 'pipefail', '-c', failing], { env }),
    /Command failed/,
    'one that fails is noticed',
  )
})

t.test('the manual of errors is what the service says of them', async (t) => {
  const { instance } = await workplace(t)
  const answer = await fetch(`${instance.url}/problems`, { headers: { accept: 'application/json' } })
  const { items } = (await answer.json()) as { items: ListedProblem[] }
  t.ok(items.length > 30)
  t.equal(await readFile(join(root, 'docs/troubleshooting.md'), 'utf8'), troubleshooting(items))
})

t.test('the demo plays the main job and finds everything as it should be', async (t) => {
  const { stdout } = await run(process.execPath, ['scripts/demo.ts'], { cwd: root, maxBuffer: 10_000_000 })
  t.match(stdout, /every category, assignment and suggestion is as it was/)
  t.match(stdout, /undone again\s+the library is whole/)
  t.match(stdout, /such as .+ comes back/)
  t.match(stdout, /entries, whole/)
})

t.test('the demo uses a running instance, and says in a line what is wrong with it', async (t) => {
  const { instance, source } = await workplace(t)
  const env = {
    ...process.env,
    HOLDFAST_URL: instance.url,
    HOLDFAST_TOKEN: instanceToken,
    HOLDFAST_SOURCE_APP_URL: source,
  }
  const { stdout } = await run(process.execPath, ['scripts/demo.ts'], { cwd: root, env })
  t.match(stdout, /undone again\s+the library is whole/)
  const strange = { ...env, HOLDFAST_TOKEN: 'hf_of_nobody' }
  await t.rejects(run(process.execPath, ['scripts/demo.ts'], { cwd: root, env: strange }), {
    code: 1,
    stderr: /^\ndemo: POST \/snapshots answered 401 CREDENTIALS_INVALID: .+\n$/,
  })
})

t.test('links in the manuals lead somewhere', async (t) => {
  for (const file of ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'RELIABILITY.md']) {
    const text = await readFile(join(root, file), 'utf8')
    for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#]+)\)/g))
      await t.resolves(readFile(join(root, dirname(file), target!)), `${file}: ${target}`)
  }
})

t.test('the tests and files that promises name are there', async (t) => {
  for (const file of ['RELIABILITY.md', 'docs/security.md']) {
    const text = await readFile(join(root, file), 'utf8')
    const form = /`((?:node )?(?:test|bench|src|scripts)\/[\w/.-]+\.\w+)`/g
    const named = new Set([...text.matchAll(form)].map(([, name]) => name!.replace('node ', '')))
    t.ok(named.size > 20, file)
    for (const name of named) await t.resolves(readFile(join(root, name)), `${file}: ${name}`)
  }
})
