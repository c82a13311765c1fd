import t from 'tap'
import { snapshotService, take } from './service.ts'

t.test(
  'lists of datasets say how fresh their snapshots are; a whole one counts before a month',
  async (t) => {
    const service = await snapshotService(t)
    const chat = async () => {
      const { status, body } = await service.call('GET', '/datasets/chat')
      t.equal(status, 200)
      return body.freshness
    }
    const listed = async () => {
      const { status, body } = await service.call('GET', '/datasets')
      t.equal(status, 200)
      return body.items.find(({ name }) => name === 'chat')!.freshness
    }
    t.equal(await chat(), null)
    const whole = await take(service, { dataset: 'chat' })
    await take(service, { dataset: 'chat', scope: { month: '2026-10' } })
    t.match(await chat(), { snapshots: 2, last: { id: whole.id, scope: { all: true } }, failed: null })
    t.same(await listed(), await chat())
  },
)
