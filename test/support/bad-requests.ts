import fc from 'fast-check'

/** The parts of an OpenAPI document that requests are made from. */
export interface ApiDocument {
  paths: Record<string, Record<string, ApiOperation>>
  components: { schemas: Record<string, JsonSchema> }
}

interface ApiOperation {
  parameters?: { in?: string; name?: string; schema?: JsonSchema }[]
  requestBody?: { content: Record<string, { schema: JsonSchema }> }
}

interface JsonSchema {
  $ref?: string
  type?: string | string[]
  const?: unknown
  enum?: unknown[]
  anyOf?: JsonSchema[]
  properties?: Record<string, JsonSchema>
  items?: JsonSchema
  format?: string
}

export interface BadRequest {
  method: string
  path: string
  headers: Record<string, string>
  body: string | null
}

/** Requests to every operation of a document: some nearly right, most wrong in one way or in many. */
export function badRequests(document: ApiDocument): fc.Arbitrary<BadRequest> {
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => requestsTo(document, method, path, operation)),
  )
  return fc.oneof(...operations)
}

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', ' ', '0', '-1', 'null', 'true', '1e999', '9'.repeat(30), 'a'.repeat(3000)),
  fc.constantFrom(
    '../../etc/passwd',
    '..%2f',
    "'; DROP TABLE users --",
    '\0',
    '\ud800',
    '__proto__',
    '{{7*7}}',
    '%00',
    '\r\nx: y',
  ),
  fc.uuid(),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
)

const number = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, -1, 2 ** 31, 2 ** 53, 1e308, -0))

const junk: fc.Arbitrary<unknown> = fc.oneof(
  text,
  number,
  fc.constantFrom<unknown>(null, true, false, [], {}, [[]], { __proto__: null }),
  fc.jsonValue({ maxDepth: 3 }),
)

function valuesOf(document: ApiDocument, schema: JsonSchema, depth = 0): fc.Arbitrary<unknown> {
  if (depth > 4) return junk
  if (schema.$ref)
    return valuesOf(document, document.components.schemas[schema.$ref.split('/').at(-1)!] ?? {}, depth)
  const fitting = fittingValues(document, schema, depth)
  return fc.oneof({ weight: 4, arbitrary: fitting }, { weight: 1, arbitrary: junk })
}

function fittingValues(document: ApiDocument, schema: JsonSchema, depth: number): fc.Arbitrary<unknown> {
  const { anyOf, properties, items, format } = schema
  if ('const' in schema) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (anyOf) return fc.oneof(...anyOf.map((branch) => valuesOf(document, branch, depth + 1)))
  if (properties) return fieldsOf(document, properties, depth)
  if (items) return fc.array(valuesOf(document, items, depth + 1), { maxLength: 4 })
  if (format === 'uuid') return fc.uuid()
  if (schema.type === 'integer' || schema.type === 'number') return number
  if (schema.type === 'boolean') return fc.boolean()
  return schema.type === 'string' ? text : junk
}

function fieldsOf(document: ApiDocument, properties: Record<string, JsonSchema>, depth: number) {
  const known = Object.entries(properties).map(([name, schema]) => [
    name,
    valuesOf(document, schema, depth + 1),
  ])
  const record = fc.record(Object.fromEntries(known) as Record<string, fc.Arbitrary<unknown>>, {
    requiredKeys: [],
  })
  return fc.oneof(
    { weight: 3, arbitrary: record },
    {
      weight: 1,
      arbitrary: fc.tuple(record, text, junk).map(([fields, name, value]) => ({ ...fields, [name]: value })),
    },
  )
}

const brokenJson = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.json().map((json) => json.slice(0, -1)),
  fc.constantFrom(
    '[',
    '{"a":',
    '\ufeff{}',
    '{}{}',
    "{'a':1}",
    '{"a":1,}',
    'NaN',
    '{"__proto__":{}}',
    '['.repeat(20_000),
  ),
  fc.constant(`"${'a'.repeat(1_100_000)}"`),
  fc.constantFrom(
    `{"scope":${'{"a":'.repeat(80)}1${'}'.repeat(81)}`,
    '{"limit":1e400}',
    '{"a":"\\ud800"}',
    '{"a":"\\u0000"}',
  ),
)

