import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Scalar,
  type Node,
  type Pair,
} from 'yaml'
import type { Declaration } from './definition.ts'
import { secretPaths } from './policies.ts'
import { checkShape } from './check-shape.ts'
import { printPath, type DatasetProblem, type Note, type Path } from './problem-list.ts'
import { looksSecret, substitute, type Environment } from './substitute.ts'

const maxBytes = 1_000_000
const maxDepth = 64
const maxProblems = 100

/** A dataset file that was read, right or wrong. */
export interface DatasetFile {
  /** Without its folder. */
  file: string
  /** The dataset's name where the file says one, else the file's own. */
  name: string
  /** Null when there are problems. */
  declaration: Declaration | null
  problems: DatasetProblem[]
  /** The line of a value, or of the nearest one around it. */
  lineOf(path: Path): number
}

/**
 * Reads a dataset file: YAML, values from the environment, shape. Never throws for what is in the file.
 * @param environment for `${NAME}` and `${NAME:-default}`
 */
export async function readDatasetFile(path: string, environment: Environment): Promise<DatasetFile> {
  const file = basename(path)
  try {
    return parseDatasetFile(file, decode(await readBytes(path)), environment)
  } catch (error) {
    return unreadable(file, error instanceof Error ? error.message : String(error))
  }
}

async function readBytes(path: string): Promise<Buffer> {
  const handle = await open(path)
  try {
    const { size } = await handle.stat()
    if (size > maxBytes) throw new Error(`has ${size} bytes; a dataset file may have ${maxBytes}`)
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('is not UTF-8 text')
  }
}

function unreadable(file: string, detail: string): DatasetFile {
  return {
    file,
    name: nameOf(file, undefined),
    declaration: null,
    problems: [{ file, line: 1, path: '', detail }],
    lineOf: () => 1,
  }
}

function nameOf(file: string, declared: unknown): string {
  return typeof declared === 'string' && declared !== ''
    ? declared.slice(0, 63)
    : file.replace(/\.ya?ml$/, '')
}

/** The same for text at hand, such as a draft. @param file what problems call it */
export function parseDatasetFile(file: string, text: string, environment: Environment): DatasetFile {
  if (text.length > maxBytes) return unreadable(file, `has more than ${maxBytes} characters`)
  const counter = new LineCounter()
  let document: Document.Parsed
  try {
    document = parseDocument(text, {
      lineCounter: counter,
      prettyErrors: false,
      strict: true,
      uniqueKeys: false,
    })
  } catch (error) {
    // The parser recurses: a hundred thousand brackets end its stack.
    if (error instanceof RangeError) return unreadable(file, 'is nested too deeply')
    throw error
  }
  const reader = new Reader(file, counter, environment)
  // One slip can bring thousands of errors after it.
  for (const error of [...document.errors, ...document.warnings].slice(0, 20)) {
    reader.noteAt(error.pos[0], [], yamlWords(error.message, text))
  }
  const value = reader.read(document.contents, [])
  const problems = reader.problems
  // A shape is only worth judging when the text could be read; otherwise it would add what isn't so.
  if (document.errors.length === 0) checkShape(value, reader.note, reader)
  return {
    file,
    name: nameOf(
      file,
      value !== null && typeof value === 'object' ? (value as { dataset?: unknown }).dataset : undefined,
    ),
    declaration: problems.length === 0 ? (value as Declaration) : null,
    problems: problems.sort((a, b) => a.line - b.line).slice(0, maxProblems),
    lineOf: reader.lineOf,
  }
}

function yamlWords(message: string, text: string): string {
  if (message.includes('multiple documents')) return 'holds several YAML documents; one file is one dataset'
  const braces =
    message.includes('flow-map') && text.includes('${') ? '; inside { } or [ ], "${…}" needs quotes' : ''
  return `is not well-formed YAML: ${message}${braces}`
}

