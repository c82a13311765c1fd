import { batchProblems } from './errors.ts'

/** The text of one item, and where it stands. */
export interface Piece {
  text: string
  /** `line:17`, or a JSON Pointer such as `/items/16`. */
  pointer: string
}

/**
 * The lines of a text that have something on them.
 * @param longest in characters
 * @throws Problem ITEMS_MALFORMED for a line that is longer
 */
export async function* splitLines(chunks: AsyncIterable<string>, longest: number): AsyncGenerator<Piece> {
  let rest = ''
  let line = 0
  const piece = (text: string): Piece => {
    line += 1
    if (text.length > longest) throw tooLong(`line:${line}`, longest)
    return { text, pointer: `line:${line}` }
  }
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()!
    for (const text of lines) {
      const one = piece(text)
      if (text.trim() !== '') yield one
    }
    if (rest.length > longest) throw tooLong(`line:${line + 1}`, longest)
  }
  if (rest.trim() !== '') yield piece(rest)
}

const opening = /^\s*\{\s*"items"\s*:\s*\[/
const closing = /^\s*\}\s*$/

/**
 * The elements of the array in `{ "items": [ … ] }`. Only looks for where one ends: whether it is JSON is for whoever
 * reads it.
 * @param longest in characters
 * @throws Problem ITEMS_MALFORMED for what is not of that form
 */
export async function* splitArray(chunks: AsyncIterable<string>, longest: number): AsyncGenerator<Piece> {
  const walk = createWalk()
  let text = ''
  let isOpen = false
  let count = 0
  for await (const chunk of chunks) {
    text += chunk
    if (!isOpen) {
      const head = opening.exec(text)?.[0]
      if (head === undefined && text.length < 1000) continue
      if (head === undefined) throw notOfForm()
      text = text.slice(head.length)
      isOpen = true
    }
    for (let end = walk.next(text); end !== null; end = walk.next(text)) {
      const piece = { text: text.slice(0, end), pointer: `/items/${count}` }
      if (end > longest) throw tooLong(piece.pointer, longest)
      if (walk.isClosed && piece.text.trim() === '' && count === 0) text = text.slice(end + 1)
      else {
        count += 1
        text = text.slice(end + 1)
        yield piece
      }
    }
    if (text.length > longest) throw tooLong(walk.isClosed ? '/items' : `/items/${count}`, longest)
  }
  if (!isOpen || !walk.isClosed || !closing.test(text)) throw notOfForm()
}

/** Goes over a text that is cut off in front as its elements are taken. */
function createWalk() {
  let at = 0
  let depth = 0
  let isQuoted = false
  const walk = {
    /** Once the array has ended. */
    isClosed: false,
    /** @returns where the element that begins the text ends; null: not yet */
    next(text: string): number | null {
      if (walk.isClosed) return null
      for (; at < text.length; at += 1) {
        const character = text.charCodeAt(at)
        if (isQuoted) {
          if (character === backslash) {
            if (at + 1 === text.length) return null
            at += 1
          } else if (character === quote) isQuoted = false
        } else if (character === quote) isQuoted = true
        else if (character === openBrace || character === openBracket) depth += 1
        else if (depth > 0 && (character === closeBrace || character === closeBracket)) depth -= 1
        else if (depth === 0 && (character === comma || character === closeBracket)) {
          walk.isClosed = character === closeBracket
          const end = at
          at = 0
          return end
        }
      }
      return null
    },
  }
  return walk
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c]
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d]

function tooLong(pointer: string, longest: number) {
  const detail = `is longer than ${longest} characters`
  return batchProblems.ITEMS_MALFORMED(`${pointer} ${detail}.`, { errors: [{ pointer, detail }] })
}

function notOfForm() {
  return batchProblems.ITEMS_MALFORMED(
    'The body must be { "items": [ … ] }, or an item on each line as NDJSON.',
  )
}
