import { setTimeout as longerThanThat } from 'node:timers/promises'
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { defineProblems } from '../../src/platform/errors.ts'
import { actOnEach } from '../../src/selections/act-on-each.ts'

const problems = defineProblems({ HELD: { status: 409, title: 'It is held', hint: '' } })
const recorded: string[] = []
const request = {
  concern: null,
  server: { recordRefusal: async (_request: unknown, { code }: { code: string }) => recorded.push(code) },
} as unknown as FastifyRequest

t.test('a refusal keeps none of the others from being done, and is recorded', async (t) => {
  const done: string[] = []
  const act = async (_request: FastifyRequest, id: string) => {
    if (id === 'b') throw problems.HELD('b is held.')
    done.push(id)
  }
  const outcome = await actOnEach(request, ['a', 'b', 'c'], { act })
  t.same(outcome, { done: 2, refused: [{ code: 'HELD', count: 1, ids: ['b'] }], left: 0 })
  t.same(done, ['a', 'c'])
  t.same(recorded, ['HELD'])
})

t.test('when its time is over no other is begun, and what is left is said', async (t) => {
  const act = () => longerThanThat(5)
  const outcome = await actOnEach(request, ['a', 'b', 'c'], { act }, 0)
  t.same(outcome, { done: 1, refused: [], left: 2 })
})

t.test('whatever is no problem ends it', async (t) => {
  const act = async () => {
    throw new Error('broken')
  }
  await t.rejects(actOnEach(request, ['a'], { act }), /broken/)
})
