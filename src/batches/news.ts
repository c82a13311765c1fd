import type { FastifyInstance } from 'fastify'
import { topicOf } from './find-batches.ts'
import { sampleProgress } from './queries.ts'

/** Tells whoever follows a batch that items of it were settled. */
export interface News {
  tell(batchIds: string[]): void
}

/** However many items are settled, followers are told ten times a second at most. */
const tellEveryMs = 100

/** How far apart the moments are between which the rate is taken. */
const sampleEveryMs = 5000

/** Telling is put off and never fails the work: what is told of is committed, and followers look by themselves as well. */
export function createNews(app: FastifyInstance): News {
  const changed = new Set<string>()
  let timer: NodeJS.Timeout | null = null
  const send = async () => {
    const ids = [...changed]
    changed.clear()
    const em = app.orm.em.fork()
    for (const id of ids) await app.signals.send(em, topicOf(id))
    const now = app.clock.now()
    await sampleProgress(em, ids, now, new Date(now.getTime() - sampleEveryMs))
  }
  app.addHook('preClose', async () => void (timer && clearTimeout(timer)))
  return {
    tell(batchIds) {
      for (const id of batchIds) changed.add(id)
      timer ??= setTimeout(() => {
        timer = null
        send().catch((error: unknown) => app.log.warn({ err: error }, 'batches: progress could not be told'))
      }, tellEveryMs)
    },
  }
}
