import { html, type Markup } from './markup.ts'

/**
 * Two values of a field side by side, with the part that differs marked: what both begin and end with is left plain.
 * @returns the markup of each side
 */
export function difference(before: string, after: string): { before: Markup; after: Markup } {
  const shorter = Math.min(before.length, after.length)
  let start = 0
  while (start < shorter && before[start] === after[start]) start += 1
  let end = 0
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end += 1
  start = outsidePair(before, start)
  return {
    before: html`<del>${marked(before, start, end)}</del>`,
    after: html`<ins>${marked(after, start, end)}</ins>`,
  }
}

/** Never between the two halves of a surrogate pair: half a character is no character. */
function outsidePair(text: string, index: number): number {
  return /[\uD800-\uDBFF]/.test(text[index - 1] ?? '') ? index - 1 : index
}

function marked(text: string, start: number, end: number): Markup {
  const stop = /[\uDC00-\uDFFF]/.test(text[text.length - end] ?? '')
    ? text.length - end + 1
    : text.length - end
  return html`${text.slice(0, start)}<mark>${text.slice(start, stop)}</mark>${text.slice(stop)}`
}
