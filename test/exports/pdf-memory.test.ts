import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { renderExport } from '../../src/exports/render-export.ts'
import { testEngine } from '../support/engine.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Of 200 different words, so that what is remembered of words weighs nothing. */
const text = `(SELECT string_agg('word' || abs(hashint8(n * 1000 + i)) % 200, ' ') FROM generate_series(1, 500) AS i)`
const schema = `
  CREATE TABLE notes (id int PRIMARY KEY);
  CREATE TABLE lines (id int PRIMARY KEY, note_id int NOT NULL REFERENCES notes, words text);
  INSERT INTO notes SELECT n FROM generate_series(0, 119) AS n;
  INSERT INTO lines SELECT n, n / 12, ${text} FROM generate_series(0, 120 * 12 - 1) AS n`
const declaration = {
  dataset: 'notes',
  records: { table: 'public.notes', children: [{ table: 'public.lines', as: 'lines' }] },
}

/** How things stand after a piece of the file. */
interface Look {
  /** Drawn so far. */
  records: number
  /** What is in use on the heap after a collection, in bytes: a record is strings. */
  inUse: number
}

t.test('a PDF of many records is handed on and let go while they come', async (t) => {
  const engine = await testEngine(t, schema, declaration)
  const [sum] = await engine.sql('SELECT sum(length(words))::int AS size FROM lines')
  const size = sum!['size'] as number
  const looks: Look[] = []
  let progress = { records: 0, bytes: 0 }
  const options = {
    source: engine.source,
    dataset: engine.dataset,
    scope: { all: true },
    format: 'pdf',
    includeChildren: true,
    title: null,
    createdBy: 'somebody@example.com',
    now: () => new Date('2026-11-20T10:00:00Z'),
    onProgress: (now: typeof progress) => (progress = now),
  } as const
  await renderExport(options, async (pieces) => {
    let next = 0
    for await (const _ of pieces) {
      if (progress.bytes < next) continue
      next = progress.bytes + 131_072
      collect()
      looks.push({ records: progress.records, inUse: process.memoryUsage().heapUsed })
    }
  })

  const first = looks.find(({ records }) => records < 20)
  const last = looks.findLast(({ records }) => records > 100 && records < 120)
  if (first === undefined || last === undefined) return t.fail('pages are kept instead of handed on')
  const grown = last.inUse - first.inUse
  t.ok(grown < size / 2, `${grown} bytes more in use at the end, of ${size} bytes of text`)
})
