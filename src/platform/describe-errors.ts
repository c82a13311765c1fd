import type { ErrorObject } from 'ajv'
import type { InputError } from './errors.ts'

/** As many as help; a million wrong items need no million lines. */
const most = 100

/**
 * All that is wrong with one part of a request, in words that say what was expected, never what was given.
 * @param part where the values came from
 * @returns pointers into a body are JSON Pointers; elsewhere `query:limit`, `path:id`, `header:prefer`
 */
export function describeErrors(errors: ErrorObject[], part: string): InputError[] {
  const told = withoutBranches(errors)
  const described = told
    .slice(0, most)
    .map((error) => ({ pointer: pointerTo(error, part), detail: describe(error) }))
  const left = told.length - described.length
  return left > 0 ? [...described, { pointer: '', detail: `and ${left} more` }] : described
}

const places: Record<string, string> = { querystring: 'query', params: 'path', headers: 'header' }

function pointerTo(error: ErrorObject, part: string): string {
  const pointer = error.instancePath + namedField(error)
  const place = places[part]
  return place === undefined
    ? pointer
    : `${place}:${pointer.slice(1).replaceAll('~1', '/').replaceAll('~0', '~')}`
}

function namedField({ keyword, params }: ErrorObject): string {
  const name = keyword === 'additionalProperties' ? params.additionalProperty : params.missingProperty
  if (typeof name !== 'string') return ''
  return `/${name.slice(0, 100).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')}`
}

/**
 * Where a value may have one of several forms, each form it is not has errors of its own. Only those of the form that was
 * meant are of use; when that can't be told, the forms are listed instead.
 */
function withoutBranches(errors: ErrorObject[]): ErrorObject[] {
  const unions = errors.filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf')
  const meant = new Map(unions.map((union) => [union, meantBranch(union)]))
  const isNoise = (error: ErrorObject) =>
    unions.some((union) => {
      const branch = meant.get(union)
      if (error === union) return branch !== undefined
      return isUnder(error, union) && (branch === undefined || !error.schemaPath.startsWith(`${branch}/`))
    })
  return errors.filter((error) => error.keyword !== 'if' && !isNoise(error))
}

/** Where the schema of the only form lies that the value resembles: of its type, with all that the form requires. */
function meantBranch({ keyword, data, parentSchema, schemaPath }: ErrorObject): string | undefined {
  const branches = parentSchema?.[keyword] as Form[]
  const alike = branches.filter((branch) => branch.type !== undefined && branch.type === typeOf(data))
  const complete = alike.filter(({ required = [] }) =>
    required.every((name) => Object.hasOwn(Object(data), name)),
  )
  const [only, other] = complete.length === 0 ? alike : complete
  return only === undefined || other !== undefined || 'const' in only
    ? undefined
    : `${schemaPath}/${branches.indexOf(only)}`
}

function typeOf(data: unknown): string {
  if (data === null) return 'null'
  return Array.isArray(data) ? 'array' : typeof data
}

function isUnder(error: ErrorObject, union: ErrorObject): boolean {
  const { instancePath } = union
  const within = error.instancePath === instancePath || error.instancePath.startsWith(`${instancePath}/`)
  return within && error.schemaPath.startsWith(`${union.schemaPath}/`)
}

function describe({ keyword, params, message, data, parentSchema, instancePath }: ErrorObject): string {
  if (keyword === 'type' && instancePath === '' && (data ?? null) === null) return 'a body is required'
  if (keyword === 'additionalProperties') return 'is not a known field'
  if (keyword === 'required') return 'is required'
  if (keyword === 'enum') return `must be one of ${(params.allowedValues as unknown[]).join(', ')}`
  if (keyword === 'const') return `must be ${JSON.stringify(params.allowedValue)}`
  if (keyword === 'type' && Array.isArray(data) && params.type !== 'array')
    return `must be ${params.type}, and given once`
  if (keyword === 'anyOf' || keyword === 'oneOf')
    return `must be ${forms(parentSchema?.[keyword]).join(' or ')}`
  if (keyword === 'format') return `must be a valid ${params.format}`
  if (keyword === 'pattern') return 'does not have the right form'
  return message ?? 'is not valid'
}

interface Form {
  const?: unknown
  type?: string
  title?: string
  format?: string
  properties?: Record<string, unknown>
  required?: string[]
  $ref?: string
}

function forms(branches: Form[]): string[] {
  return branches.map((branch) => {
    if ('const' in branch) return JSON.stringify(branch.const)
    if (branch.title ?? branch.$ref) return String(branch.title ?? branch.$ref)
    if (branch.type === 'object')
      return `{ ${(branch.required ?? Object.keys(branch.properties ?? {})).join(', ')} }`
    return branch.format ?? branch.type ?? 'another form'
  })
}
