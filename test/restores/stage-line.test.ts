import t from 'tap'
import type { Declaration } from '../../src/datasets/definition.ts'
import { dump, testEngine } from '../support/engine.ts'

const children = [
  {
    table: 'l.parts',
    as: 'parts',
    key: ['n'],
    children: [{ table: 'l.notes', as: 'the "notes"', key: ['id'] }],
  },
]
const declaration: Declaration = { dataset: 'lines', records: { table: 'l.texts', key: 'name', children } }

// Every character below 128, alone and among others; what COPY takes for more than text; text beyond ASCII.
const schema = `
  CREATE SCHEMA l;
  CREATE TABLE l.texts (name text PRIMARY KEY, "a ""b"" \\ c" text, empty text, yes boolean, number float8, document jsonb, list text[]);
  CREATE TABLE l.parts (name text REFERENCES l.texts, n int, gone json, PRIMARY KEY (name, n));
  CREATE TABLE l.notes (id int PRIMARY KEY, name text NOT NULL, n int NOT NULL, said text, FOREIGN KEY (name, n) REFERENCES l.parts);
  INSERT INTO l.texts SELECT chr(i), 'a' || chr(i) || 'b' || repeat(chr(i), 3), '', i % 2 = 0, CASE i % 4 WHEN 0 THEN '-0' WHEN 1 THEN 'NaN' WHEN 2 THEN 1e300 ELSE 0.1 END,
    jsonb_build_object('quote"', '{[,]}'), ARRAY['a,b', NULL, '"{}\\'] FROM generate_series(1, 127) AS i;
  INSERT INTO l.texts (name, "a ""b"" \\ c", empty) VALUES ('\\N', '\\.', NULL), ('\\\\N', E'\\\\n\\n\\\\\\n', '\\'), ('ü😀', '語\u0001"\\/😀', 'null'), (repeat('"\\', 40000), repeat('é"', 99999), '{');
  INSERT INTO l.parts SELECT name, n, '["\\\\", {"a": [1, "]}"]}]' FROM l.texts, generate_series(1, 2) AS n WHERE length(name) < 50;
  INSERT INTO l.notes SELECT row_number() OVER (ORDER BY name, n, i), name, n, name || i FROM l.parts, generate_series(1, 2) AS i WHERE n = 1;`

t.test('records that are gone come back from their lines with every character', async (t) => {
  const engine = await testEngine(t, schema, declaration)
  const tables = ['l.texts', 'l.parts', 'l.notes']
  const before = await dump(engine, ...tables)
  const manifest = await engine.take()
  await engine.sql('TRUNCATE l.texts, l.parts, l.notes')
  const { plan, warnings } = await engine.apply(manifest)
  t.match({ plan, warnings }, { plan: { operations: { create: 131 } }, warnings: [] })
  t.same(await dump(engine, ...tables), before)
})

t.test('what a line holds beside the columns and tables that there are now is passed over', async (t) => {
  const engine = await testEngine(t, schema, declaration)
  const manifest = await engine.take()
  await engine.sql('TRUNCATE l.texts, l.parts, l.notes')
  await engine.sql('ALTER TABLE l.parts DROP gone; ALTER TABLE l.texts DROP list, ADD added int DEFAULT 7')
  const [{ children: _notes, ...parts }] = children as [(typeof children)[0]]
  await engine.reload({ ...declaration, records: { ...declaration.records, children: [parts] } })
  const { plan } = await engine.apply(manifest)
  t.match(plan.tables, { 'l.texts': { create: 131 }, 'l.parts': { create: 260 } })
  t.same(await engine.sql('SELECT count(*)::int AS rows FROM l.notes'), [{ rows: 0 }])
})