/** Turns YAML nodes into values, noting where each stands. */
class Reader {
  readonly problems: DatasetProblem[] = []
  /** See Origins. */
  readonly substituted = new Set<string>()
  readonly absent = new Map<string, string[]>()
  private readonly offsets = new Map<string, number>()
  private readonly file: string
  private readonly counter: LineCounter
  private readonly environment: Environment

  constructor(file: string, counter: LineCounter, environment: Environment) {
    this.file = file
    this.counter = counter
    this.environment = environment
  }

  readonly note: Note = (path, detail) => {
    this.problems.push({ file: this.file, line: this.lineOf(path), path: printPath(path), detail })
  }

  readonly lineOf = (path: Path): number => {
    for (let length = path.length; length >= 0; length--) {
      const offset = this.offsets.get(JSON.stringify(path.slice(0, length)))
      if (offset !== undefined) return this.lineAt(offset)
    }
    return 1
  }

  noteAt(offset: number, path: Path, detail: string): void {
    this.problems.push({ file: this.file, line: this.lineAt(offset), path: printPath(path), detail })
  }

  private lineAt(offset: number): number {
    return Math.max(1, this.counter.linePos(offset).line)
  }

  /** @returns undefined for what counts as not given */
  read(node: unknown, path: Path): unknown {
    if (node === null || node === undefined) return null
    if (path.length > maxDepth) {
      this.note(path, `is nested more than ${maxDepth} levels deep`)
      return null
    }
    this.place(node as Node, path)
    if (isAlias(node)) return this.note(path, 'refers to an anchor (*); write the value out')
    if (isScalar(node)) return this.scalar(node, path)
    if (isSeq(node))
      return node.items.map((item, i) => this.read(item, [...path, i])).filter((item) => item !== undefined)
    if (isMap(node)) return this.map(node.items, path)
    return null
  }

  private place(node: Node, path: Path): void {
    const key = JSON.stringify(path)
    if (!this.offsets.has(key)) this.offsets.set(key, node.range?.[0] ?? 0)
    if (!isAlias(node) && (node as { anchor?: string }).anchor !== undefined)
      this.note(path, 'has an anchor (&); write the value out where it is needed')
    if (node.tag !== undefined) this.note(path, `has a tag (${node.tag}); write the value without`)
  }

  private map(pairs: Pair[], path: Path): unknown {
    const entries: [string, unknown][] = []
    // Not by the parser, which compares each key with all others.
    const names = new Set<string>()
    for (const { key, value } of pairs) {
      const name = isScalar(key) && key.value !== null ? String(key.value) : null
      if (name === null) {
        this.note(path, 'has a key that is not a name')
        continue
      }
      const here = [...path, name]
      if (names.has(name)) this.noteAt((key as Scalar).range?.[0] ?? 0, here, 'is there twice')
      names.add(name)
      this.offsets.set(JSON.stringify(here), (key as Scalar).range?.[0] ?? 0)
      const read = this.read(value, here)
      if (read !== undefined) entries.push([name, read])
    }
    // Not by assignment: a key `__proto__` becomes a key like any other, and is refused as unknown.
    return Object.fromEntries(entries)
  }

  private scalar(node: Scalar, path: Path): unknown {
    if (typeof node.value !== 'string' || !node.value.includes('${')) return node.value
    const { text, names, missing, malformed } = substitute(node.value, this.environment)
    if (malformed)
      this.note(path, '"${" must be followed by a variable\'s name and "}"; "$${" stands for itself')
    for (const name of missing)
      this.note(path, `${name} is not set in the environment; set it, or write \${${name}:-a default}`)
    if (!secretPaths.includes(printPath(path))) {
      for (const name of names.filter(looksSecret)) {
        this.note(path, `${name} looks like a secret; it may only be used in ${secretPaths.join(' and ')}`)
      }
    }
    if (text === '' && names.length > 0) {
      this.absent.set(printPath(path), names)
      return undefined
    }
    if (names.length > 0) this.substituted.add(printPath(path))
    return text
  }
}