function requestsTo(
  document: ApiDocument,
  method: string,
  path: string,
  operation: ApiOperation,
): fc.Arbitrary<BadRequest> {
  const schema = operation.requestBody?.content['application/json']?.schema
  const names = (operation.parameters ?? []).flatMap((parameter) =>
    parameter.in === 'query' ? [parameter.name!] : [],
  )
  const fitting = schema
    ? valuesOf(document, schema).map((value) => JSON.stringify(value) ?? null)
    : fc.constant(null)
  return fc.record({
    method: fc
      .oneof(
        { weight: 9, arbitrary: fc.constant(method) },
        { weight: 1, arbitrary: fc.constantFrom('PUT', 'PATCH', 'OPTIONS', 'PROPFIND') },
      )
      .map((name) => name.toUpperCase()),
    path: fc.tuple(pathsOf(path), queriesOf(names)).map(([where, query]) => where + query),
    headers,
    body: fc.oneof({ weight: 5, arbitrary: fitting }, { weight: 1, arbitrary: brokenJson }),
  })
}

function pathsOf(path: string): fc.Arbitrary<string> {
  const segment = fc.oneof(
    fc.uuid(),
    text.map((value) => encodeURIComponent(value.toWellFormed()) || 'x'),
    fc.constantFrom('%', '%zz', '%c3%28', '..', '%2e%2e%2f', 'a'.repeat(500)),
  )
  const parts = path.split(/(\{\w+\})/).map((part) => (part.startsWith('{') ? segment : fc.constant(part)))
  return fc.tuple(...parts).map((filled) => filled.join(''))
}

function queriesOf(names: string[]): fc.Arbitrary<string> {
  const name = fc.oneof(
    fc.constantFrom(...names, 'limit', 'cursor', 'x'),
    text.map((value) => value.slice(0, 50)),
  )
  const pair = fc
    .tuple(name, text)
    .map(
      ([key, value]) =>
        `${encodeURIComponent(key.toWellFormed())}=${encodeURIComponent(value.toWellFormed())}`,
    )
  const query = fc.array(
    fc.oneof(
      pair,
      fc.constantFrom('%', '&', '=', 'a=%ff', '__proto__[x]=1', 'limit=1&limit=2', 'cursor=e30', 'sort=-x'),
    ),
    {
      maxLength: 4,
    },
  )
  return fc.oneof(
    fc.constant(''),
    query.map((pairs) => `?${pairs.join('&')}`),
  )
}

const headerValue = fc.string({ maxLength: 40 }).map((value) => value.replace(/[^\x20-\x7e]/g, ''))

const headers = fc.record(
  {
    'content-type': fc.oneof(
      { weight: 6, arbitrary: fc.constant('application/json') },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          'text/plain',
          'application/json; charset=latin1',
          'multipart/form-data',
          '/',
          'application/x-www-form-urlencoded',
        ),
      },
    ),
    accept: fc.constantFrom('application/json', 'text/html', '*/*', ';q=x', 'application/zstd'),
    'idempotency-key': fc.oneof(fc.uuid(), headerValue, fc.constant('k'.repeat(300))),
    prefer: fc.constantFrom('wait=0', 'wait=x', 'wait=-1', 'respond-async', ';;,='),
    'if-match': headerValue,
    'if-none-match': fc.oneof(headerValue, fc.constant('*')),
    range: fc.oneof(
      headerValue,
      fc.constantFrom('bytes=0-', 'bytes=-0', 'bytes=9-1', 'bytes=0-0,5-6', 'lines=1-2'),
    ),
    'content-encoding': fc.constantFrom('gzip', 'identity'),
    'x-request-id': headerValue,
    'x-forwarded-for': headerValue,
    cookie: headerValue,
    'last-event-id': headerValue,
    expect: fc.constant('100-continue'),
  },
  { requiredKeys: ['content-type'] },
)
