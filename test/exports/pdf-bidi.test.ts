import bidiFactory from 'bidi-js'
import fc from 'fast-check'
import t from 'tap'
import { embeddingLevels, letters, marks } from '../../src/exports/pdf/bidi.ts'

const bidi = (bidiFactory as unknown as typeof bidiFactory.default)()

const words = [
  'Holdfast',
  'a',
  'שלום',
  'ש',
  'سلام',
  'س',
  'ـ',
  'بِسْمِ',
  '12',
  '٣٤',
  '3,5',
  '-7',
  '+',
  '%',
  'été',
  'заказ',
  'e\u0301te',
  '中文',
  'தமிழ்',
  '한글',
  'かな',
  '😀',
]
const between = [
  ' ',
  '  ',
  '\t',
  '(',
  ')',
  '[',
  ']',
  '<',
  '»',
  '"',
  '.',
  ',',
  '/',
  '-',
  "'",
  '\u0301',
  '\u05b8',
]
/** Marks, embeddings, overrides and isolates, and what ends them. */
const formatting = ['\u200e', '\u200f', '\u061c', '\u202a', '\u202b', '\u202c', '\u202d', '\u202e']
const isolates = ['\u2066', '\u2067', '\u2068', '\u2069']

t.test('one letter that speaks for many leaves every level as the whole text has it', async (t) => {
  const part = fc.constantFrom(...words, ...words, ...between, ...between, ...formatting, ...isolates)
  const directions = new Set<number>()
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
      const text = parts.join('')
      const wanted = bidi.getEmbeddingLevels(text)
      const { levels, base } = embeddingLevels(text)
      for (const level of levels) directions.add(level)
      return base === (wanted.paragraphs[0]?.level ?? 0) && Buffer.compare(levels, wanted.levels) === 0
    }),
    { numRuns: 20_000 },
  )
  t.ok(directions.size > 4, 'of texts with several levels')
})

t.test('each of those letters and marks is of the class that is said', async (t) => {
  const codeUnits = Array.from({ length: 0x10000 }, (_, unit) => String.fromCharCode(unit))
  for (const [i, name] of ['L', 'R', 'AL', 'NSM'].entries()) {
    const some = codeUnits.filter((unit) => new RegExp(`[${[...letters, marks][i]}]`).test(unit))
    t.ok(some.length > 20)
    t.same(new Set(some.map((letter) => bidi.getBidiCharTypeName(letter))), new Set([name]))
  }
})
