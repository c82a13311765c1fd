import { html, type Markup } from './markup.ts'

/** How much of what both sides have in common is shown before and after a difference, in characters. */
const context = 60
/** How much of a difference itself is shown. */
const longest = 1500

/**
 * Two values of a field side by side, with the part that differs marked: what both begin and end with is left plain, and
 * left out where it is long.
 * @returns the markup of each side
 */
export function difference(before: string, after: string): { before: Markup; after: Markup } {
  const left = [...before]
  const right = [...after]
  const shorter = Math.min(left.length, right.length)
  let start = 0
  while (start < shorter && left[start] === right[start]) start += 1
  let end = 0
  while (end < shorter - start && left.at(-1 - end) === right.at(-1 - end)) end += 1
  return {
    before: html`<del>${marked(left, start, end)}</del>`,
    after: html`<ins>${marked(right, start, end)}</ins>`,
  }
}

function marked(characters: string[], start: number, end: number): Markup {
  const prefix = characters.slice(0, start)
  const suffix = characters.slice(characters.length - end)
  const middle = characters.slice(start, characters.length - end)
  const plainBefore = prefix.length > context ? `…${prefix.slice(-context).join('')}` : prefix.join('')
  const plainAfter = suffix.length > context ? `${suffix.slice(0, context).join('')}…` : suffix.join('')
  const different = middle.length > longest ? `${middle.slice(0, longest).join('')}…` : middle.join('')
  return different === ''
    ? html`${plainBefore}${plainAfter}`
    : html`${plainBefore}<mark>${different}</mark>${plainAfter}`
}
