import type { FastifyRequest } from 'fastify'

/** Where to sign in, and to come back from to the page that was asked for. */
export function signInPath(request: FastifyRequest): string {
  const next = safeNext(wanted(request))
  return next === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(next)}`
}

/** The page itself; for a form or a part of a page, the one it stands on. */
function wanted({ method, url, headers }: FastifyRequest): string | undefined {
  const current = headers['hx-current-url'] ?? (method === 'GET' ? undefined : headers.referer)
  if (typeof current === 'string' && URL.canParse(current)) return pathOf(new URL(current))
  return method === 'GET' ? url : undefined
}

/**
 * A page of ours to go on to after signing in; anything else becomes the dashboard, so that no link to us leads to
 * another site. `/.//evil.example` becomes `//evil.example` when it is resolved, so what comes out is looked at.
 */
export function safeNext(next: string | undefined): string {
  if (next === undefined || next.length > 2000 || !URL.canParse(next, base)) return '/'
  const url = new URL(next, base)
  const path = pathOf(url)
  const isOurs = next.startsWith('/') && url.origin === base && /^\/(?![/\\])/.test(path)
  return isOurs && !/^\/(sign-in|setup|session|api)(\/|$)/.test(url.pathname) ? path : '/'
}

const base = 'http://holdfast.invalid'

function pathOf({ pathname, search }: URL): string {
  return pathname + search
}
