import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'

const project = fileURLToPath(new URL('../..', import.meta.url))

interface Instruction {
  name: string
  text: string
}

const instructions = parse(await readFile(join(project, 'Dockerfile'), 'utf8'))
const lastStage = instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'))

function parse(dockerfile: string): Instruction[] {
  return dockerfile
    .replace(/^#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => ({ name: line.split(' ')[0]!, text: line.slice(line.indexOf(' ') + 1).trim() }))
}

function only(name: string, stage = lastStage): string {
  const found = stage.filter((instruction) => instruction.name === name)
  if (found.length !== 1) throw new Error(`${found.length} times ${name}`)
  return found[0]!.text
}

/** What the last stage takes from the project. */
const copied = lastStage
  .filter(({ name, text }) => name === 'COPY' && !text.startsWith('--from='))
  .flatMap(({ text }) => text.split(' ').slice(0, -1))

t.test('two stages of Node 24, without development dependencies, as an ordinary user', async (t) => {
  const stages = instructions.filter(({ name }) => name === 'FROM').map(({ text }) => text)
  t.strictSame(stages, ['node:24-slim AS dependencies', 'node:24-slim'])
  t.match(
    instructions.find(({ name, text }) => name === 'RUN' && text.includes('npm'))?.text,
    /^npm ci --omit=dev /,
  )
  t.equal(only('USER'), 'node')
  t.ok(
    lastStage.findIndex(({ name }) => name === 'USER') >
      lastStage.findLastIndex(({ name }) => name === 'RUN'),
  )
})

t.test('all that is copied is there and let through, and nothing else is', async (t) => {
  const all = instructions
    .filter(({ name, text }) => name === 'COPY' && !text.startsWith('--from='))
    .flatMap(({ text }) => text.split(' ').slice(0, -1))
  const ignore = (await readFile(join(project, '.dockerignore'), 'utf8'))
    .replace(/^#.*\n/gm, '')
    .trim()
    .split('\n')
  t.equal(ignore[0], '*')
  t.strictSame(ignore.slice(1).sort(), [...new Set(all)].map((source) => `!${source}`).sort())
  const there = await readdir(project)
  t.strictSame(
    all.filter((source) => !there.includes(source)),
    [],
  )
})

t.test('the service loads from what is copied', async (t) => {
  const image = await mkdtemp(join(tmpdir(), 'holdfast-image-'))
  t.teardown(() => rm(image, { recursive: true }))
  for (const source of copied) await cp(join(project, source), join(image, source), { recursive: true })
  await symlink(join(project, 'node_modules'), join(image, 'node_modules'))
  const [program, ...args] = JSON.parse(only('CMD')) as string[]
  t.equal(program, 'node')
  t.ok(copied.includes(args.at(-1)!.split('/')[0]!))
  t.equal(
    await exitCode(['--input-type=module', '-e', "await import('./src/app.ts'); process.exit()"], {}, image),
    0,
  )
})

t.test('and needs nothing from npm but dependencies', async (t) => {
  const { dependencies } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const missing: string[] = []
  const needed = new Set<string>()
  for (const folder of ['src', 'migrations', 'examples', 'scripts'])
    for (const entry of await readdir(join(project, folder), { recursive: true }))
      if (entry.endsWith('.ts'))
        for (const name of importedPackages(await readFile(join(project, folder, entry), 'utf8'))) {
          needed.add(name)
          if (!(name in dependencies)) missing.push(`${folder}/${entry}: ${name}`)
        }
  t.strictSame(missing, [])
  t.ok(
    ['fastify', 'pg', 'htmx.org', '@aws-sdk/client-s3'].every((name) => needed.has(name)),
    'none overlooked',
  )
})

const imports =
  /^(?:import|export) (?!type )[\w\s{},*$]* from '(?<from>[^']+)'|^import '(?<bare>[^']+)'|(?:import|meta\.resolve)\('(?<asked>[^']+)'\)/gm

/** Types vanish before the service runs, so what only they come from isn't needed. */
function importedPackages(source: string): string[] {
  return [...source.matchAll(imports)]
    .map(({ groups }) => (groups!['from'] ?? groups!['bare'] ?? groups!['asked'])!)
    .filter((name) => !name.startsWith('.') && !isBuiltin(name))
    .map((name) =>
      name
        .split('/')
        .slice(0, name.startsWith('@') ? 2 : 1)
        .join('/'),
    )
}

t.test('the health check tells well from ill and absent', async (t) => {
  const [, command] = only('HEALTHCHECK').split(' CMD ')
  const [, ...args] = JSON.parse(command!) as string[]
  const health = { status: 200 }
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/healthz' ? health.status : 404).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const environment = { PORT: `${(server.address() as AddressInfo).port}` }
  t.equal(await exitCode(args, environment), 0)
  health.status = 503
  t.equal(await exitCode(args, environment), 1)
  t.equal(await exitCode(args, { PORT: '1' }), 1)
  await checkPort(t)
})

async function checkPort(t: Test): Promise<void> {
  const environment = Object.fromEntries(
    only('ENV')
      .split(' ')
      .map((pair) => pair.split('=')),
  )
  t.match(environment, { HOST: '0.0.0.0', PORT: only('EXPOSE'), HOLDFAST_HOME: only('VOLUME') })
}

async function exitCode(args: string[], env: Record<string, string>, cwd = project): Promise<number | null> {
  const child = spawn(process.execPath, args, { env, cwd, stdio: ['ignore', 'ignore', 'inherit'] })
  const [code] = (await once(child, 'close')) as [number | null]
  return code
}
