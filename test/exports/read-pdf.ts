import { getDocument } from 'pdfjs-dist/legacy/build/pdf.mjs'

export interface ReadPdf {
  title: string
  /** The text of each page, line by line, as a reader finds it when it searches. */
  pages: string[]
  /** The number of the page that each link of a page leads to, from 1. */
  links: number[][]
}

/** Reads a PDF with Mozilla's reader, which knows nothing of how it was made. */
export async function readPdf(bytes: Buffer): Promise<ReadPdf> {
  const task = getDocument({ data: new Uint8Array(bytes), verbosity: 0, useSystemFonts: false })
  const document = await task.promise
  const pages: string[] = []
  const links: number[][] = []
  for (let number = 1; number <= document.numPages; number++) {
    const page = await document.getPage(number)
    const { items } = await page.getTextContent()
    pages.push(items.map((item) => ('str' in item ? item.str + (item.hasEOL ? '\n' : '') : '')).join(''))
    const annotations = (await page.getAnnotations()) as { dest: [{ num: number; gen: number }] }[]
    const targets = annotations.map(({ dest: [ref] }) => document.getPageIndex(ref))
    links.push((await Promise.all(targets)).map((index) => index + 1))
  }
  const { info } = await document.getMetadata()
  await task.destroy()
  return { title: (info as { Title: string }).Title, pages, links }
}
