import t from 'tap'
import { nastyValues, setup } from '../source/nasty-values.ts'
import { csvRows, unzip } from './read-files.ts'
import { readPdf } from './read-pdf.ts'
import { renderer } from './render.ts'

const cells = `
  CREATE TYPE mood AS ENUM ('=calm', 'sad');
  CREATE TABLE cells (
    id int PRIMARY KEY, words text, number numeric, small int, mood mood, day date, at timestamptz, document json,
    list int[], "=name" varchar(10)
  )`

const declaration = { dataset: 'cells', records: { table: 'public.cells' } }

t.test('cells that a spreadsheet would run are defused, numbers stay numbers', async (t) => {
  const { engine, render } = await renderer(t, cells, declaration)
  const harmful = [
    '=1+1',
    '+1',
    '-1',
    '@SUM(A1)',
    '\tx',
    '\rx',
    '\nx',
    '＝1',
    '＋1',
    '－1',
    '＠x',
    '=a"b,c\r\nd',
  ]
  const harmless = [
    "it's",
    '',
    'a=b',
    ' =1',
    '"quoted"',
    'a,b',
    'two\nlines',
    'two\r\nlines',
    '\\.',
    'ünï 😀',
  ]
  const literal = (text: string) =>
    `e'${text.replace(/['\\]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t')}'`
  for (const [i, text] of [...harmful, ...harmless].entries())
    await engine.sql(
      `INSERT INTO cells VALUES (${i}, ${literal(text)}, -5.50, -7, '=calm', '-infinity', '-infinity', '{}', '{-1}', '-x')`,
    )
  await engine.sql('INSERT INTO cells (id) VALUES (100)')
  const rows = csvRows((await render('csv')).toString())
  const wanted = [...harmful.map((text) => `'${text}`), ...harmless, null]
  t.same(
    rows.map(({ words }) => words),
    wanted,
  )
  t.match(rows[0], {
    number: '-5.50',
    small: '-7',
    mood: "'=calm",
    day: "'-infinity",
    at: "'-infinity",
    list: '{-1}',
    "'=name": "'-x",
  })
  for (const value of Object.values(rows.at(-1)!).slice(1)) t.equal(value, null, 'NULL is empty')
})

t.test('every type comes out in every format', async (t) => {
  const types = Object.entries(nastyValues)
  const most = Math.max(...types.map(([, values]) => values.length))
  const columns = types.map(([type], i) => `c${i} ${type}`).join(', ')
  const row = (n: number) => types.map(([, values]) => values[n] ?? 'NULL').join(', ')
  const rows = Array.from({ length: most + 1 }, (_, n) => `(${n}, ${row(n)})`)
  const schema = `${setup}; SET datestyle = 'ISO, YMD'; CREATE TABLE nasty (id int PRIMARY KEY, ${columns});
    INSERT INTO nasty VALUES ${rows.join(', ')}`
  const nasty = { dataset: 'nasty', records: { table: 'public.nasty' } }
  const { engine, render } = await renderer(t, schema, nasty)

  const json = (await render('json')).toString()
  const records = JSON.parse(json) as Record<string, unknown>[]
  t.equal(records.length, most + 1)
  t.equal(json.trimEnd().split('\n').length, records.length + 2, 'one record a line, whatever is in it')
  const plain = ['text', 'uuid', 'int4', 'boolean']
  const [{ id: _id, ...first }] = records as [Record<string, unknown>]
  t.equal(Object.keys(first).length, types.length)
  const index = (type: string) => `c${types.findIndex(([name]) => name === type)}`
  t.equal(records[0]![index('int8')], '9223372036854775807', 'a number that readers would round stays text')
  for (const type of plain) t.not(records[0]![index(type)], undefined)

  const csv = csvRows((await render('csv')).toString())
  t.equal(csv.length, most + 1)
  for (const [i, [type]] of types.entries()) {
    const [expected] = await engine.sql(`SELECT count(c${i})::int AS set FROM nasty`)
    t.equal(
      csv.filter((cells) => cells[`c${i}`] !== null).length,
      expected!['set'],
      `${type}: no value is lost`,
    )
  }
  const { pages } = await readPdf(await render('pdf'))
  t.match(pages.join('\n'), '9223372036854775807')
})

