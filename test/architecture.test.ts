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
  'storage',
  'datasets',
  'snapshots',
  'restores',
  'dashboard',
]

/** Roles that a feature keeps to itself. */
const own = /\/(routes|schemas|queries)\.ts$/

/** What is wrong with one file, by its path below src/ and its text. */
function breaches(file: string, text: string): string[] {
  const found: string[] = []
  const room = file.split('/')[0]!
  for (const [, target] of text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)) {
    const path = relative(src, resolve(src, file, '..', target!))
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

t.test('the dependency rule holds in every file', async (t) => {
  const files = (await readdir(src, { recursive: true })).filter((file) => file.endsWith('.ts'))
  t.ok(files.length > 200)
  const rooms = new Set(files.filter((file) => file.includes('/')).map((file) => file.split('/')[0]))
  t.same([...rooms].sort(), order.toSorted(), 'every room has its place in the order')
  for (const file of files) t.same(breaches(file, await readFile(join(src, file), 'utf8')), [])
})

t.test('a breach is found', async (t) => {
  t.match(breaches('audit/x.ts', "import { a } from '../restores/restore.ts'"), [/stands above/])
  t.match(breaches('restores/x.ts', "import { a } from '../snapshots/queries.ts'"), [/keeps to itself/])
  t.match(breaches('restores/x.ts', "const a = await import('../../test/support/app.ts')"), [/outside/])
  t.match(breaches('source/x.ts', 'const home = process.env.HOME'), [/process\.env/])
  t.same(breaches('restores/x.ts', "import { a } from '../snapshots/capture.ts'"), [])
})
