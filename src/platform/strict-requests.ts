import type { FastifyInstance, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import Type from 'typebox'
import type { InputError } from './errors.ts'
import { invalid } from './problem-answers.ts'
import { answerExpectation, rawProblems } from './raw-answers.ts'
import { findUnfit, isFit, unfitText } from './unfit-values.ts'

/** Refuses what the routes' own schemas don't: it holds for every route alike. */
export default plugin(
  async (app: FastifyInstance) => {
    app.addHook('onRoute', (route) => {
      route.schema = { querystring: nothing, ...route.schema }
      if (route.config?.permission === 'public') route.bodyLimit ??= strangersBodyLimit
    })
    app.server.on('checkExpectation', answerExpectation)
    app.addHook('preParsing', async ({ headers, raw }) => {
      if (raw.httpVersion === '0.9') throw rawProblems.NOT_HTTP('HTTP/0.9 is not spoken here.')
      if (headers.host === undefined && raw.httpVersion === '1.1')
        throw invalid([{ pointer: 'header:host', detail: 'is required' }])
    })
    app.addHook('preValidation', async (request) => {
      const errors = [...unfitParameters(request), ...unfitBody(request)]
      if (errors.length > 0) throw invalid(errors)
    })
  },
  { name: 'strict-requests', dependencies: ['problem-answers', 'bodies'] },
)

/** Bytes. Strangers have little to say, and many of them may say it at once. */
const strangersBodyLimit = 16_384

/** A route that declares no query parameters accepts none. */
const nothing = Type.Object({}, { additionalProperties: false })

function unfitParameters(request: FastifyRequest): InputError[] {
  const query = request.url.split('?', 2)[1] ?? ''
  if (!isDecodable(query)) return [{ pointer: 'query:', detail: 'is not percent-encoded UTF-8' }]
  return [...unfitIn('path', request.params), ...unfitIn('query', request.query)]
}

function unfitIn(place: string, values: unknown): InputError[] {
  return Object.entries(values ?? {})
    .filter(([, value]) => [value].flat().some((one) => typeof one === 'string' && !isFit(one)))
    .map(([name]) => ({ pointer: `${place}:${name}`, detail: unfitText }))
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** JSON was looked at when it was read. */
function unfitBody({ body, rawBody, routeOptions }: FastifyRequest): InputError[] {
  if (body === undefined || body === null) return []
  if (routeOptions.schema?.body === undefined)
    return isEmpty(body) ? [] : [{ pointer: '', detail: 'must be empty: this call takes no body' }]
  return rawBody === null ? findUnfit(body) : []
}

function isEmpty(body: unknown): boolean {
  return typeof body === 'object' && body !== null && Object.keys(body).length === 0
}
