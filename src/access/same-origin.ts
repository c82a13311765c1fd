import type { FastifyRequest } from 'fastify'
import { accessProblems } from './errors.ts'
import { readSessionCookie } from './session-cookie.ts'

const safe = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Keeps other sites from making a browser change something here (CSRF). What a browser says with Sec-Fetch-Site or, if it
 * is older or the connection is plain http, with Origin decides; no page can forge either. A request that says neither
 * may not use a session cookie. Bearer tokens are exempt: browsers don't send them by themselves.
 * @throws CROSS_SITE_REFUSED
 */
export function requireSameOrigin(request: FastifyRequest): void {
  if (safe.has(request.method) || request.headers.authorization !== undefined) return
  const site = request.headers['sec-fetch-site']
  const { origin } = request.headers
  if (site !== undefined) {
    if (site !== 'same-origin' && site !== 'none')
      throw refusal(`Sec-Fetch-Site says ${String(site).slice(0, 20)}.`)
  } else if (origin !== undefined) {
    if (origin !== `${request.protocol}://${request.host}`)
      throw refusal(`Origin says ${origin.slice(0, 200)}.`)
  } else if (readSessionCookie(request) !== undefined) {
    throw refusal('It has a session cookie, but neither Sec-Fetch-Site nor Origin.')
  }
}

function refusal(detail: string) {
  return accessProblems.CROSS_SITE_REFUSED(detail)
}
