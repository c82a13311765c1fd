import type { FastifyInstance, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import Type, { type Static } from 'typebox'
import { wantsPage } from './addresses.ts'
import type { ProblemDefinition } from './errors.ts'
import { platformProblems } from './problem-answers.ts'

const Code = Type.Object({ code: Type.String({ maxLength: 100 }) })

/**
 * The pages that a problem's `type` leads to: what each code means and what to do about it. Whoever doesn't ask for HTML
 * gets the same as JSON.
 */
export default plugin(
  async (app: FastifyInstance) => {
    const options = { config: { permission: 'public' as const } }

    app.get('/problems', { ...options, schema: { hide: true } }, async (request, reply) => {
      const problems = [...app.problems].sort(([a], [b]) => (a < b ? -1 : 1))
      reply.header('vary', 'accept')
      if (!wantsPage(request)) return { items: problems.map(([code, problem]) => explain(code, problem)) }
      return reply.page('problems/list', { title: 'Error codes', problems })
    })

    app.get(
      '/problems/:code',
      { ...options, schema: { hide: true, params: Code } },
      async (request: FastifyRequest<{ Params: Static<typeof Code> }>, reply) => {
        const { code } = request.params
        const explained = app.problems.get(code)
        if (explained === undefined) throw platformProblems.NOT_FOUND(`There is no error code ${code}.`)
        reply.header('vary', 'accept')
        if (!wantsPage(request)) return explain(code, explained)
        return reply.page('problems/show', { title: code, code, explained })
      },
    )
  },
  { name: 'problem-pages', dependencies: ['problem-answers', 'views'] },
)

function explain(code: string, { status, title, hint }: ProblemDefinition) {
  return { type: `/problems/${code}`, code, status, title, hint }
}
