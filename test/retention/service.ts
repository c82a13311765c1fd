import type { Test } from 'tap'
import { tick } from '../../src/schedules/tick.ts'
import { finished } from '../schedules/service.ts'
import { snapshotService, type Body } from '../snapshots/service.ts'
import { movableClock } from '../support/people.ts'
import { sql } from '../support/postgres.ts'

/** The service over the example systems, on a clock that the test moves. Nobody is there to deliver notices to. */
export async function retentionService(t: Test, environment: Record<string, string> = {}) {
  const clock = movableClock()
  const service = await snapshotService(t, {
    clock,
    environment: {
      ...{ TELEGRAM_BOT_TOKEN: '1:test', TELEGRAM_ORDERS_CHAT_ID: '7' },
      ...{ TELEGRAM_API_URL: 'http://127.0.0.1:9', TIMEZONE: 'Asia/Kuala_Lumpur' },
      ...environment,
    },
  })
  const { app, call } = service
  const url = app.config.databaseUrl!
  await tick(app)
  return {
    ...service,
    clock,
    /** Lets the time come, and everything that is due then be done. */
    async goTo(at: string) {
      clock.at = Date.parse(at)
      await tick(app)
      await finished(app)
    },
    /** Runs a schedule by hand, to its end. */
    async run(name: string): Promise<Body> {
      return (await call('POST', `/schedules/${name}/runs`, undefined, { prefer: 'wait=60' })).body
    },
    /** What people are told: `event aboutType key`, in order. */
    async notices(): Promise<string[]> {
      const rows = await sql(url, 'SELECT event, about_type, key FROM notices ORDER BY id')
      return rows.map(({ event, about_type: about, key }) => [event, about, key].filter(Boolean).join(' '))
    },
    /** Makes a snapshot older than it is. */
    async age(id: string, takenAt: string) {
      await sql(url, 'UPDATE snapshots SET taken_at = $2 WHERE id = $1', [id, takenAt])
    },
  }
}
