import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { printProblem } from '../../src/datasets/problem-list.ts'
import { parseDatasetFile, readDatasetFile } from '../../src/datasets/read-file.ts'
import { publishedSchema } from '../../src/datasets/schema.ts'
import { examples, exampleFile, folderOf } from './fixtures.ts'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { parse } from 'yaml'

function problemsOf(text: string, environment: Record<string, string> = {}): string[] {
  return parseDatasetFile('x.yaml', text, environment).problems.map(printProblem)
}

const right = 'dataset: x\nrecords:\n  table: a.b\n'

t.test('malformed files are told by line, and never throw', async (t) => {
  const cases: [string, string, RegExp[]][] = [
    ['empty', '', [/^x.yaml:1: must be a map/]],
    ['a list', '- 1', [/must be a map/]],
    ['a word', 'hello', [/must be a map/]],
    ['tabs', 'dataset: x\nrecords:\n\ttable: a.b', [/^x.yaml:3: is not well-formed YAML.*[Tt]ab/]],
    ['an open bracket', 'dataset: [x\nrecords: {}', [/not well-formed/]],
    ['a key twice', `${right}dataset: y`, [/^x.yaml:4: dataset: is there twice/]],
    ['two documents', `${right}---\ndataset: y`, [/several YAML documents/]],
    [
      'an anchor',
      'dataset: &a x\nrecords: {table: a.b}\ntitle: *a',
      [/^x.yaml:1: dataset: has an anchor/, /^x.yaml:3: title: refers to an anchor/],
    ],
    ['a bomb', bomb(), [/anchor/]],
    ['a merge key', 'dataset: x\nrecords: &r {table: a.b}\nexport:\n  <<: *r', [/anchor/]],
    ['a tag', 'dataset: !!js/function "x"\nrecords: {table: a.b}', [/tag/]],
    ['a key that is a map', `${right}? {a: b}\n: c`, [/key that is not a name/]],
    ['depth', '['.repeat(100_000), [/too deeply|not well-formed/]],
    ['depth in order', `${right}stats: ${'{a: '.repeat(80)}1${'}'.repeat(80)}`, [/more than 64 levels/]],
    ['length', `# ${'x'.repeat(1_000_001)}`, [/more than 1000000 characters/]],
    [
      'more than eight',
      Array.from({ length: 20 }, (_, i) => `k${i}: 1`).join('\n'),
      [/^x.yaml:20: k19: is not a known key/],
    ],
    ['many keys', Array.from({ length: 50_000 }, (_, i) => `k${i}: 1`).join('\n'), [/not a known key/]],
    ['many openings', `dataset: ${'${A:-'.repeat(100_000)}`, [/must be followed by a variable/]],
    ['__proto__', `${right}__proto__: {dataset: y}`, [/^x.yaml:4: __proto__: is not a known key/]],
    [
      'types',
      'dataset: 5\ntitle: [a]\nrecords:\n  table: true\n  key: 7\n  children: x',
      [
        /:1: dataset: must be text/,
        /:2: title: must be text/,
        /:4: records.table: must be text/,
        /:5: records.key: must be text or a list/,
        /:6: records.children: must be a list/,
      ],
    ],
    [
      'unknown keys',
      'dataset: x\nrecords:\n  table: a.b\n  lable: c\n  children:\n    - { table: a.c, ordre: x }',
      [
        /:4: records.lable: is not a known key here; did you mean .*"label"/,
        /:6: records.children\[0\].ordre: .*"order"/,
      ],
    ],
    [
      'what is missing',
      'title: x\nrecords: {}',
      [/`dataset` is required/, /:2: records: `table` is required/],
    ],
    [
      'names',
      'dataset: My Dataset\nrecords: {table: a.b, children: [{table: a.c, as: "a b"}]}',
      [/:1: dataset: must be a name of lower-case letters/, /children\[0\].as: must be a name/],
    ],
    [
      'policies',
      `${right}gate: { export: { maxAge: 1 hour }, sync: 5 }
backup: { schedule: daily, keep: 0, directory: ../up }
retention: { records: { age: 180 } }
export: { formats: [doc] }
notify: { telegram: { events: [everything] } }`,
      [
        /:4: gate.export.maxAge: must be a duration such as 90s/,
        /:4: gate.sync: must be true or false or a map/,
        /:5: backup.schedule: must be cron/,
        /:5: backup.keep: must be >= 1/,
        /:5: backup.directory: must be a relative path/,
        /:6: retention.records.age: must be text/,
        /:7: export.formats\[0\]: must be one of json, csv, pdf/,
        /:8: notify.telegram.events\[0\]: must be one of/,
      ],
    ],
  ]
  for (const [name, text, expected] of cases) {
    const problems = problemsOf(text)
    for (const wanted of expected)
      t.ok(
        problems.some((problem) => wanted.test(problem)),
        `${name}: ${wanted}`,
        { problems },
      )
  }
  t.same(problemsOf(right), [])
})

