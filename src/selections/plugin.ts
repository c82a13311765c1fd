import type { FastifyInstance } from 'fastify'
import plugin from 'fastify-plugin'
import { selectionProblems } from './errors.ts'

/** Choosing several things of a list and doing the same with each; see selection-pages.ts. */
export default plugin(async (app: FastifyInstance) => app.addProblems(selectionProblems), {
  name: 'selections',
  dependencies: ['audit'],
})
