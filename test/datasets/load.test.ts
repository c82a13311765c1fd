import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { datasetFiles, loadDatasets, type LoadOptions } from '../../src/datasets/load.ts'
import { watchDatasets } from '../../src/datasets/watch.ts'
import { sourceProblems } from '../../src/source/errors.ts'
import { folderOf, worldOf } from './fixtures.ts'

const file = (name: string, more = '') => `dataset: ${name}\n${more}records:\n  table: public.item\n`

t.test('one bad file never stops the others, and each source is read once', async (t) => {
  const { catalog } = await worldOf(t, 'CREATE TABLE item (id int PRIMARY KEY)')
  const folder = await folderOf(t, {
    'a.yaml': file('good'),
    'b.yml': 'records: [',
    'c.yaml': file('good'),
    'd.yaml': file('away', 'source: away\n'),
    'e.yaml': file('away-too', 'source: away\n'),
    'f.yaml': file('lost').replace('item', 'items'),
    '.hidden.yaml': 'x',
    'notes.txt': 'x',
  })
  await mkdir(join(folder, 'more'))
  await writeFile(join(folder, 'more', 'g.yaml'), file('below'))
  const reads: string[] = []
  const options: LoadOptions = {
    environment: {},
    timezone: 'Asia/Tokyo',
    catalogOf: async (source) => {
      reads.push(source)
      if (source === 'away') throw sourceProblems.SOURCE_UNREACHABLE('source "away": ECONNREFUSED')
      return catalog
    },
  }
  const files = await datasetFiles(folder)
  t.same(
    files.map((path) => path.slice(folder.length + 1)),
    ['a.yaml', 'b.yml', 'c.yaml', 'd.yaml', 'e.yaml', 'f.yaml', 'more/g.yaml'],
  )
  const { valid, invalid } = await loadDatasets(files, options)
  t.same([...valid.keys()], ['good', 'below'])
  t.equal(valid.get('good')?.timezone, 'Asia/Tokyo')
  t.same(reads.sort(), ['app', 'away'])
  t.match(
    [...invalid.values()],
    [
      { name: 'b', problems: [{ file: 'b.yml', line: 1 }], sourceProblem: null },
      {
        name: 'good (c.yaml)',
        problems: [{ file: 'c.yaml', line: 1, detail: 'the name "good" is taken by a.yaml' }],
      },
      {
        name: 'away',
        problems: [{ line: 2, path: 'source', detail: /ECONNREFUSED/ }],
        sourceProblem: { code: 'SOURCE_UNREACHABLE' },
      },
      { name: 'away-too', sourceProblem: { code: 'SOURCE_UNREACHABLE' } },
      { name: 'lost', problems: [{ file: 'f.yaml', line: 3, detail: /did you mean "public.item"/ }] },
    ],
  )
  t.same(await datasetFiles(join(folder, 'nowhere')), [])
  const bug = new TypeError('ours')
  await t.rejects(
    loadDatasets(files, { ...options, catalogOf: () => Promise.reject(bug) }),
    bug,
    'no bug passes for a problem',
  )
})

t.test('every way of saving is noticed, once', async (t) => {
  const folder = await folderOf(t, { 'a.yaml': file('a') })
  const at = (name: string) => join(folder, name)
  let changes = 0
  let noticed = Promise.withResolvers<void>()
  const watching = await watchDatasets(
    folder,
    () => {
      changes++
      noticed.resolve()
    },
    { settleMs: 20, lookMs: 200 },
  )
  t.teardown(() => watching.close())
  // The look over the folder keeps no process alive by itself.
  const alive = setInterval(() => undefined, 1000)
  t.teardown(() => clearInterval(alive))
  const saving = async (name: string, save: () => Promise<unknown>) => {
    noticed = Promise.withResolvers<void>()
    const before = changes
    await save()
    await noticed.promise
    t.equal(changes, before + 1, name)
  }
  await saving('written over', () => writeFile(at('a.yaml'), file('a', 'title: x\n')))
  await saving('renamed over, as editors do', async () => {
    await writeFile(at('.a.swp'), file('a', 'title: y\n'))
    await rename(at('.a.swp'), at('a.yaml'))
  })
  await saving('a new file', () => writeFile(at('b.yaml'), file('b')))
  await saving('a new folder with a file', async () => {
    await mkdir(at('more'))
    await writeFile(at('more/c.yaml'), file('c'))
  })
  await saving('a file in that folder', () => writeFile(at('more/c.yaml'), file('d')))
  await saving('removed', () => rm(at('b.yaml')))
  await saving('the folder gone', () => rm(folder, { recursive: true }))
  await saving('the folder back', async () => {
    await mkdir(folder)
    await writeFile(at('a.yaml'), file('a'))
  })
  watching.close()
  await writeFile(at('z.yaml'), file('z'))
  t.equal(changes, 8, 'nothing after the end')
})
