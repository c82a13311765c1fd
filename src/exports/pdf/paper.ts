import { deflateSync } from 'node:zlib'
import PDFDocument from 'pdfkit'
import { Fonts, type PdfFont, type Weight } from './fonts.ts'
import { Shaper, type Run } from './shape.ts'
import { Typesetter, type Line } from './typeset.ts'

/** Where on which page something stands. */
export interface Place {
  /** From 1, as printed. */
  page: number
  /** The page's object in the document. */
  ref: object
  /** From the top, in points. */
  y: number
}

/** What pdfkit keeps of a page, as far as it has no method for it. */
interface Page {
  dictionary: { data: { Contents?: object } }
  content: object
  fonts: Record<string, object>
  xobjects: Record<string, object>
}

/** An object of the document with bytes of its own. */
interface Stream {
  data: object
  end(content: string | Uint8Array): void
}

export type Grey = 0 | 0.35 | 0.5 | 0.85

const size = { width: 595.28, height: 841.89 }
const margin = { left: 50, right: 50, top: 64, bottom: 56 }
const small = 7.5

/** Of zlib: a third of the time of its default, for a seventh more bytes. On a thread it would take longer than here. */
const level = 4

/** A4 pages one after the other, each written out when the next begins, with a header and a footer. */
export class Paper {
  readonly document: PDFKit.PDFDocument
  readonly type: Typesetter
  readonly left = margin.left
  readonly width = size.width - margin.left - margin.right
  readonly bottom = size.height - margin.bottom
  readonly top = margin.top
  /** Where the next thing goes, from the top. */
  y = margin.top
  /** The number of the page at hand. */
  page = 0
  #header: { left: string; right: string }
  #total: Stream
  /** Of the page at hand. */
  #stream: Stream | null = null
  /** What it shows so far, as operators. */
  #content = ''

