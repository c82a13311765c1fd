import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import { STATUS_CODES } from './status-words.ts'

interface Operation {
  'x-permission'?: string
  'x-if-match'?: boolean
  'x-streamed'?: boolean
  description?: string
  parameters?: object[]
  responses: Record<string, { $ref: string } | { description: string; headers?: object; content?: object }>
}

/**
 * Completes what the routes' own schemas say about themselves: their permission, and what the conventions add to every
 * operation of a kind.
 */
export const documentOperations: Pick<FastifyDynamicSwaggerOptions, 'transform' | 'transformObject'> = {
  transform: ({ schema, url, route }) => {
    const { permission, ifMatch, streamed } = route.config ?? {}
    const documented = {
      ...schema,
      'x-permission': permission,
      ...(permission === 'public' && { security: [] }),
      ...(ifMatch && { 'x-if-match': true }),
      ...(streamed && { 'x-streamed': true }),
    }
    return { schema: documented, url }
  },
  transformObject: (document) => {
    if (!('openapiObject' in document)) return document.swaggerObject
    for (const [path, item] of Object.entries(document.openapiObject.paths ?? {}))
      for (const [method, operation] of Object.entries(item as Record<string, Operation>))
        complete(method, path, operation)
    return document.openapiObject
  },
}

function complete(method: string, path: string, operation: Operation): void {
  const { responses } = operation
  for (const [status, response] of Object.entries(responses))
    if ('description' in response && response.description === 'Default Response')
      response.description = STATUS_CODES[status] ?? 'An answer'
  const parameters = parametersOf(method, path, operation)
  if (parameters.length > 0)
    operation.parameters = [
      ...(operation.parameters ?? []),
      ...parameters.map((name) => ({ $ref: `#/components/parameters/${name}` })),
    ]
  if (parameters.includes('IfNoneMatch')) documentVersions(responses)
  delete operation['x-if-match']
  delete operation['x-streamed']
  responses.default = { $ref: '#/components/responses/Problem' }
}

function parametersOf(method: string, path: string, operation: Operation): string[] {
  if (!path.startsWith('/api/')) return []
  const { responses } = operation
  const isResource = method === 'get' && !operation['x-streamed'] && hasJson(responses['200'])
  return [
    ...(method === 'post' && operation['x-permission'] !== 'public' ? ['IdempotencyKey'] : []),
    ...(method === 'post' && '202' in responses ? ['Prefer'] : []),
    ...(operation['x-if-match'] ? ['IfMatch'] : []),
    ...(isResource ? ['IfNoneMatch'] : []),
  ]
}

function hasJson(response: Operation['responses'][string] | undefined): boolean {
  return response !== undefined && 'content' in response && 'application/json' in (response.content ?? {})
}

function documentVersions(responses: Operation['responses']): void {
  responses['200'] = {
    ...(responses['200'] as { description: string; headers?: object }),
    headers: {
      ...(responses['200'] as { headers?: object }).headers,
      ETag: { $ref: '#/components/headers/ETag' },
    },
  }
  responses['304'] = { description: STATUS_CODES[304]! }
}
