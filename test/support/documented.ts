import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import type { ApiDocument } from './bad-requests.ts'

/** What came back for a request. */
export interface Answer {
  status: number
  type: string
  body: string
}

/**
 * Compares answers with an OpenAPI document: a status that it doesn't name, another media type or a body that doesn't
 * fit is a complaint. Refusals (4xx) are problems everywhere.
 * @returns the complaint, null when there is none; and which statuses of which operations were seen
 */
export function documented(document: ApiDocument) {
  const ajv = new Ajv({ strict: false, allErrors: true })
  formats.default(ajv)
  ajv.addSchema(document, 'document')
  // What has no parameter comes first: /api/audit/download is no entry.
  const operations = Object.entries(document.paths)
    .map(([path, item]) => ({ path, item, form: formOf(path) }))
    .sort((a, b) => a.path.split('{').length - b.path.split('{').length)
  const seen = new Set<string>()

  function complaintOf(method: string, url: string, { status, type, body }: Answer): string | null {
    const pathname = url.split('?', 1)[0]!
    const found = operations.find(({ form, item }) => form.test(pathname) && method.toLowerCase() in item)
    if (found === undefined) return null
    const { path } = found
    const operation = found.item[method.toLowerCase()] as { responses: Record<string, { content?: object }> }
    const name = String(status) in operation.responses ? String(status) : 'default'
    seen.add(`${method} ${path} ${status}`)
    // Outside of the API a browser is led to the page for signing in.
    if (status === 303 && !path.startsWith('/api/')) return null
    if (name === 'default' && status < 400) return `${method} ${path}: ${status} is not documented`
    const media = type.split(';', 1)[0]!.trim()
    if (name === 'default')
      return body === '' || media === 'text/html' ? null : fit('document#/components/schemas/Problem', body)
    const { content } = operation.responses[name]!
    if (content === undefined) return body === '' ? null : `${method} ${path}: ${status} has a body`
    if (!(media in content)) return `${method} ${path}: ${status} is ${media}, which is not documented`
    if (media !== 'application/json') return null
    const at = ['paths', path, method.toLowerCase(), 'responses', name, 'content', media, 'schema']
    const complained = fit(`document#/${at.map(escaped).join('/')}`, body)
    return complained && `${method} ${path} ${status}: ${complained}`
  }

  function fit(reference: string, body: string): string | null {
    const validate = ajv.getSchema(reference) ?? ajv.compile({ $ref: reference })
    return validate(JSON.parse(body)) ? null : `${ajv.errorsText(validate.errors)}: ${body.slice(0, 500)}`
  }

  return { complaintOf, seen }
}

function formOf(path: string): RegExp {
  const parts = path.split(/\{\w+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('[^/]+')}$`)
}

function escaped(name: string): string {
  return encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'))
}
