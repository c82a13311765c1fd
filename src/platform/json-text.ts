/** For texts that are worth nothing unless they are JSON. @returns undefined, which no JSON is, when it is none */
export function valueOfJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Deeper than anything the API takes, and far from where recursive code would run out of stack. */
const deepest = 64

/** Why a text is no JSON that we take. `place` is null when the whole of it is meant. */
export interface JsonFault {
  place: { line: number; column: number } | null
  reason: string
}

/**
 * Reads JSON (RFC 8259) that came from outside.
 * @returns the value, or what is wrong with the text; never repeats any of it, for it may hold a secret
 */
export function readJson(text: string): { value: unknown } | { fault: JsonFault } {
  const tooDeep = firstTooDeep(text)
  if (tooDeep !== null)
    return { fault: { place: placeOf(text, tooDeep), reason: `is nested more than ${deepest} levels deep` } }
  try {
    return { value: JSON.parse(text) }
  } catch {
    return { fault: findFault(text) }
  }
}

/** Where the nesting gets too deep. Before parsing: one pass, no recursion, whatever the depth. */
function firstTooDeep(text: string): number | null {
  let depth = 0
  let quoted = false
  for (let i = 0; i < text.length; i += 1) {
    const character = text.charCodeAt(i)
    if (quoted) {
      if (character === 0x5c) i += 1
      else if (character === 0x22) quoted = false
    } else if (character === 0x22) quoted = true
    else if (character === 0x7b || character === 0x5b) {
      depth += 1
      if (depth > deepest) return i
    } else if (character === 0x7d || character === 0x5d) depth -= 1
  }
  return null
}

const space = /[ \t\n\r]*/y
const scalar =
  /"[^"\\\0-\x1f]*(?:\\(?:["\\/bfnrt]|u[\da-fA-F]{4})[^"\\\0-\x1f]*)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w)/y

/** What may come next, in words; `}` or `]` among it closes. */
type Expected =
  | 'a value'
  | 'a value or ]'
  | 'a name in double quotes or }'
  | 'a name in double quotes'
  | ':'
  | ', or ]'
  | ', or }'
  | 'the end'

/** JSON.parse says where it failed in some cases only, and quotes the text. So the place is looked for again. */
function findFault(text: string): JsonFault {
  const open: ('{' | '[')[] = []
  let expected: Expected = 'a value'
  let at = 0
  for (;;) {
    at = skip(space, text, at)
    if (at === text.length && expected === 'the end') return { place: null, reason: 'is not JSON' }
    const after = step(text, at, expected, open)
    if (after === null) return { place: placeOf(text, at), reason: `has to have ${expected} here` }
    ;[at, expected] = after
  }
}

/** Takes one token. @returns where it ends and what may follow, or null when it does not fit */
function step(text: string, at: number, expected: Expected, open: ('{' | '[')[]): [number, Expected] | null {
  const character = text[at]
  const next = (): Expected => (open.length === 0 ? 'the end' : open.at(-1) === '{' ? ', or }' : ', or ]')
  if (expected.startsWith('a value') && (character === '{' || character === '[')) {
    open.push(character)
    return [at + 1, character === '{' ? 'a name in double quotes or }' : 'a value or ]']
  }
  if (character !== undefined && '}]'.includes(character) && expected.endsWith(`or ${character}`)) {
    open.pop()
    return [at + 1, next()]
  }
  if (character === ',' && expected.startsWith(',')) {
    return [at + 1, open.at(-1) === '{' ? 'a name in double quotes' : 'a value']
  }
  if (character === ':' && expected === ':') return [at + 1, 'a value']
  const end = skip(scalar, text, at)
  if (end === at) return null
  if (expected.startsWith('a name') && character === '"') return [end, ':']
  return expected.startsWith('a value') ? [end, next()] : null
}

function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return at + (pattern.exec(text)?.[0].length ?? 0)
}

function placeOf(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at).split('\n')
  return { line: before.length, column: before.at(-1)!.length + 1 }
}
