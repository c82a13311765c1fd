import { applyRestore, planRestore, takeSnapshot } from './engine.ts'
import type { Ground } from './ground.ts'
import { measure } from './measure.ts'
import type { Section } from './report.ts'

/** One record out of all: read, planned and put back. */
export async function oneRecord({ chat, rounds, repeat }: Ground): Promise<Section> {
  const id = Math.ceil(chat.sessions / 2)
  const keys = [[String(id)]]
  const manifest = await takeSnapshot(chat)
  const damage = () => chat.sql(`UPDATE chat.sessions SET subject = 'damaged' WHERE id = ${id}`)
  await damage()
  const plan = await planRestore(chat, manifest, keys)
  const one = { rows: 1, repeat }
  const figures = await measure(
    [
      { name: 'SELECT', baseline: true, ...one, run: () => chat.sql(byHand(id)) },
      { name: 'snapshot', baseline: true, ...one, run: async () => void (await takeSnapshot(chat, keys)) },
      {
        name: 'plan',
        ...one,
        before: damage,
        run: async () => void (await planRestore(chat, manifest, keys)),
      },
      { name: 'restore', ...one, before: damage, run: () => applyRestore(chat, manifest, plan, keys) },
    ],
    rounds,
  )
  await applyRestore(chat, manifest, plan, keys).catch(() => undefined)
  return {
    title: 'One record of all',
    about: '`SELECT` reads the session with its messages as one JSON value over an open connection.',
    unit: 'ms',
    figures,
  }
}

function byHand(id: number): string {
  return `SELECT row_to_json(s), (SELECT json_agg(m ORDER BY m.id) FROM chat.messages m WHERE m.session_id = s.id)
    FROM chat.sessions s WHERE s.id = ${id}`
}
