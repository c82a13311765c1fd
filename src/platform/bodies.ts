import type { FastifyInstance, FastifyRequest } from 'fastify'
import formbody from '@fastify/formbody'
import plugin from 'fastify-plugin'
import { isForApi } from './addresses.ts'
import { defineProblems } from './errors.ts'
import { readJson } from './json-text.ts'
import { findUnfit, isSurelyFit } from './unfit-values.ts'

export const bodyProblems = defineProblems({
  BODY_MALFORMED: {
    status: 400,
    title: 'The body cannot be read',
    hint: 'Send well-formed JSON in UTF-8 with Content-Type: application/json. The detail says where it stops being so.',
  },
  BODY_TOO_LARGE: {
    status: 413,
    title: 'The body is too large',
    hint: 'A request may have 1 MiB, and 16 KiB before signing in. Split it up.',
  },
  MEDIA_TYPE_UNSUPPORTED: {
    status: 415,
    title: 'The content type is not supported',
    hint: 'Send JSON in UTF-8, not compressed, with Content-Type: application/json. Forms are for the pages.',
  },
})

declare module 'fastify' {
  interface FastifyRequest {
    /** The body of an API request as it came, byte for byte; null when there is none. */
    rawBody: Buffer | null
  }
}

/** Reads bodies: JSON for the API, forms for the pages, and nothing else. */
export default plugin(
  async (app: FastifyInstance) => {
    app.addProblems(bodyProblems)
    app.decorateRequest('rawBody', null)
    app.removeAllContentTypeParsers()
    app.addContentTypeParser(
      'application/json',
      { parseAs: 'buffer' },
      async (request: FastifyRequest, body: Buffer) => {
        request.rawBody = body
        return body.length === 0 ? undefined : parse(body)
      },
    )
    await app.register(formbody)
    app.addHook('preParsing', async (request) => refuseMediaType(request))
  },
  { name: 'bodies', dependencies: ['problem-answers'] },
)

function refuseMediaType(request: FastifyRequest): void {
  const { headers } = request
  const type = headers['content-type'] ?? ''
  const charset = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(type)?.[1] ?? 'utf-8'
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') throw bodyProblems.MEDIA_TYPE_UNSUPPORTED('Compressed bodies are not read.')
  if (!/^utf-?8$/i.test(charset)) throw bodyProblems.MEDIA_TYPE_UNSUPPORTED('The body has to be UTF-8.')
  if (isForApi(request) && /^\s*application\/x-www-form-urlencoded/i.test(type))
    throw bodyProblems.MEDIA_TYPE_UNSUPPORTED('The API takes JSON; forms are for the pages.')
}

function parse(body: Buffer): unknown {
  const text = decode(body)
  const read = readJson(text)
  if ('fault' in read) {
    const { place, reason } = read.fault
    throw bodyProblems.BODY_MALFORMED(
      place === null
        ? `The body ${reason}.`
        : `Line ${place.line}, column ${place.column}: the body ${reason}.`,
    )
  }
  const errors = isSurelyFit(text) ? [] : findUnfit(read.value)
  if (errors.length > 0)
    throw bodyProblems.BODY_MALFORMED(errors.map((e) => `${e.pointer} ${e.detail}`).join('; '), { errors })
  return read.value
}

function decode(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw bodyProblems.BODY_MALFORMED('The body is not UTF-8.')
  }
}
