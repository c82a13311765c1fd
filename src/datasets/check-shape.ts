import { didYouMean, printPath, type Note, type Path } from './problem-list.ts'
import { knownKeys, patternWords, shapeErrors, type ShapeError } from './schema.ts'
import { plainValue } from './substitute.ts'

/** What came from the environment, by the path as it is printed. */
export interface Origins {
  /** Values that variables were put into; text so far, whatever the schema wants there. */
  substituted: ReadonlySet<string>
  /** Values that came out empty and count as not given, with their variables. */
  absent: ReadonlyMap<string, string[]>
}

/**
 * Checks a dataset file's content against the schema and notes all that is wrong in words. Values from the environment
 * become numbers or booleans where the schema wants those.
 */
export function checkShape(value: unknown, note: Note, origins: Origins): void {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    return note([], 'must be a map with `dataset` and `records`')
  }
  convert(value, shapeErrors(value), origins.substituted)
  for (const error of shapeErrors(value)) {
    const path = pathOf(error.instancePath)
    if (error.keyword === 'required') noteRequired(error, path, note, origins.absent)
    else if (!derived.has(error.keyword)) note(path, describe(error, path))
  }
}

function convert(value: object, errors: ShapeError[], substituted: ReadonlySet<string>): void {
  for (const { keyword, instancePath } of errors) {
    const path = pathOf(instancePath)
    if (keyword !== 'type' || !substituted.has(printPath(path))) continue
    const holder = path
      .slice(0, -1)
      .reduce<unknown>((inner, part) => (inner as Record<string, unknown>)[part], value)
    const last = path.at(-1)!
    ;(holder as Record<string, unknown>)[last] = plainValue((holder as Record<string, string>)[last]!)
  }
}

/** Follow from an error noted by itself: of each unknown key TypeBox says `boolean`, then this of its map. */
const derived = new Set(['additionalProperties', 'patternProperties', '$ref'])

function pathOf(pointer: string): Path {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^(0|[1-9]\d*)$/.test(part) ? Number(part) : part))
}

function noteRequired(
  error: ShapeError,
  path: Path,
  note: Note,
  absent: ReadonlyMap<string, string[]>,
): void {
  for (const name of error.params['requiredProperties'] as string[]) {
    const variables = absent.get([...path, name].join('.'))
    const why = variables === undefined ? '' : ` (${variables.join(', ')} is empty)`
    note(path, `\`${name}\` is required${why}`)
  }
}

function describe({ keyword, params, message }: ShapeError, path: Path): string {
  const name = String(path.at(-1))
  if (keyword === 'boolean') return `is not a known key here${didYouMean(name, others(name))}`
  if (keyword === 'type') return `must be ${typeWords(params['type'])}`
  if (keyword === 'enum') return `must be one of ${(params['allowedValues'] as unknown[]).join(', ')}`
  if (keyword === 'pattern') return `must be ${patternWords[String(params['pattern'])] ?? message}`
  if (keyword === 'uniqueItems') return 'must not name anything twice'
  if (keyword === 'minLength') return 'must not be empty'
  if (keyword === 'minItems') return 'must not be an empty list'
  return message
}

function others(name: string): string[] {
  return [...knownKeys()].filter((key) => key !== name)
}

const words: Record<string, string> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
}

function typeWords(type: unknown): string {
  return [type]
    .flat()
    .map((one) => words[String(one)] ?? String(one))
    .join(' or ')
}
