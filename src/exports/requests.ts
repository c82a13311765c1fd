import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { PartyAction } from '../datasets/definition.ts'
import { requireParty } from '../datasets/parties.ts'
import { partyActions } from '../datasets/policies.ts'
import { keysOf } from '../datasets/scope.ts'
import { topicOf } from './attempts.ts'
import { findExport } from './find-exports.ts'
import type { Export } from './export.ts'

/**
 * The export that a request is about; a refusal then says so in the audit log. A member has to be a party to all of
 * its records, in a role that may do what the route's permission names.
 * @throws Problem EXPORT_NOT_FOUND, NOT_A_PARTY, FORBIDDEN
 */
export async function concernedExport(
  app: FastifyInstance,
  request: FastifyRequest,
  id: string,
): Promise<Export> {
  const exported = await findExport(app.orm.em, id)
  request.concern = { entityType: 'export', entityIds: [id], dataset: exported.dataset }
  if (request.actor.role === 'member') {
    const dataset = app.datasets.get(exported.dataset)
    await requireParty(app, request.actor, dataset, keysOf(exported.scope), actionOf(request))
  }
  return exported
}

/** `exports:download` is the party's `download`; what only others may never gets here for a member. */
function actionOf({ routeOptions }: FastifyRequest): PartyAction {
  const action = routeOptions.config.permission?.split(':')[1]
  return partyActions.find((known) => known === action) ?? 'view'
}

/** @returns the export when it is finished, or as it is when the time is over */
export async function waitUntilFinished(
  app: FastifyInstance,
  exported: Export,
  seconds: number,
): Promise<Export> {
  if (seconds === 0) return exported
  const finished = async () => {
    const latest = await findExport(app.orm.em, exported.id)
    return latest.isUnfinished() ? null : latest
  }
  const found = await app.signals.waitFor(topicOf(exported.id), finished, seconds * 1000)
  return found ?? findExport(app.orm.em, exported.id)
}

/** Aborts when the caller goes away before the answer. */
export function whileConnected(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  return gone.signal
}
