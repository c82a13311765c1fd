import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { may } from '../access/permissions.ts'
import { url } from '../platform/components.ts'
import { answerForm, type Shown } from '../platform/forms.ts'
import { filterOf, type Count, type Listed } from '../platform/list-page.ts'
import { requireTypedName } from '../platform/typed-name.ts'
import { wordCount } from '../platform/wording.ts'
import { actOnEach } from './act-on-each.ts'
import { ChosenForm, ChosenQuery, chosenUrl, listQueryOf, readChosen, type Chosen } from './chosen.ts'
import { leadToOutcome, takeOutcome } from './outcome.ts'
import type { Selectable, SelectionAction } from './selectable.ts'

/**
 * What a list's page needs for choosing: views/partials/pick.eta beside each row, headings.eta above, selection.eta below.
 * @returns `selection` is null for those who may do nothing with what they choose
 */
export async function selectionOf<Item extends { id: string }>(
  list: Selectable<Item>,
  reply: FastifyReply,
  query: Listed,
): Promise<{ selection: object | null; outcome: object | null; total: Count | null }> {
  const { request } = reply
  const actions = list.actions.filter(({ permission }) => may(request.actor, permission))
  const total = actions.length === 0 ? null : await list.count(request, filterOf(query))
  const { cursor: _cursor, ...fields } = query
  const selection = { path: list.path, noun: list.noun, actions, fields }
  return { selection: actions.length === 0 ? null : selection, outcome: describeOutcome(list, reply), total }
}

function describeOutcome<Item extends { id: string }>(list: Selectable<Item>, reply: FastifyReply) {
  const outcome = takeOutcome(reply)
  const action = list.actions.find(({ name }) => name === outcome?.action)
  if (outcome === null || action === undefined) return null
  const { problems } = reply.server
  const refused = outcome.refused.map((one) => ({ ...one, title: problems.get(one.code)?.title ?? one.code }))
  return { ...outcome, refused, words: action.done, noun: list.noun, path: list.path }
}

/** The addresses that a list's form leads to, one for each thing that can be done with what is chosen. */
export function addSelection<Item extends { id: string }>(
  app: FastifyInstance,
  list: Selectable<Item>,
): void {
  for (const action of list.actions) {
    const address = `${list.path}/selection/${action.name}`
    const config = { permission: action.permission }
    app.post(
      address,
      { config, schema: { hide: true, body: ChosenForm(list.query) } },
      async (request, reply) => answer(list, action, request, reply),
    )
    if (action.warning === undefined) continue
    app.get(
      address,
      { config, schema: { hide: true, querystring: ChosenQuery(list.query) } },
      async (request, reply) => ask(list, action, reply, request.query as Chosen),
    )
  }
}

async function answer<Item extends { id: string }>(
  list: Selectable<Item>,
  action: SelectionAction,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const chosen = request.body as Chosen
  if (action.warning === undefined) return carryOut(list, action, reply, chosen)
  if (chosen.confirmation === undefined)
    return reply.redirect(chosenUrl(`${list.path}/selection/${action.name}`, chosen), 303)
  return answerForm(
    request,
    () => carryOut(list, action, reply, chosen),
    (shown) => ask(list, action, reply, chosen, shown),
  )
}

async function carryOut<Item extends { id: string }>(
  list: Selectable<Item>,
  action: SelectionAction,
  reply: FastifyReply,
  chosen: Chosen,
): Promise<FastifyReply> {
  const { request } = reply
  const items = await readChosen(list, request, chosen, { agreed: true })
  if (action.warning !== undefined) requireTypedName(chosen.confirmation, wordCount(items.length, list.noun))
  const outcome = await actOnEach(
    request,
    items.map(({ id }) => id),
    action,
  )
  return leadToOutcome(reply, url(list.path, listQueryOf(chosen)), action.name, outcome)
}

/** How many of them the page names that asks once more. */
const sampled = 10

async function ask<Item extends { id: string }>(
  list: Selectable<Item>,
  action: SelectionAction,
  reply: FastifyReply,
  chosen: Chosen,
  shown: Shown = {},
): Promise<string> {
  const items = await readChosen(list, reply.request, chosen, { agreed: false })
  const count = wordCount(items.length, list.noun)
  const { confirmation: _confirmation, ids = [], ...fields } = chosen
  return reply.page('selections/ask', {
    title: `${action.label} ${count}`,
    backTo: list.path,
    list: { path: list.path, noun: list.noun, href: url(list.path, listQueryOf(chosen)) },
    action,
    count,
    sample: items.slice(0, sampled).map((item) => ({ id: item.id, name: list.nameOf(item) })),
    more: Math.max(0, items.length - sampled),
    fields: { ...fields, ...(chosen.all !== undefined && { all: items.length }) },
    ids: chosen.all === undefined ? [ids].flat() : [],
    ...shown,
  })
}
