import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import { Ajv, type ErrorObject, type Options } from 'ajv'
import formats from 'ajv-formats'
import type { FastifySchemaCompiler } from 'fastify'
import type { Static, TSchema } from 'typebox'

/** Marks the schema of an HTML form's body: its fields arrive as text and are coerced, as query parameters are. */
export const form = { 'x-form': true } as const

/**
 * Compiles the schemas of requests, each when it is first needed: all of them at the start would take longer than the
 * rest of it. Nothing in a JSON body is coerced; query, path and headers arrive as text and are.
 * Fastify's own default would turn `"1"` into 1 and null into "" in bodies.
 * @param shared schemas that others refer to by `$id`
 */
export function buildValidator(shared: unknown): FastifySchemaCompiler<TSchema & { 'x-form'?: boolean }> {
  const strict = onFirstUse(() => ajv({ useDefaults: true }, shared))
  const coercing = onFirstUse(() => ajv({ useDefaults: true, coerceTypes: true }, shared))
  return ({ schema, httpPart }) => {
    const isStrict = httpPart === 'body' && schema['x-form'] !== true
    const compiled = onFirstUse(() => (isStrict ? strict() : coercing()).compile(schema))
    return (value) => {
      const validate = compiled()
      return validate(value) ? { value } : { error: validate.errors as unknown as Error }
    }
  }
}

// A schema with an `$id` may be part of several: none is kept by it.
const plain = onFirstUse(() => ajv({ addUsedSchema: false }, {}))

/**
 * Whether a value that came by other ways than a request has a schema's shape. It is left as it is.
 * @param schema is compiled when first seen, and remembered: one that is made once
 */
export function isShaped<Schema extends TSchema>(schema: Schema, value: unknown): value is Static<Schema> {
  return plain().compile(schema)(value) as boolean
}

/** All that is wrong with such a value. @param schema as for `isShaped` */
export function shapeErrors(schema: TSchema, value: unknown): ErrorObject[] {
  const validate = plain().compile(schema)
  return validate(value) ? [] : validate.errors!
}

type Compilers = ReturnType<typeof SerializerSelector>

/** Fastify's own compiler of answers' schemas, put off in the same way. @param shared see `buildValidator` */
export function buildSerializer(shared: unknown, options: Parameters<Compilers>[1]) {
  const compiler = onFirstUse(() => SerializerSelector()(withNullable(shared), options))
  return (route: Parameters<ReturnType<Compilers>>[0]) => {
    const compiled = onFirstUse(() => compiler()({ ...route, schema: withNullable(route.schema) }))
    return (document: unknown) => compiled()(document) as string
  }
}

/**
 * A schema with `nullable` where it says that something is of one type, or else null. Of alternatives, the serializer
 * has each value validated to find out which one it is; null it knows by itself.
 */
function withNullable<T>(schema: T): T {
  if (Array.isArray(schema)) return schema.map(withNullable) as T
  if (typeof schema !== 'object' || schema === null) return schema
  const { anyOf, ...rest } = schema as { anyOf?: { type?: unknown }[] }
  const [one, other, ...more] = anyOf ?? []
  const isNullable = typeof one?.type === 'string' && other?.type === 'null' && more.length === 0
  const plain = isNullable ? { ...one, ...rest, nullable: true } : schema
  return Object.fromEntries(Object.entries(plain).map(([name, part]) => [name, withNullable(part)])) as T
}

function onFirstUse<T>(make: () => T): () => T {
  let made: { value: T } | null = null
  return () => (made ??= { value: make() }).value
}

function ajv(options: Options, shared: unknown): Ajv {
  const instance = new Ajv({
    ...options,
    allErrors: true,
    removeAdditional: false,
    strict: false,
    ownProperties: true,
    verbose: true,
  })
  formats.default(instance)
  instance.addFormat('uuid', /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i)
  instance.addFormat('date-time', isDateTime)
  instance.addFormat('date', (text) => /^\d{4}-\d\d-\d\d$/.test(text) && isDateTime(`${text}T00:00:00Z`))
  for (const schema of Object.values(shared as Record<string, TSchema>)) instance.addSchema(schema)
  return instance
}

const dateTime = /^(\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/

/**
 * RFC 3339, as far as both JavaScript and PostgreSQL can follow: no leap seconds, years 1 to 9999 in UTC, and only days
 * that exist (JavaScript would take February 30 for March 2).
 */
function isDateTime(text: string): boolean {
  const day = dateTime.exec(text)?.[1]
  const time = Date.parse(text)
  if (day === undefined || Number.isNaN(time)) return false
  const exists = new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)
  return (
    exists && time >= Date.parse('0001-01-01T00:00:00Z') && time <= Date.parse('9999-12-31T23:59:59.999Z')
  )
}

export type { ErrorObject }
