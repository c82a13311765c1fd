import { Fonts, type PdfFont, type Weight } from './fonts.ts'

/** A piece of text in one font, ready to be drawn. */
export interface Run {
  font: PdfFont
  /** What stands between the brackets of a TJ operator, a character a byte; see ISO 32000-1, 9.4.3 and 7.3.4.2. */
  tj: string
  /** Marks above or below stand apart: each part by how far it is raised, in thousandths of the size. */
  raised: { rise: number; tj: string }[] | null
  /** In thousandths of the size. */
  width: number
}

/** What has to go through the font's own rules: marks, joined and reordered scripts, sequences of emoji. */
const complex =
  /[\p{M}\p{Join_Control}\p{Emoji_Modifier}\p{Regional_Indicator}\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Tamil}]/u

/** These show nothing by themselves; a font that lacks them loses nothing. */
const invisible = /^\p{Default_Ignorable_Code_Point}$/u

/** These take the font of what stands before them. */
const attached = /^[\p{M}\p{Default_Ignorable_Code_Point}\p{Emoji_Modifier}]$/u

/** Turns text into glyphs of the fonts that have them. */
export class Shaper {
  readonly fonts: Fonts
  #glyphs = new Map<PdfFont, Map<number, { code: string; width: number }>>()

  constructor(fonts: Fonts) {
    this.fonts = fonts
  }

  /**
   * @param text without line feeds
   * @param rtl true for text of right-to-left scripts; the runs come in the order in which they are drawn, from the left
   */
  shape(text: string, weight: Weight, rtl = false): Run[] {
    const runs = this.#byFont(text, weight).map(({ font, text }) =>
      rtl || complex.test(text) ? layOut(font, text, rtl) : this.plain(font, text),
    )
    return rtl ? runs.toReversed() : runs
  }

  /** Splits text where its characters need another font. What no font has is spelled out: `[U+13000]`. */
  #byFont(text: string, weight: Weight): { font: PdfFont; text: string }[] {
    const parts: { font: PdfFont; text: string }[] = []
    const add = (font: PdfFont, piece: string) => {
      const last = parts.at(-1)
      if (last?.font === font) last.text += piece
      else parts.push({ font, text: piece })
    }
    for (const character of text) {
      const codePoint = character.codePointAt(0)!
      const before = parts.at(-1)?.font
      if (before?.font.hasGlyphForCodePoint(codePoint) && attached.test(character)) add(before, character)
      else {
        const font = this.fonts.for(codePoint, weight)
        if (font !== null) add(font, character)
        else if (!invisible.test(character))
          add(this.fonts.get(weight), `[U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}]`)
      }
    }
    return parts
  }

  /** Letters that stand one beside the other. @param text all of which the font has */
  plain(font: PdfFont, text: string): Run {
    let glyphs = this.#glyphs.get(font)
    if (glyphs === undefined) this.#glyphs.set(font, (glyphs = new Map()))
    let codes = ''
    let width = 0
    for (const character of text) {
      const codePoint = character.codePointAt(0)!
      let glyph = glyphs.get(codePoint)
      if (glyph === undefined) {
        const { id, advanceWidth } = font.font.glyphForCodePoint(codePoint)
        glyph = { code: include(font, id, advanceWidth, [codePoint]), width: advanceWidth * font.scale }
        glyphs.set(codePoint, glyph)
      }
      codes += glyph.code
      width += glyph.width
    }
    return { font, tj: `(${codes})`, raised: null, width }
  }
}

/** By the font's own rules: letters that join, marks where they belong. */
function layOut(font: PdfFont, text: string, rtl: boolean): Run {
  // fontkit keeps a glyph with the text that it first stood for, and would say so of every other.
  font.font._glyphs = {}
  const { glyphs, positions } = font.font.layout(text, undefined, undefined, undefined, rtl ? 'rtl' : 'ltr')
  const parts: { rise: number; tj: string }[] = []
  let width = 0
  for (const [i, { id, advanceWidth, codePoints }] of glyphs.entries()) {
    const { xAdvance, xOffset, yOffset } = positions[i]!
    const code = include(font, id, advanceWidth, codePoints)
    const [before, after] = [-xOffset * font.scale, -(xAdvance - xOffset - advanceWidth) * font.scale]
    const rise = Math.round(yOffset * font.scale)
    if (parts.at(-1)?.rise !== rise) parts.push({ rise, tj: '' })
    parts.at(-1)!.tj += `${shift(before)}(${code})${shift(after)}`
    width += xAdvance * font.scale
  }
  const isFlat = parts.every(({ rise }) => rise === 0)
  return { font, tj: parts.map(({ tj }) => tj).join(''), raised: isFlat ? null : parts, width }
}

function shift(thousandths: number): string {
  return Math.abs(thousandths) < 0.5 ? '' : ` ${Math.round(thousandths)} `
}

/** What a glyph says that is only part of a letter, such as its dots: nothing that anybody sees or searches for. */
const partOfLetter = [0x200d]

/**
 * Takes a glyph into the document's part of the font. One that stands for several texts, as the body that letters share
 * which differ in their dots, is taken in for each, so that a reader's search finds what was written.
 * @returns its code there, two bytes, as they stand in a string
 */
function include(font: PdfFont, id: number, advanceWidth: number, codePoints: number[]): string {
  const text = codePoints.length === 0 ? partOfLetter : codePoints
  const first = font.subset.includeGlyph(id)
  const code = says(font, first, text) ? first : another(font, id, text)
  font.widths[code] ??= advanceWidth * font.scale
  font.unicode[code] ??= text
  return String.fromCharCode(code >> 8, code & 0xff).replace(/[()\\\r]/g, (byte) =>
    byte === '\r' ? '\\r' : `\\${byte}`,
  )
}

function says({ unicode }: PdfFont, code: number, text: number[]): boolean {
  const known = unicode[code]
  return known === undefined || String(known) === String(text)
}

/** The code of the same glyph for another text. */
function another({ subset, unicode }: PdfFont, id: number, text: number[]): number {
  const known = subset.glyphs.findIndex(
    (glyph, code) => glyph === id && String(unicode[code]) === String(text),
  )
  return known < 0 ? subset.glyphs.push(id) - 1 : known
}
