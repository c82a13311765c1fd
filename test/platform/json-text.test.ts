import fc from 'fast-check'
import t from 'tap'
import { readJson } from '../../src/platform/json-text.ts'

t.test('reads what JSON.parse reads', async (t) => {
  fc.assert(
    fc.property(fc.json(), (text) => t.matchOnlyStrict(readJson(text), { value: JSON.parse(text) })),
    {
      numRuns: 50,
    },
  )
})

t.test('says where JSON ends, for any damage, in line with JSON.parse', async () => {
  fc.assert(
    fc.property(
      fc.json({ maxDepth: 4 }),
      fc.nat(),
      fc.constantFrom('', '}', ']', ',', ':', '"', 'x', '01', '\\'),
      (text, at, junk) => {
        const damaged =
          text.slice(0, at % (text.length + 1)) + junk + text.slice((at % (text.length + 1)) + 1)
        const read = readJson(damaged)
        let parses = true
        try {
          JSON.parse(damaged)
        } catch {
          parses = false
        }
        if (parses !== 'value' in read) throw new Error(damaged)
        if ('fault' in read && read.fault.place === null) throw new Error(`no place: ${damaged}`)
      },
    ),
    { numRuns: 2000 },
  )
})

t.test('names the place and what was expected there', async (t) => {
  const faults: [string, number, number, string][] = [
    ['', 1, 1, 'has to have a value here'],
    ['{"a": x}', 1, 7, 'has to have a value here'],
    ['{\n  "a": 1,\n}', 3, 1, 'has to have a name in double quotes here'],
    ['[1 2]', 1, 4, 'has to have , or ] here'],
    ['{"a" 1}', 1, 6, 'has to have : here'],
    ['{"a":1}}', 1, 8, 'has to have the end here'],
    ['[01]', 1, 2, 'has to have a value or ] here'],
    ['["\t"]', 1, 2, 'has to have a value or ] here'],
    ['{"a":"b', 1, 6, 'has to have a value here'],
  ]
  for (const [text, line, column, reason] of faults)
    t.same(readJson(text), { fault: { place: { line, column }, reason } }, text)
})

t.test('refuses nesting that recursive code could not follow, fast', async (t) => {
  for (const text of ['['.repeat(100_000), '[{"a":'.repeat(100_000), '['.repeat(65) + ']'.repeat(65)]) {
    const start = performance.now()
    t.match(readJson(text), { fault: { reason: 'is nested more than 64 levels deep' } })
    t.ok(performance.now() - start < 200)
  }
  t.match(readJson('['.repeat(64) + ']'.repeat(64)), { value: [[[]]] })
  t.same(readJson(`"${'['.repeat(100)}\\"${'{'.repeat(100)}"`), {
    value: `${'['.repeat(100)}"${'{'.repeat(100)}`,
  })
})
