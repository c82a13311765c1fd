import { Ajv, type ErrorObject } from 'ajv'
import formats from 'ajv-formats'
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import type { InputError } from './errors.ts'

/** Marks the schema of an HTML form's body: its fields arrive as text and are coerced, as query parameters are. */
export const form = { 'x-form': true } as const

function ajv(coerceTypes: boolean): Ajv {
  const instance = new Ajv({
    coerceTypes,
    useDefaults: true,
    allErrors: true,
    removeAdditional: false,
    strict: false,
    ownProperties: true,
  })
  formats.default(instance)
  return instance
}

/**
 * Compiles the schemas of requests. Nothing in a JSON body is coerced; query, path and headers arrive as text and are.
 * Fastify's own default would turn `"1"` into 1 and null into "" in bodies.
 */
export function validatorCompiler(): FastifySchemaCompiler<TSchema & { 'x-form'?: boolean }> {
  const strict = ajv(false)
  const coercing = ajv(true)
  return ({ schema, httpPart }) => {
    const compiler = httpPart === 'body' && schema['x-form'] !== true ? strict : coercing
    const validate = compiler.compile(schema)
    return (value) => (validate(value) ? { value } : { error: validate.errors as unknown as Error })
  }
}

/** All that is wrong, each with a JSON Pointer to the place and words that say what was expected. */
export function describeErrors(errors: ErrorObject[], part: string): InputError[] {
  const prefix = part === 'body' ? '' : `/${part}`
  return errors
    .filter((error) => error.keyword !== 'if')
    .map((error) => ({ pointer: prefix + error.instancePath + unknownField(error), detail: describe(error) }))
}

function unknownField({ keyword, params }: ErrorObject): string {
  const name = keyword === 'additionalProperties' ? params.additionalProperty : params.missingProperty
  return typeof name === 'string' ? `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}` : ''
}

function describe({ keyword, params, message }: ErrorObject): string {
  if (keyword === 'additionalProperties') return 'is not a known field'
  if (keyword === 'required') return 'is required'
  if (keyword === 'enum') return `must be one of ${(params.allowedValues as unknown[]).join(', ')}`
  if (keyword === 'const') return `must be ${JSON.stringify(params.allowedValue)}`
  return message ?? 'is not valid'
}
