/**
 * Sends malformed requests, made from the OpenAPI document, to a service of its own: the long form of
 * test/platform/malformed-requests.test.ts.
 *
 *   node bench/requests.ts [requests] [seed]
 *
 * 10,000 by default. Prints what was measured; ends with an error, and the seed, at the first answer that is not as
 * documented.
 */
import { malformedRun } from '../test/support/malformed-run.ts'
import { openServer } from './server.ts'
import { token, withService } from './service.ts'

const [runs = 10_000, seed = Date.now() % 2 ** 31] = process.argv.slice(2).map(Number)
const server = await openServer(null)
try {
  console.log(`${runs} requests, seed ${seed}`)
  const { statuses, lagMs, grownBytes } = await withService(server, (app) =>
    malformedRun(app, { runs, seed, credentials: [{}, { authorization: `Bearer ${token}` }] }),
  )
  const grown = `${Math.round(grownBytes / 1e6)} MB`
  console.log(
    `answers: ${statuses.join(', ')}; 5xx 0; event loop held up ${lagMs} ms at most; memory grew by ${grown}`,
  )
} finally {
  await server.close()
}
