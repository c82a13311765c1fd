import type { AddressInfo } from 'node:net'
import { buildApp } from '../../src/app.ts'
import { readConfig } from '../../src/platform/config.ts'
import { tick } from '../../src/schedules/tick.ts'
import { finished } from '../schedules/service.ts'

/** What a walk asks of the service that it runs on: to put its clock forward, and to look at once for what is due. */
export interface Asked {
  at: string
  doDue: boolean
}

// The service as a process of its own, on a clock that goes on from where it is put. Its first message is where it listens;
// each later one answers what it was asked.
let ahead = Date.parse(process.env['WALK_BEGINS_AT']!) - Date.now()
const config = readConfig(process.env)
const clock = { now: () => new Date(Date.now() + ahead) }
const app = await buildApp({ config: { ...config, databaseUrl: config.databaseUrl! }, clock })
await app.listen({ port: 0, host: '127.0.0.1' })
await tick(app)
process.on('message', (asked: Asked) => void answer(asked))
process.once('disconnect', () => process.exit())
process.send!(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)

async function answer({ at, doDue }: Asked): Promise<void> {
  ahead = Date.parse(at) - Date.now()
  if (doDue) {
    await tick(app)
    await finished(app)
  }
  process.send!(at)
}
