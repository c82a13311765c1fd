import fastify from 'fastify'
import t from 'tap'
import { systemClock } from '../../src/platform/clock.ts'
import { keepTicking } from '../../src/schedules/ticker.ts'

t.test('a start that fails before it was ready ends with what failed, not with the ticker', async (t) => {
  const app = fastify()
  app.decorate('clock', systemClock)
  app.addHook('onReady', async () => {
    throw new Error('no database')
  })
  keepTicking(app)
  await t.rejects(async () => app.ready(), { message: 'no database' })
  await t.resolves(async () => app.close())
})
