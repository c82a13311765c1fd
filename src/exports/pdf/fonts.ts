import { fileURLToPath } from 'node:url'
import type PDFDocument from 'pdfkit'

/** A glyph, as fontkit has it; lengths in the font's own units. */
interface Glyph {
  id: number
  advanceWidth: number
  codePoints: number[]
}

interface Position {
  xAdvance: number
  xOffset: number
  yOffset: number
}

/** A font inside a document, as pdfkit keeps it: the parts of it that text is set with. */
export interface PdfFont {
  /** Its name in the document's pages. */
  id: string
  /** From its own units to thousandths of the size. */
  scale: number
  widths: number[]
  unicode: number[][]
  /** `glyphs` are the font's, by the codes they have in the document. */
  subset: { glyphs: number[]; includeGlyph(id: number): number }
  font: {
    _glyphs: object
    hasGlyphForCodePoint(codePoint: number): boolean
    glyphForCodePoint(codePoint: number): Glyph
    layout(
      text: string,
      features?: undefined,
      script?: undefined,
      language?: undefined,
      direction?: 'ltr' | 'rtl',
    ): { glyphs: Glyph[]; positions: Position[] }
  }
  /** The object that pages refer to. */
  ref(): object
}

const at = (path: string) => fileURLToPath(import.meta.resolve(path))
const beside = (name: string, path: string) => fileURLToPath(new URL(path, import.meta.resolve(name)))

/** In the order in which they are asked for a character; the first two by weight. */
const files = {
  regular: () => at('@expo-google-fonts/noto-sans/400Regular/NotoSans_400Regular.ttf'),
  bold: () => at('@expo-google-fonts/noto-sans/700Bold/NotoSans_700Bold.ttf'),
  arabic: () => at('@expo-google-fonts/noto-sans-arabic/400Regular/NotoSansArabic_400Regular.ttf'),
  hebrew: () => at('@expo-google-fonts/noto-sans-hebrew/400Regular/NotoSansHebrew_400Regular.ttf'),
  tamil: () => at('@expo-google-fonts/noto-sans-tamil/400Regular/NotoSansTamil_400Regular.ttf'),
  chinese: () => beside('@embedpdf/fonts-sc', '../fonts/NotoSansHans-Regular.otf'),
  korean: () => beside('@embedpdf/fonts-kr', '../fonts/NotoSansKR-Regular.otf'),
  emoji: () => at('@expo-google-fonts/noto-emoji/400Regular/NotoEmoji_400Regular.ttf'),
}

const fallbacks = ['arabic', 'hebrew', 'tamil', 'chinese', 'korean', 'emoji'] as const

export type Weight = 'regular' | 'bold'

/** The fonts of one document, each opened when a character first needs it. */
export class Fonts {
  #document: PDFKit.PDFDocument
  #open = new Map<keyof typeof files, PdfFont>()
  #found: Record<Weight, Map<number, PdfFont | null>> = { regular: new Map(), bold: new Map() }

  constructor(document: InstanceType<typeof PDFDocument>) {
    this.#document = document
  }

  get(name: keyof typeof files): PdfFont {
    const known = this.#open.get(name)
    if (known !== undefined) return known
    this.#document.font(files[name]())
    const opened = (this.#document as unknown as { _font: PdfFont })._font
    this.#open.set(name, opened)
    return opened
  }

  /** The font that has a character; null when none does. */
  for(codePoint: number, weight: Weight): PdfFont | null {
    const found = this.#found[weight]
    const known = found.get(codePoint)
    if (known !== undefined) return known
    const names = [weight, ...fallbacks] as const
    const name = names.find((one) => this.get(one).font.hasGlyphForCodePoint(codePoint))
    const font = name === undefined ? null : this.get(name)
    found.set(codePoint, font)
    return font
  }
}
