import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'
import Type, { type Static } from 'typebox'
import { platformProblems } from './problem-answers.ts'

const Code = Type.Object({ code: Type.String({ maxLength: 100 }) })

/** The pages that a problem's `type` leads to: what each code means and what to do about it. */
export default plugin(
  async (app: FastifyInstance) => {
    app.get(
      '/problems',
      { config: { permission: 'public' }, schema: { hide: true } },
      async (_request, reply) =>
        reply.page('problems/list', {
          title: 'Error codes',
          problems: [...app.problems].sort(([a], [b]) => (a < b ? -1 : 1)),
        }),
    )

    app.get<{ Params: Static<typeof Code> }>(
      '/problems/:code',
      { config: { permission: 'public' }, schema: { hide: true, params: Code } },
      async ({ params: { code } }, reply) => {
        const explained = app.problems.get(code)
        if (explained === undefined) throw platformProblems.NOT_FOUND(`There is no error code ${code}.`)
        return reply.page('problems/show', { title: code, code, explained })
      },
    )
  },
  { name: 'problem-pages', dependencies: ['problem-answers', 'views'] },
)
