import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { TProperties } from 'typebox'
import { causeOf } from '../audit/actor.ts'
import { wordScope } from '../platform/wording.ts'
import type { Selectable, SelectionAction } from '../selections/selectable.ts'
import { deleteSnapshot } from './delete-snapshot.ts'
import { countSnapshots, listSnapshots } from './list-snapshots.ts'
import { concernedSnapshot } from './requests.ts'
import type { Snapshot } from './snapshot.ts'
import { updateSnapshot } from './update-snapshot.ts'

/** What can be done with several snapshots at once. @param query the schema of the list's query */
export function selectableSnapshots(
  app: FastifyInstance,
  query: { properties: TProperties },
): Selectable<Snapshot> {
  return {
    path: '/snapshots',
    noun: 'snapshot',
    query,
    read: ({ actor }, filter, page) => listSnapshots(app, actor, filter, page),
    count: ({ actor }, filter) => countSnapshots(app, actor, filter),
    nameOf: ({ dataset, title, scope, createdAt }) =>
      `${title ?? `${dataset}, ${wordScope(scope)}`}, ${createdAt.toISOString().slice(0, 10)}`,
    actions: [holdAction(app, true), holdAction(app, false), deletion(app)],
  }
}

function holdAction(app: FastifyInstance, hold: boolean): SelectionAction {
  return {
    name: hold ? 'hold' : 'lifting',
    permission: 'snapshots:update',
    label: hold ? 'Put on hold' : 'Lift the hold',
    icon: hold ? 'lock' : 'skip',
    done: hold ? 'on hold' : 'no longer on hold',
    act: async (request, id) => {
      await concernedSnapshot(app, request, id)
      await updateSnapshot(app, id, { hold }, causeOf(request))
    },
  }
}

function deletion(app: FastifyInstance): SelectionAction {
  return {
    name: 'deletion',
    permission: 'snapshots:delete',
    label: 'Delete',
    icon: 'trash',
    done: 'deleted',
    warning:
      'Their stored bytes go with them, and nobody can bring them back. Those on hold, and those that a restore or a cleanup could still be undone with, are left alone.',
    act: async (request: FastifyRequest, id) => {
      await concernedSnapshot(app, request, id)
      await deleteSnapshot(app, id, { ...causeOf(request), force: false })
    },
  }
}