  /** @param header what every page says at its top */
  constructor(header: { left: string; right: string }, info: Record<string, string | Date>) {
    this.document = new PDFDocument({
      autoFirstPage: false,
      font: null as unknown as string,
      size: [size.width, size.height],
      margin: 0,
      pdfVersion: '1.7',
      lang: 'en',
      displayTitle: true,
      info,
    })
    this.type = new Typesetter(new Shaper(new Fonts(this.document)))
    this.#header = header
    // How many pages there are is known when all are written: each refers to the same drawing, which comes last.
    this.#total = this.#newStream({
      Type: 'XObject',
      Subtype: 'Form',
      BBox: [0, -5, 120, 15],
    })
  }

  /** Begins a page. @param number as printed; the one after the page before unless told otherwise */
  newPage(number = this.page + 1): void {
    this.#finishPage()
    const written = this.document.page as unknown as Page | null
    this.document.addPage()
    // It is in the file; what the document keeps of it is there to be referred to.
    if (written !== null) written.dictionary.data = {}
    this.#stream = this.#newStream({ Filter: 'FlateDecode' })
    this.#raw.dictionary.data.Contents = [this.#raw.content, this.#stream]
    this.page = number
    if (number > 1) this.#drawHeader()
    const [footY, words] = [size.height - 32, `Page ${number}`]
    const line = this.type.line(words, 100, small)
    const x = this.left + this.width / 2 - line.width
    this.draw(line, x, footY, small, 0.5)
    this.#raw.xobjects['Total'] = this.#total
    this.#add(`q 1 0 0 -1 ${round(x + line.width + small / 4)} ${footY} cm /Total Do Q`)
    this.y = this.top
  }

  #newStream(data: object): Stream {
    return (this.document as unknown as { ref(data: object): Stream }).ref(data)
  }

  /** pdfkit would take what a page shows line by line, letter by letter, and compress it at zlib's default. */
  #finishPage(): void {
    this.#stream?.end(deflateSync(Buffer.from(this.#content, 'latin1'), { level }))
    this.#content = ''
  }

  #drawHeader(): void {
    const right = this.type.line(this.#header.right, this.width / 2, small)
    const left = this.type.line(this.#header.left, this.width / 2 - 10, small)
    this.draw(left, this.left, 40, small, 0.5)
    this.draw(right, this.left + this.width - right.width, 40, small, 0.5)
    this.rule(47)
  }

  /** Begins another page unless this much of the one at hand is left, in points. @returns whether it did */
  need(height: number): boolean {
    if (this.y + height <= this.bottom) return false
    this.newPage()
    return true
  }

  here(): Place {
    return { page: this.page, ref: this.#raw.dictionary, y: size.height - this.y }
  }

  /** Writes text below what is there, on as many lines and pages as it takes. */
  write(
    text: string,
    { size: points, weight = 'regular', grey = 0 }: { size: number; weight?: Weight; grey?: Grey },
  ): void {
    for (const line of this.type.lines(text, this.width, points, weight)) {
      this.need(points * leading)
      this.drawIn(line, this.left, this.width, this.y + points, points, grey)
      this.y += points * leading
    }
  }

  /** A line in a column, at its right where it is read from there. @param baseline from the top */
  drawIn(line: Line, x: number, width: number, baseline: number, points: number, grey: Grey = 0): void {
    this.draw(line, line.rtl ? x + width - line.width : x, baseline, points, grey)
  }

  /** @param baseline from the top */
  draw({ runs }: Line, x: number, baseline: number, points: number, grey: Grey = 0): void {
    if (runs.length === 0) return
    let content = `BT ${grey} g 1 0 0 -1 ${round(x)} ${round(baseline)} Tm`
    let font: PdfFont | null = null
    let open = ''
    for (const run of runs) {
      if (run.font !== font) {
        if (open !== '') content += ` [${open}] TJ`
        open = ''
        font = run.font
        this.#raw.fonts[font.id] ??= font.ref()
        content += ` /${font.id} ${points} Tf`
      }
      if (run.raised === null) open += run.tj
      else {
        if (open !== '') content += ` [${open}] TJ`
        open = ''
        content += raised(run, points)
      }
    }
    this.#add(`${content}${open === '' ? '' : ` [${open}] TJ`} ET`)
  }

  /** A thin line across. @param y from the top */
  rule(y: number, x = this.left, width = this.width): void {
    this.#add(`0.85 G 0.4 w ${round(x)} ${round(y)} m ${round(x + width)} ${round(y)} l S`)
  }

  /** Makes a place on the page at hand lead somewhere. */
  link(x: number, y: number, width: number, height: number, { ref, y: to }: Place): void {
    const target = { Subtype: 'Link', Dest: [ref, 'XYZ', null, to, null] }
    this.document.annotate(x, y, width, height, target as unknown as PDFKit.Mixins.AnnotationOption)
  }

  /**
   * Moves the pages written last to stand after another.
   * @param count how many
   * @param after the number of the page that they follow
   */
  movePages(count: number, after: number): void {
    const { Kids } = (
      this.document as unknown as { _root: { data: { Pages: { data: { Kids: object[] } } } } }
    )._root.data.Pages.data
    Kids.splice(after, 0, ...Kids.splice(Kids.length - count, count))
  }

  /** Writes what comes last. @param pages how many there are */
  end(pages: number): void {
    this.#finishPage()
    const { runs } = this.type.line(`of ${pages}`, 120, small)
    const fonts = Object.fromEntries(runs.map(({ font }) => [font.id, font.ref()]))
    Object.assign(this.#total.data, { Resources: { Font: fonts } })
    const shown = runs.map(({ font, tj }) => `/${font.id} ${small} Tf [${tj}] TJ`).join(' ')
    this.#total.end(`BT 0.5 g ${shown} ET`)
    this.document.end()
  }

  /** The bytes that are ready. */
  *ready(): Generator<Buffer> {
    for (;;) {
      const chunk = this.document.read() as Buffer | null
      if (chunk === null) return
      yield chunk
    }
  }

  #add(operators: string): void {
    this.#content += `${operators}\n`
  }

  get #raw(): Page {
    return this.document.page as unknown as Page
  }
}

/** From one line to the next, in sizes of the letters. */
export const leading = 1.4

/** Parts of a run that stand higher or lower than the line. */
function raised({ raised }: Run, points: number): string {
  const parts = raised!.map(({ rise, tj }) => ` ${round((rise * points) / 1000)} Ts [${tj}] TJ`)
  return `${parts.join('')} 0 Ts`
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
