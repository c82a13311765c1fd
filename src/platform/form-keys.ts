import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'

declare module 'fastify' {
  interface FastifyRequest {
    /** The one-time key of the form that the request came from. */
    formKey: string | null
  }
}

const field = 'once'

/**
 * Every form that changes something carries a key that no other page has, so that a form that is sent twice is done once:
 * idempotency/hooks.ts goes by it. Takes it off the body, of which routes then need to know nothing, and off the query: some
 * forms have a button that only asks what they would do.
 */
export default plugin(
  async (app: FastifyInstance) => {
    app.decorateRequest('formKey', null)
    app.addHook('preValidation', async (request) => takeKey(request))
  },
  { name: 'form-keys', dependencies: ['bodies'] },
)

function takeKey(request: FastifyRequest): void {
  const { body, headers, query, url } = request
  if (!url.startsWith('/api/')) delete (query as Record<string, unknown>)[field]
  const isForm = headers['content-type']?.startsWith('application/x-www-form-urlencoded') ?? false
  if (!isForm || typeof body !== 'object' || body === null || !(field in body)) return
  const key = body[field]
  delete body[field]
  if (typeof key === 'string' && /^[\da-f-]{36}$/.test(key)) request.formKey = key
}

/** A page with a key in each of its forms. They share it: another address or other fields make it another request. */
export function withFormKeys(page: string): string {
  const key = randomUUID()
  return page.replace(
    /<form\b[^>]*\bmethod="post"[^>]*>/g,
    (form) => `${form}<input type="hidden" name="${field}" value="${key}">`,
  )
}
