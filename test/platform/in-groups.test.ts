import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { inGroups } from '../../src/platform/in-groups.ts'

function held() {
  const groups: string[][] = []
  const ends: { answer(): void; fail(): void }[] = []
  const ask = inGroups(
    (asks: string[]) =>
      new Promise<string[]>((settle, fail) => {
        groups.push(asks)
        ends.push({
          answer: () => settle(asks.map((one) => one.toUpperCase())),
          fail: () => fail(new Error('lost')),
        })
      }),
  )
  return { groups, ends, ask }
}

t.test('who asks while a statement is under way goes into the next, never into that one', async (t) => {
  const { groups, ends, ask } = held()
  const first = ask('a')
  const others = [ask('b'), ask('a'), ask('c')]
  t.same(groups, [['a']])
  ends[0]!.answer()
  t.equal(await first, 'A')
  await setImmediate()
  t.same(groups, [['a'], ['b', 'a', 'c']])
  ends[1]!.answer()
  t.same(await Promise.all(others), ['B', 'A', 'C'])
  void ask('d')
  await setImmediate()
  t.same(groups[2], ['d'], 'and nobody waits where none is')
})

t.test('a failure is told to all of its group, and the next goes on', async (t) => {
  const { ends, ask } = held()
  const failed = [ask('a')]
  failed.push(ask('b'))
  ends[0]!.fail()
  await t.rejects(failed[0]!, { message: 'lost' })
  await setImmediate()
  ends[1]!.fail()
  await t.rejects(failed[1]!, { message: 'lost' })
  await setImmediate()
  const next = ask('c')
  ends[2]!.answer()
  t.equal(await next, 'C')
})
