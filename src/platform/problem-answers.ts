import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import { pathOf, wantsPage } from './addresses.ts'
import { bodyProblems } from './bodies.ts'
import { isDatabaseGone } from './database-failures.ts'
import { listProblems } from './cursors.ts'
import { defineProblems, Problem, type InputError, type ProblemDefinition } from './errors.ts'
import { findErrors } from './find-errors.ts'
import { problemDocument, problemType } from './problem-document.ts'
import { rawProblems } from './raw-answers.ts'

export const platformProblems = defineProblems({
  VALIDATION_FAILED: {
    status: 400,
    title: 'The request is not valid',
    hint: 'Mend what `errors` lists. Unknown fields and parameters are refused, and nothing is converted: a number is not a string.',
  },
  NOT_FOUND: {
    status: 404,
    title: 'There is nothing here',
    hint: 'Check the address. What was deleted, or belongs to a dataset that you may not see, is not found either.',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'The address does not take this method',
    hint: 'Use one of the methods that `Allow` lists.',
  },
  REQUEST_REFUSED: { status: 400, title: 'The request cannot be served', hint: 'See the detail.' },
  TOO_MANY_REQUESTS: {
    status: 429,
    title: 'Too many requests',
    hint: 'Wait as long as Retry-After says, then go on more slowly.',
  },
  DATABASE_UNREACHABLE: {
    status: 503,
    title: "Holdfast's own database does not answer",
    hint: 'Try again in a moment. If it stays, look at /readyz, and at the server that DATABASE_URL names.',
  },
  INTERNAL: {
    status: 500,
    title: 'Something went wrong on our side',
    hint: 'Nothing was changed unless the answer says so. Try again; if it stays, look the request id up in the log.',
  },
})

declare module 'fastify' {
  interface FastifyInstance {
    /** Every error the service can answer with, by code; features add their tables. */
    problems: Map<string, ProblemDefinition>
    addProblems(table: { definitions: Record<string, ProblemDefinition> }): void
  }
}

/** One place maps errors to problem JSON (RFC 9457) or an error page. */
export default plugin(
  async (app: FastifyInstance) => {
    app.decorate('problems', new Map<string, ProblemDefinition>())
    app.decorate('addProblems', ({ definitions }) => {
      for (const [code, definition] of Object.entries(definitions)) app.problems.set(code, definition)
    })
    app.addProblems(platformProblems)
    app.addProblems(rawProblems)
    app.addProblems(listProblems)
    app.setErrorHandler(async (error, request, reply) =>
      answer(app, toProblem(error as FastifyError, request), request, reply),
    )
    // Before the body is read: what nobody asked for need not be taken in.
    app.addHook('preParsing', async (request, reply) => {
      if (request.is404) throw notFound(app, request, reply)
    })
    app.setNotFoundHandler(async (request, reply) =>
      answer(app, notFound(app, request, reply), request, reply),
    )
  },
  { name: 'problem-answers' },
)

function notFound(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): Problem {
  const path = pathOf(request)
  const methods = app.methodsOf(path)
  if (methods.length === 0) return platformProblems.NOT_FOUND(`There is no ${path.slice(0, 200)}.`)
  reply.header('allow', methods.join(', '))
  return platformProblems.METHOD_NOT_ALLOWED(`${path.slice(0, 200)} takes ${methods.join(', ')}.`)
}

/** What went wrong, as something to answer with. */
export function toProblem(error: FastifyError, request: FastifyRequest): Problem {
  if (error instanceof Problem) return error
  if (error.validation) return invalid(findErrors(error, request))
  const status = error.statusCode ?? 500
  if (status === 413) return bodyProblems.BODY_TOO_LARGE('The body is larger than this call takes.')
  if (status === 415) return bodyProblems.MEDIA_TYPE_UNSUPPORTED('Bodies are JSON.')
  if (error.code?.startsWith('FST_ERR_CTP')) return bodyProblems.BODY_MALFORMED(error.message)
  if (status < 500) return platformProblems.REQUEST_REFUSED(error.message)
  const detail = 'The request could not be completed.'
  return isDatabaseGone(error)
    ? platformProblems.DATABASE_UNREACHABLE(detail, { cause: error, retryAfter: 5 })
    : platformProblems.INTERNAL(detail, { cause: error })
}

/** @param errors all that is wrong with a request */
export function invalid(errors: InputError[]): Problem {
  const first = errors.slice(0, 5).map(({ pointer, detail }) => `${pointer} ${detail}`.trim())
  const detail = errors.length > first.length ? [...first, `and ${errors.length - first.length} more`] : first
  return platformProblems.VALIDATION_FAILED(detail.join('; '), { errors })
}

async function answer(app: FastifyInstance, problem: Problem, request: FastifyRequest, reply: FastifyReply) {
  if (problem.status >= 500) request.failure = problem.particulars.cause ?? problem
  if (problem.particulars.retryAfter) reply.header('retry-after', Math.ceil(problem.particulars.retryAfter))
  reply.code(problem.status).header('cache-control', 'no-store')
  try {
    if (wantsPage(request))
      return await reply.problemPage(problem, app.problems.get(problem.code)?.hint ?? '')
  } catch (error) {
    request.failure ??= error // A page that can't be drawn must not hide what it was to say.
  }
  return reply.type(problemType).send(problemDocument(problem, request.id))
}