/** Ten levels of ten aliases each: a file of a few hundred bytes that would unfold to ten thousand million values. */
function bomb(): string {
  const lines = Array.from(
    { length: 10 },
    (_, i) =>
      `k${i}: &k${i} [${
        i === 0
          ? 'x'
          : Array(10)
              .fill(`*k${i - 1}`)
              .join(', ')
      }]`,
  )
  return `${right}${lines.join('\n')}`
}

t.test('values come from the environment', async (t) => {
  const read = (text: string, environment: Record<string, string> = {}) =>
    parseDatasetFile('x.yaml', `${right}${text}`, environment)
  t.match(read('title: ${A:-one} and ${B:-two}', { B: '2' }).declaration, { title: 'one and 2' })
  t.match(read('title: $${A}').declaration, { title: '${A}' })
  t.match(read('backup:\n  enabled: ${ON:-true}\n  keep: "${N:-3}"', { ON: 'false' }).declaration, {
    backup: { enabled: false, keep: 3 },
  })
  t.match(read('title: ${N}', { N: '5' }).declaration, { title: '5' }, 'text where text is wanted')
  t.match(problemsOf(`${right}backup: { keep: \${N} }`), [/"\$\{…\}" needs quotes/])
  t.match(
    read('title: ${T}', { T: '{a: b} # c\nrecords: x' }).declaration,
    { title: '{a: b} # c\nrecords: x' },
    'no structure comes with a value',
  )
  t.notHas(read('title: ${T:-}').declaration, { title: '' }, 'empty counts as not given')
  t.match(
    read('notify: { telegram: { botToken: "${TELEGRAM_BOT_TOKEN}" } }', { TELEGRAM_BOT_TOKEN: 'abc' })
      .declaration,
    { notify: { telegram: { botToken: 'abc' } } },
  )

  t.match(problemsOf(`${right}title: \${GONE}`), [/:4: title: GONE is not set/])
  t.match(problemsOf(`${right}title: \${toString}`), [/toString is not set/], 'own variables only')
  t.match(problemsOf(`${right}title: \${not a name}`), [/must be followed by a variable's name/])
  t.match(problemsOf(`${right}backup: { enabled: "\${ON}" }`, { ON: 'yes' }), [
    /backup.enabled: must be true or false/,
  ])
  t.match(problemsOf('dataset: ${D:-}\nrecords: {table: a.b}'), [/`dataset` is required \(D is empty\)/])
  for (const name of ['DATABASE_URL', 'TELEGRAM_BOT_TOKEN', 'AWS_SECRET_ACCESS_KEY', 'PGPASSWORD']) {
    const problems = problemsOf(`${right}title: \${${name}}`, { [name]: 'canary' })
    t.match(problems, [/looks like a secret/], name)
    t.notMatch(problems.join(), 'canary')
  }
})

t.test('files on disk', async (t) => {
  const folder = await folderOf(t, { 'good.yaml': right })
  const at = (name: string) => join(folder, name)
  await writeFile(at('latin.yaml'), Buffer.from([0x64, 0xe9, 0x0a]))
  await writeFile(at('huge.yaml'), 'x'.repeat(1_000_001))
  t.match(await readDatasetFile(at('good.yaml'), {}), { name: 'x', problems: [] })
  t.match(await readDatasetFile(at('latin.yaml'), {}), {
    name: 'latin',
    declaration: null,
    problems: [{ detail: 'is not UTF-8 text' }],
  })
  t.match(await readDatasetFile(at('huge.yaml'), {}), { problems: [{ detail: /may have 1000000/ }] })
  t.match(await readDatasetFile(at('gone.yaml'), {}), { problems: [{ detail: /ENOENT/ }] })
  t.match(await readDatasetFile(folder, {}), { problems: [{ detail: /EISDIR/ }] })
  await rename(at('good.yaml'), at('moved.yaml'))
  t.match(await readDatasetFile(at('moved.yaml'), {}), { file: 'moved.yaml' })
})

t.test('the published schema takes the examples and refuses what the loader refuses', async (t) => {
  const schema = publishedSchema
  const validate = new Ajv2020({ strict: false }).compile(schema)
  for (const name of examples) {
    const text = await readFile(exampleFile(name), 'utf8')
    // Editors see the file before values are put in: those are text to them.
    const declaration = parseDatasetFile('x.yaml', text, {}).declaration
    t.ok(validate(JSON.parse(JSON.stringify(declaration))), name, { errors: validate.errors })
  }
  t.notOk(validate(parse('dataset: x\nrecords: {table: a.b, children: [{tabel: a.c}]}')))
  t.notOk(
    validate(parse('dataset: x\nrecords: {table: a.b, children: [{table: a.c, children: [{table: 5}]}]}')),
  )
  t.match(JSON.stringify(schema), /"description":"Stable identifier/)
})
