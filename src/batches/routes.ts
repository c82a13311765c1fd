import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import plugin from 'fastify-plugin'
import { createBatches } from './batches.ts'
import { batchProblems } from './errors.ts'
import { createCommits } from './group-commit.ts'
import { keepReconciled } from './reconcile-batches.ts'
import { runBatch } from './run-batch.ts'
import { runJob } from './run-job.ts'

const routes: FastifyPluginAsyncTypebox = async (app) => {
  app.addProblems(batchProblems)
  app.decorate('batches', createBatches(createCommits(app.orm, () => app.clock.now())))
  app.queue.define<{ id: string }>(runJob, ({ id }, run) => runBatch(app, id, run), { concurrency: 4 })
  keepReconciled(app)
}

export default plugin(routes, { name: 'batches', dependencies: ['notifications'] })
