import bidiFactory from 'bidi-js'

// Its types describe an ES module; what Node loads is the function itself.
const bidi = (bidiFactory as unknown as typeof bidiFactory.default)()

/**
 * Letters of the bidirectional classes L, R and AL: Latin, Cyrillic, Tamil, Chinese, Japanese and Korean ones; Hebrew;
 * Arabic.
 */
export const letters = [
  'A-Za-z\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u02b8\\u0400-\\u0481\\u048a-\\u052f\\u0b85-\\u0bbf\\u0bc1-\\u0bcc\\u3041-\\u3096\\u30a1-\\u30fa\\u4e00-\\u9fff\\uac00-\\ud7a3',
  '\\u05d0-\\u05ea',
  '\\u0620-\\u064a',
]

/** Marks of their class NSM, which goes with the letter before. */
export const marks = '\\u0300-\\u036f\\u0591-\\u05bd\\u064b-\\u065f\\u0bc0\\u0bcd'

/** Words whose letters are all of one class, and what stands between them: neither digits nor what goes with them. */
const alike = new RegExp(
  letters.map((some) => `[${some}][${some}${marks}]*(?:[ ,.;:!?'"-]+[${some}][${some}${marks}]*)*`).join('|'),
  'g',
)

/**
 * The levels of a text's characters (UTF-16 code units) by the bidirectional algorithm, UAX #9. Letters of one class end
 * up on one level, and so do blanks between them (rules W1 to N2): a single letter speaks for all of them.
 * @param text of one paragraph
 * @returns `base`: the paragraph's own level
 */
export function embeddingLevels(text: string): { levels: Uint8Array; base: number } {
  const runs: { start: number; length: number }[] = []
  const short = text.replace(alike, (run, start: number) => {
    runs.push({ start, length: run.length })
    return run[0]!
  })
  const found = bidi.getEmbeddingLevels(short)
  const levels = new Uint8Array(text.length)
  let from = 0
  let to = 0
  for (const { start, length } of runs) {
    levels.set(found.levels.subarray(from, from + start - to), to)
    from += start - to
    to = start + length
    levels.fill(found.levels[from++]!, start, to)
  }
  levels.set(found.levels.subarray(from), to)
  return { levels, base: found.paragraphs[0]?.level ?? 0 }
}

/** Brackets face the other way when they are read from the right. */
export function mirrored(text: string): string {
  return [...text].map((character) => bidi.getMirroredCharacter(character) ?? character).join('')
}
