import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { PartyAction } from '../datasets/definition.ts'
import { requireParty } from '../datasets/parties.ts'
import { partyActions } from '../datasets/policies.ts'
import { keysOf } from '../datasets/scope.ts'
import { topicOf } from './attempts.ts'
import { findSnapshot } from './find-snapshots.ts'
import type { Snapshot } from './snapshot.ts'

/**
 * The snapshot that a request is about; a refusal then says so in the audit log. A member has to be a party to all of
 * its records, in a role that may do what the route's permission names.
 * @throws Problem SNAPSHOT_NOT_FOUND, NOT_A_PARTY, FORBIDDEN
 */
export async function concernedSnapshot(
  app: FastifyInstance,
  request: FastifyRequest,
  id: string,
): Promise<Snapshot> {
  const snapshot = await findSnapshot(app.orm.em, id)
  request.concern = { entityType: 'snapshot', entityIds: [id], dataset: snapshot.dataset }
  if (request.actor.role === 'member') {
    const dataset = app.datasets.get(snapshot.dataset)
    await requireParty(app, request.actor, dataset, keysOf(snapshot.scope), actionOf(request))
  }
  return snapshot
}

/** `snapshots:download` is the party's `download`; what only others may never gets here for a member. */
function actionOf({ routeOptions }: FastifyRequest): PartyAction {
  const action = routeOptions.config.permission?.split(':')[1]
  return partyActions.find((known) => known === action) ?? 'view'
}

/** @returns the snapshot when it is finished, or as it is when the time is over */
export async function waitUntilFinished(
  app: FastifyInstance,
  snapshot: Snapshot,
  seconds: number,
): Promise<Snapshot> {
  if (seconds === 0) return snapshot
  const finished = async () => {
    const latest = await findSnapshot(app.orm.em, snapshot.id)
    return latest.isUnfinished() ? null : latest
  }
  const found = await app.signals.waitFor(topicOf(snapshot.id), finished, seconds * 1000)
  return found ?? findSnapshot(app.orm.em, snapshot.id)
}

/** Aborts when the caller goes away before the answer. */
export function whileConnected(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  return gone.signal
}
