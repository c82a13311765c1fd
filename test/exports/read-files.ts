import { fromBuffer, type Entry, type ZipFile } from 'yauzl'
import { buffer } from 'node:stream/consumers'

/**
 * RFC 4180, by the letter: records end in CRLF, cells are separated by commas, quoted ones may hold anything with quotes
 * doubled. A reader of our own, which knows nothing of how the files were written.
 * @returns null for an empty cell that isn't quoted
 */
export function parseCsv(text: string): (string | null)[][] {
  const records: (string | null)[][] = []
  let record: (string | null)[] = []
  for (let at = 0; at < text.length;) {
    let cell: string | null
    if (text[at] === '"') {
      cell = ''
      for (at++; ; at++) {
        if (at >= text.length) throw new Error('a quote is left open')
        if (text[at] !== '"') cell += text[at]
        else if (text[at + 1] === '"') cell += text[at++]
        else break
      }
      at++
    } else {
      const end = /[",\r\n]/g
      end.lastIndex = at
      const found = end.exec(text)?.index ?? text.length
      cell = found === at ? null : text.slice(at, found)
      at = found
    }
    record.push(cell)
    if (text[at] === ',') {
      at++
      if (text.startsWith('\r\n', at)) {
        record.push(null)
        at += 2
        records.push(record)
        record = []
      }
    } else if (text.startsWith('\r\n', at)) {
      at += 2
      records.push(record)
      record = []
    } else
      throw new Error(`neither a comma nor CRLF at ${at}: ${JSON.stringify(text.slice(at - 20, at + 20))}`)
  }
  if (record.length > 0) throw new Error('the last record has no CRLF')
  return records
}

/** A CSV file as objects by its first line. */
export function csvRows(text: string): Record<string, string | null>[] {
  const [header, ...records] = parseCsv(text)
  return records.map((record) => {
    if (record.length !== header!.length)
      throw new Error(`${record.length} cells under ${header!.length} names`)
    return Object.fromEntries(record.map((cell, i) => [header![i], cell]))
  })
}

/** The files of a zip, by name. */
export async function unzip(bytes: Buffer): Promise<Map<string, string>> {
  const zip = await new Promise<ZipFile>((resolve, reject) =>
    fromBuffer(bytes, { lazyEntries: true }, (error, file) => (error ? reject(error) : resolve(file))),
  )
  const files = new Map<string, string>()
  await new Promise<void>((resolve, reject) => {
    zip.on('error', reject).on('end', resolve)
    zip.on('entry', (entry: Entry) => {
      zip.openReadStream(entry, async (error, stream) => {
        if (error) return reject(error)
        files.set(entry.fileName, (await buffer(stream)).toString())
        zip.readEntry()
      })
    })
    zip.readEntry()
  })
  return files
}
