import type pg from 'pg'
import type { Service } from '../../test/snapshots/service.ts'
import type { Way } from './damage.ts'
import type { Model } from './model.ts'
import { differences, observe, observeOutside, type Observed } from './observe.ts'

/** The service over a source that shapes are tried in. */
export interface Bench {
  call: Service['call']
  app: Service['app']
  /** Connection string of the source, as the role that owns everything in it. */
  owner: string
  /** Puts the dataset file in place, and has it read. */
  declare(declaration: object): Promise<void>
}

export interface Tried {
  rows: number
  tables: number
  types: string[]
  ways: Map<Way, number>
  /** Restores by mode, scopes by kind, and what else a shape may have, each as often as it was met. */
  met: Map<string, number>
  /** Plans that could not be applied, and rightly so, by mode and code. */
  blocked: Map<string, number>
  /** Why the product would not do it: `load`, `plan` or `cleanup`, and what it said. */
  refused: string | null
  /** Row-level security that would have hidden rows was refused. */
  hidden: number
  removed: number
}

/** It broke a promise. */
export class Broken extends Error {}

export class Refused extends Error {}

/** The plan says that it can't be applied. */
export class Blocked extends Error {
  readonly code: string

  constructor({ code, detail }: { code: string; detail: string }) {
    super(`${code} ${detail}`)
    this.code = code
  }
}

/** Counts what was met. */
export function meet<What>(counts: Map<What, number>, what: What, times = 1): void {
  if (times > 0) counts.set(what, (counts.get(what) ?? 0) + times)
}

export interface Trial {
  bench: Bench
  client: pg.ClientBase
  model: Model
  tried: Tried
}

export interface Answer {
  id: string
  status: string
  planHash: string
  plan: { create: number; update: number; delete: number; records: number }
  blockers: { code: string; detail: string }[]
  warnings: { code: string; detail: string }[]
  error: { code: string; detail: string } | null
  code: string
  detail: string
  counts: { removed: number }
  left: { key: unknown; code: string }[]
}

/** Posts, waits for the end. @throws Refused when it said no; Broken when it failed for no reason of the caller's */
export async function finished({ bench }: Trial, path: string, body: object | undefined): Promise<Answer> {
  const answer = await bench.call('POST', `/${path}`, body, { prefer: 'wait=120' })
  const found = await settled(bench, path, answer.body as unknown as Answer)
  if (answer.status >= 500) throw new Broken(`${path}: ${answer.raw.body}`)
  if (answer.status >= 400) throw new Refused(`${kindOf(path)}: ${found.code} ${withoutNames(found.detail)}`)
  if (found.error != null) {
    const said = `${kindOf(path)}: ${found.error.code} ${withoutNames(found.error.detail)}`
    throw found.error.code.startsWith('RESTORE_') ? new Refused(said) : new Broken(said)
  }
  return found
}

/** A request waits for a minute; what takes longer is followed to its end. */
async function settled(bench: Bench, path: string, latest: Answer): Promise<Answer> {
  const at = /undo$|^restores/.test(path) ? 'restores' : path
  if (!underWay.has(latest.status)) return latest
  await bench.call('GET', `/${at}/${latest.id}/events`)
  const { body } = await bench.call('GET', `/${at}/${latest.id}`)
  return settled(bench, path, body as unknown as Answer)
}

const underWay = new Set(['queued', 'generating', 'planning', 'applying', 'pending', 'capturing', 'removing'])

export const kindOf = (path: string) => path.replace(/[0-9a-f-]{36}/, '…')

/** So that refusals for one reason count as one. */
export const withoutNames = (detail: string) => detail.replace(/"[^"]*"/g, '…')

/** Plans and applies a restore, or what undoes one, and looks whether it came out as wanted. @throws Blocked */
export async function restoreTo(
  trial: Trial,
  path: string,
  body: object | undefined,
  wanted: Observed[],
  what: string,
) {
  const { client, model } = trial
  const outside = await observeOutside(client, model)
  const plan = await finished(trial, path, body)
  if (plan.blockers.length > 0) throw new Blocked(plan.blockers[0]!)
  const done = await finished(trial, `restores/${plan.id}/application`, { planHash: plan.planHash })
  const found = differences(wanted, await observe(client, model))
  const told = [...plan.warnings, ...(done.warnings ?? [])].map(({ code, detail }) => `${code} ${detail}`)
  if (found.length > 0)
    throw new Broken(
      `${what}: ${found.length} differences\n${found.slice(0, 6).join('\n')}\nwarnings ${told.slice(0, 3).join('; ')}`,
    )
  if ((await observeOutside(client, model)) !== outside)
    throw new Broken(`${what} touched rows outside the dataset`)
  return done
}
