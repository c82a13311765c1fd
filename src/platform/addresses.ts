import type { FastifyRequest } from 'fastify'

/** The path that was asked for, without the query, as it came. */
export function pathOf({ url }: FastifyRequest): string {
  return url.replace(/^[a-z]+:\/\/[^/?]*/i, '').split('?', 1)[0]!
}

/** Whether a request is for the API rather than for a page. */
export function isForApi(request: FastifyRequest): boolean {
  return /^\/api(\/|$)/.test(request.routeOptions.url ?? pathOf(request))
}

/** Whether the answer is for a person's browser. */
export function wantsPage(request: FastifyRequest): boolean {
  return !isForApi(request) && (request.headers.accept?.includes('text/html') ?? false)
}
