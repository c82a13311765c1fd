import type { FastifyInstance, FastifyRequest } from 'fastify'
import plugin from 'fastify-plugin'
import { Problem } from '../platform/errors.ts'
import { appendAudit } from './append-audit.ts'
import { createRefusalBudget } from './refusal-budget.ts'

/** What a request is about. */
export interface Concern {
  entityType: string
  entityIds: string[]
  dataset?: string
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What the request is about, for the audit log, when neither its address nor its body's `dataset` tells. */
    concern: Concern | null
  }
  interface FastifyInstance {
    /** Records what was refused although the request itself isn't, such as one of many. */
    recordRefusal(request: FastifyRequest, problem: Problem): Promise<void>
  }
}

/** Refusals of what would have changed something: conflicts, gates, preconditions, limits. Bad input is none. */
const refusalsOfChanges = new Set([409, 410, 412, 422, 423, 428, 429])

/**
 * Writes an audit entry, in a transaction of its own and before the answer goes out, for every refusal: credentials that
 * are not right, permissions that are missing, and whatever else kept a change from being made. refusal-budget.ts says
 * how many.
 */
export default plugin(
  async (app: FastifyInstance) => {
    const budget = createRefusalBudget(() => app.clock.now().getTime())
    app.decorateRequest('concern', null)
    app.decorate('recordRefusal', async (request, problem) => {
      if (!isRefusal(request, problem)) return
      const admitted = budget.admit(...partyOf(request))
      if (admitted !== null) await record(app, request, problem, admitted.passedOver)
    })
    app.addHook('onError', async (request, _reply, error) => {
      if (error instanceof Problem) await app.recordRefusal(request, error)
    })
  },
  { name: 'record-refusals' },
)

function isRefusal(request: FastifyRequest, { status }: Problem): boolean {
  if (status === 403) return true
  if (status === 401) return request.showedCredentials
  return refusalsOfChanges.has(status) && !['GET', 'HEAD', 'OPTIONS'].includes(request.method)
}

function partyOf({ actor, concern, ip }: FastifyRequest): [party: string, isStranger: boolean] {
  if (actor.id !== null) return [actor.id, false]
  return concern === null ? [ip, true] : [`${concern.entityType} ${concern.entityIds.join()}`, false]
}

async function record(app: FastifyInstance, request: FastifyRequest, problem: Problem, passedOver: number) {
  const subject = request.concern ?? concernOf(request)
  const entry = {
    actor: request.actor,
    action: attempted(request),
    outcome: 'refused' as const,
    ...subject,
    requestId: request.id,
    address: request.ip,
    metadata: {
      method: request.method,
      path: pathOf(request),
      status: problem.status,
      code: problem.code,
      detail: problem.message.slice(0, 500),
      ...(passedOver > 0 && { passedOver }),
    },
  }
  try {
    await app.orm.em.fork().transactional((em) => appendAudit(em, entry))
  } catch (error) {
    request.log.error({ err: error, problem: problem.code }, 'a refusal could not be recorded')
  }
}

/** The permission that the request needed; where it is none in particular, the noun and the method. */
function attempted(request: FastifyRequest): string {
  const permission = request.routeOptions.config.permission ?? ''
  return permission.includes(':') ? permission : `${nounOf(request)}:${request.method.toLowerCase()}`
}

function nounOf(request: FastifyRequest): string {
  const path = request.routeOptions.url ?? pathOf(request)
  return path.split('/').findLast((part) => part !== '' && !/^[:*]/.test(part)) ?? 'root'
}

function concernOf(request: FastifyRequest): Concern {
  const { dataset: named, ...params } = (request.params ?? {}) as Record<string, string>
  const dataset = named ?? (request.body as { dataset?: unknown } | null | undefined)?.dataset
  return {
    entityType: singular(attempted(request).split(':', 1)[0]!),
    entityIds: Object.values(params).map((value) => value.slice(0, 200)),
    ...(typeof dataset === 'string' && { dataset: dataset.slice(0, 100) }),
  }
}

function singular(noun: string): string {
  return noun.replace(/ies$/, 'y').replace(/(ch)es$|s$/, '$1')
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0]!.slice(0, 300)
}
