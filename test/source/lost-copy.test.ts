import pg from 'pg'
import t, { type Test } from 'tap'
import { openCopy, RowReader } from '../../src/source/copy.ts'
import { testDatabase } from '../support/postgres.ts'

/** A connection that can be broken at a chosen moment. */
async function connect(t: Test) {
  const client = new pg.Client({ connectionString: await testDatabase(t) })
  client.on('error', () => {})
  await client.connect()
  const { stream } = (
    client as unknown as { connection: { stream: { destroy(): void; destroyed: boolean } } }
  ).connection
  const broken = new Promise<void>((resolve) => client.once('end', resolve))
  return { client, breakOff: () => (stream.destroy(), broken) }
}

t.test('a connection that is lost before the first row is read fails the read', async (t) => {
  const { client, breakOff } = await connect(t)
  const reader = new RowReader(client, 'SELECT 1')
  await breakOff()
  await t.rejects(reader.fill(), /Connection terminated/)
})

t.test('one that is lost after the last row harms nobody', async (t) => {
  const { client, breakOff } = await connect(t)
  const reader = new RowReader(client, 'SELECT 1')
  while (await reader.fill());
  reader.destroy()
  await breakOff()
  t.pass('the process lives')
})

t.test('nor does one that is given up', async (t) => {
  const { client, breakOff } = await connect(t)
  const { chunks, destroy } = openCopy(client, 'COPY (SELECT generate_series(1, 1000000)) TO STDOUT')
  for await (const chunk of chunks) if (chunk.length > 0) break
  destroy()
  await breakOff()
  t.pass('the process lives')
})
