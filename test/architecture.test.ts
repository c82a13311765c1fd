import { readdir, readFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const src = fileURLToPath(new URL('../src', import.meta.url))

/** From the ground up; a feature imports only what stands before it. As in src/app.ts, with source/ below datasets/. */
const order = [
  'platform',
  'source',
  'audit',
  'access',
  'selections',
  'schedules',
  'storage',
  'datasets',
  'holds',
  'notifications',
  'snapshots',
  'gates',
  'restores',
  'exports',
  'batches',
  'cleanups',
  'retention',
  'deliveries',
  'upkeep',
  'system',
  'dashboard',
]

/** Roles that a feature keeps to itself. */
const own = /\/(routes|schemas|queries)\.ts$/

/** What a file imports of ours, types and all, by paths below src/. */
function importsOf(file: string, text: string): string[] {
  return [...text.matchAll(/(?:from|import|import\()\s*'(\.[^']+)'/g)].map(([, target]) =>
    relative(src, resolve(src, file, '..', target!)),
  )
}

/** The first circle of imports there is, as the way round it; null when there is none. */
function findCycle(imports: Map<string, string[]>): string[] | null {
  const done = new Set<string>()
  const visit = (file: string, way: string[]): string[] | null => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file]
    if (done.has(file)) return null
    for (const next of imports.get(file) ?? []) {
      const cycle = visit(next, [...way, file])
      if (cycle !== null) return cycle
    }
    done.add(file)
    return null
  }
  for (const file of imports.keys()) {
    const cycle = visit(file, [])
    if (cycle !== null) return cycle
  }
  return null
}

/** What is wrong with one file, by its path below src/ and its text. */
function breaches(file: string, text: string): string[] {
  const found: string[] = []
  const room = file.split('/')[0]!
  for (const path of importsOf(file, text)) {
    const other = path.split('/')[0]!
    if (path.startsWith('../')) {
      if (!/^\.\.\/(migrations|examples)\//.test(path)) found.push(`${file} imports ${path}, outside of src/`)
    } else if (other !== room && order.includes(room) && order.includes(other)) {
      if (order.indexOf(other) > order.indexOf(room))
        found.push(`${file} imports ${path}, which stands above it`)
      else if (own.test(`/${path}`)) found.push(`${file} imports ${path}, which its feature keeps to itself`)
    }
  }
  if (text.includes('process.env') && file !== 'platform/config.ts') found.push(`${file} reads process.env`)
  return found
}

/** Every file's text. */
async function readSource(): Promise<Map<string, string>> {
  const files = (await readdir(src, { recursive: true })).filter((file) => file.endsWith('.ts'))
  return new Map(
    await Promise.all(
      files.map(async (file) => [file, await readFile(join(src, file), 'utf8')] as [string, string]),
    ),
  )
}

t.test('the dependency rule holds in every file', async (t) => {
  const files = await readSource()
  t.ok(files.size > 200)
  const rooms = new Set([...files.keys()].filter((file) => file.includes('/')).map((f) => f.split('/')[0]))
  t.same([...rooms].sort(), order.toSorted(), 'every room has its place in the order')
  for (const [file, text] of files) t.same(breaches(file, text), [])
})

t.test('the order is that in which src/app.ts registers the features', async (t) => {
  const text = await readFile(join(src, 'app.ts'), 'utf8')
  const roomOf = new Map([...text.matchAll(/^import (\w+).* from '\.\/(\w+)\//gm)].map(([, a, b]) => [a, b]))
  const registered = [...text.matchAll(/app\.register\((\w+)/g)].map(([, name]) => roomOf.get(name)!)
  const features = registered.filter((room) => room !== 'platform')
  // The guard is access's and stands before all others, so that no route comes in unasked.
  const first = [...new Set(features.toReversed())].toReversed()
  t.same(
    first,
    order.filter((room) => first.includes(room)),
  )
  t.same(
    order.filter((room) => !first.includes(room)),
    ['platform', 'source'],
  )
})

t.test('no file imports itself in a circle', async (t) => {
  const files = [...(await readSource())]
  t.equal(findCycle(new Map(files.map(([file, text]) => [file, importsOf(file, text)]))), null)
  const circle = new Map([
    ['a.ts', ['b.ts', 'd.ts']],
    ['b.ts', ['c.ts']],
    ['c.ts', ['b.ts']],
  ])
  t.same(findCycle(circle), ['b.ts', 'c.ts', 'b.ts'], 'one that is there is found')
})

t.test('a breach is found', async (t) => {
  t.match(breaches('audit/x.ts', "import { a } from '../restores/restore.ts'"), [/stands above/])
  t.match(breaches('restores/x.ts', "import { a } from '../snapshots/queries.ts'"), [/keeps to itself/])
  t.match(breaches('restores/x.ts', "const a = await import('../../test/support/app.ts')"), [/outside/])
  t.match(breaches('audit/x.ts', "import '../restores/routes.ts'"), [/stands above/])
  t.match(breaches('source/x.ts', 'const home = process.env.HOME'), [/process\.env/])
  t.same(breaches('restores/x.ts', "import { a } from '../snapshots/capture.ts'"), [])
})