t.test('documents, arrays and composites are nested in JSON, on one line', async (t) => {
  const { engine, render } = await renderer(t, cells, declaration)
  await engine.sql(
    `INSERT INTO cells (id, document, list) VALUES (1, e'{\\n"a":\\r\\n[1, "\\\\n"]}', '{1,NULL}')`,
  )
  const text = (await render('json')).toString()
  t.match(JSON.parse(text), [{ document: { a: [1, '\n'] }, list: [1, null] }])
  t.equal(text.trimEnd().split('\n').length, 3)
})

t.test('children carry the keys of those above them; references show what they stand for', async (t) => {
  const { render } = await renderer(
    t,
    `CREATE TABLE people (id int PRIMARY KEY, email text UNIQUE NOT NULL, name text);
     CREATE TABLE boxes (shelf text, number int, owner_id int, PRIMARY KEY (shelf, number));
     CREATE TABLE folders (id int PRIMARY KEY, shelf text, number int, FOREIGN KEY (shelf, number) REFERENCES boxes);
     CREATE TABLE sheets (id int PRIMARY KEY, folder_id int REFERENCES folders, words text);
     INSERT INTO people VALUES (1, '=a@example.com', 'Ana');
     INSERT INTO boxes VALUES ('A', 1, 1), ('A', 2, 99), ('B', 1, NULL);
     INSERT INTO folders VALUES (10, 'A', 1), (11, 'B', 1);
     INSERT INTO sheets VALUES (100, 10, 'x'), (101, 11, 'y'), (102, 11, NULL)`,
    {
      dataset: 'boxes',
      records: {
        table: 'public.boxes',
        references: { owner_id: { table: 'public.people', key: 'email', include: ['name'] } },
        children: [
          { table: 'public.folders', as: 'folders', children: [{ table: 'public.sheets', as: 'sheets' }] },
        ],
      },
    },
  )
  const files = await unzip(await render('csv'))
  t.match(csvRows(files.get('public.boxes.csv')!), [
    { shelf: 'A', number: '1', owner_id: "'=a@example.com", 'owner_id.name': 'Ana' },
    { shelf: 'A', number: '2', owner_id: 'unresolved 99', 'owner_id.name': null },
    { shelf: 'B', number: '1', owner_id: null },
  ])
  t.same(csvRows(files.get('public.sheets.csv')!), [
    { 'boxes.shelf': 'A', 'boxes.number': '1', 'folders.id': '10', id: '100', words: 'x' },
    { 'boxes.shelf': 'B', 'boxes.number': '1', 'folders.id': '11', id: '101', words: 'y' },
    { 'boxes.shelf': 'B', 'boxes.number': '1', 'folders.id': '11', id: '102', words: null },
  ])
  const records = JSON.parse((await render('json')).toString()) as object[]
  t.match(records[2], { shelf: 'B', folders: [{ id: 11, sheets: [{ id: 101 }, { id: 102 }] }] })
  const { pages } = await readPdf(await render('pdf'))
  t.match(pages.join('\n'), /=a@example\.com \(name: Ana\)/)
})

t.test('tables whose names no file can have each have their file in the zip', async (t) => {
  const { render } = await renderer(
    t,
    `CREATE TABLE boxes (id int PRIMARY KEY);
     CREATE TABLE "/\\a:b" (id int PRIMARY KEY, box_id int REFERENCES boxes);
     CREATE TABLE "__A_B" (id int PRIMARY KEY, box_id int REFERENCES boxes);
     INSERT INTO boxes VALUES (1);
     INSERT INTO "/\\a:b" VALUES (2, 1);
     INSERT INTO "__A_B" VALUES (3, 1)`,
    {
      dataset: 'boxes',
      records: {
        table: 'public.boxes',
        children: [
          { table: 'public./\\a:b', as: 'odd' },
          { table: 'public.__A_B', as: 'even' },
        ],
      },
    },
  )
  const files = await unzip(await render('csv'))
  const [readMe, ...names] = [...files.keys()]
  t.equal(readMe, 'README.txt')
  t.same(names, ['public.boxes.csv', 'public.__a_b.csv', 'public.__A_B-2.csv'])
  t.match(files.get(readMe!), names.join('\r\n'), 'by the names that they have there')
  t.same(csvRows(files.get(names[1]!)!), [{ 'boxes.id': '1', id: '2' }])
  t.same(csvRows(files.get(names[2]!)!), [{ 'boxes.id': '1', id: '3' }])
})
