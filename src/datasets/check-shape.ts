import type { ErrorObject } from 'ajv'
import { shapeErrors } from '../platform/validation.ts'
import { didYouMean, printPath, type Note, type Path } from './problem-list.ts'
import { fileSchema, knownKeys, patternWords } from './schema.ts'
import { plainValue } from './substitute.ts'

/** As many as help. */
const most = 200

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
  convert(value, shapeErrors(fileSchema, value), origins.substituted)
  for (const error of shapeErrors(fileSchema, value).slice(0, most)) {
    const path = pathOf(error)
    note(
      path,
      error.keyword === 'required' ? describeMissing(error, path, origins.absent) : describe(error, path),
    )
  }
}

function convert(value: object, errors: ErrorObject[], substituted: ReadonlySet<string>): void {
  for (const error of errors) {
    const path = pathOf(error)
    if (error.keyword !== 'type' || !substituted.has(printPath(path))) continue
    const holder = path
      .slice(0, -1)
      .reduce<unknown>((inner, part) => (inner as Record<string, unknown>)[part], value)
    const last = path.at(-1)!
    ;(holder as Record<string, unknown>)[last] = plainValue((holder as Record<string, string>)[last]!)
  }
}

/** Of an unknown key its own, else that of the value which is wrong. */
function pathOf({ instancePath, keyword, params }: ErrorObject): Path {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^(0|[1-9]\d*)$/.test(part) ? Number(part) : part))
  return keyword === 'additionalProperties' ? [...path, params['additionalProperty'] as string] : path
}

function describeMissing({ params }: ErrorObject, path: Path, absent: ReadonlyMap<string, string[]>): string {
  const name = params['missingProperty'] as string
  const variables = absent.get([...path, name].join('.'))
  const why = variables === undefined ? '' : ` (${variables.join(', ')} is empty)`
  return `\`${name}\` is required${why}`
}

function describe({ keyword, params, message }: ErrorObject, path: Path): string {
  const name = String(path.at(-1))
  if (keyword === 'additionalProperties') return `is not a known key here${didYouMean(name, others(name))}`
  if (keyword === 'type') return `must be ${typeWords(params['type'])}`
  if (keyword === 'enum') return `must be one of ${(params['allowedValues'] as unknown[]).join(', ')}`
  if (keyword === 'pattern') return `must be ${patternWords[String(params['pattern'])] ?? String(message)}`
  if (keyword === 'uniqueItems') return 'must not name anything twice'
  if (keyword === 'minLength') return 'must not be empty'
  if (keyword === 'minItems') return 'must not be an empty list'
  return String(message)
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
