import t from 'tap'
import { testDatabase } from '../support/postgres.ts'
import { migratedTemplate } from '../support/templates.ts'
import { torture } from './torture.ts'

t.test('killed, and with one request in twenty going wrong, each file is there once and right', async (t) => {
  const documents = 60
  const database = await testDatabase(t, await migratedTemplate())
  const source = await testDatabase(t)
  const { outcomes, violations } = await torture(t, {
    documents,
    kills: 2,
    replicas: 1,
    faults: 0.05,
    database,
    source,
  })
  for (const { destination, ...outcome } of outcomes) {
    const whole = { right: documents, missing: 0, wrong: 0, lines: documents, wrongLines: 0 }
    t.match(outcome, { status: 'completed', ...whole }, destination)
  }
  t.same(outcomes.length, 3)
  t.same(violations, [])
})
