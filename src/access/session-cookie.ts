import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * `__Host-` makes browsers insist on https, on this host alone and on the whole of it; plain http cannot have it. Each
 * is believed only where it belongs, so nobody plants a session of theirs over plain http.
 */
function nameFor(request: FastifyRequest): string {
  return request.protocol === 'https' ? '__Host-holdfast_session' : 'holdfast_session'
}

function options(request: FastifyRequest) {
  return { path: '/', httpOnly: true, sameSite: 'lax', secure: request.protocol === 'https' } as const
}

/** What the browser's session cookie holds. */
export function readSessionCookie(request: FastifyRequest): string | undefined {
  return request.cookies[nameFor(request)]
}

/** Gives the browser its session. It forgets it when it is closed; the server forgets it no later. */
export function setSessionCookie(request: FastifyRequest, reply: FastifyReply, secret: string): void {
  reply.setCookie(nameFor(request), secret, options(request))
}

export function clearSessionCookie(request: FastifyRequest, reply: FastifyReply): void {
  reply.clearCookie(nameFor(request), options(request))
}
