/**
 * Places at which a process can be made to die, to fail or to stand still, for tests of what is left behind: one before
 * or after every step that lasts. Off unless the configuration arms them; then a place costs one look at a variable.
 */
export const failpointNames = [
  'database.committing',
  'database.committed',
  'audit.appending',
  'audit.appended',
  'queue.enqueuing',
  'queue.enqueued',
  'queue.job-begun',
  'queue.job-ended',
  'store.file-filled',
  'store.file-flushed',
  'store.file-renamed',
  'store.file-lasting',
  'store.file-removing',
  'store.file-removed',
  'store.s3-uploading',
  'store.s3-uploaded',
  'store.s3-removing',
  'store.s3-removed',
  'schedule.recorded',
  'schedule.begun',
  'schedule.carried-out',
  'schedule.settled',
  'snapshot.queued',
  'snapshot.begun',
  'snapshot.captured',
  'snapshot.read-back',
  'snapshot.manifest-written',
  'snapshot.published',
  'snapshot.verified',
  'snapshot.ended',
  'snapshot.manifest-removed',
  'snapshot.settled',
  'restore.requested',
  'restore.plan-begun',
  'restore.planned',
  'restore.application-requested',
  'restore.application-begun',
  'restore.verified',
  'restore.locked',
  'restore.captured',
  'restore.written',
  'restore.recorded',
  'restore.committed',
  'restore.completed',
  'restore.settling',
  'export.queued',
  'export.begun',
  'export.stored',
  'export.manifest-written',
  'export.published',
  'export.manifest-removed',
  'export.settled',
  'batch.created',
  'batch.run-begun',
  'batch.claimed',
  'batch.worked',
  'batch.reported',
  'batch.let-go',
  'batch.settled',
  'cleanup.requested',
  'cleanup.capture-begun',
  'cleanup.captured',
  'cleanup.removal-begun',
  'cleanup.chunk-locked',
  'cleanup.chunk-deleted',
  'cleanup.chunk-recorded',
  'cleanup.chunk-committed',
  'cleanup.chunk-settled',
  'cleanup.objects-removed',
  'cleanup.finishing',
  'cleanup.undo-requested',
  'delivery.requested',
  'delivery.prepared',
  'delivery.copied',
  'delivery.noted',
  'delivery.index-stored',
  'delivery.index-copied',
  'delivery.concluded',
] as const

export type Failpoint = (typeof failpointNames)[number]

/** What happens at a place: SIGKILL to itself, an error thrown, or waiting until it is released. */
export type FailpointAction = 'kill' | 'error' | 'pause'

export interface ArmedFailpoint {
  name: Failpoint
  action: FailpointAction
  /** It acts the so-manieth time that the place is reached, from 1, and only then. */
  hit: number
}

/** What is thrown at a place whose action is `error`. */
export class FailpointError extends Error {}

export interface Failpoints {
  /** Lets everything go on that stands still. */
  release(): void
  disarm(): void
}

interface Armed {
  list: ArmedFailpoint[]
  hits: Map<Failpoint, number>
  tell: (name: Failpoint, action: FailpointAction | 'pass') => void
  waiting: (() => void)[]
}

/** Of the process, since what dies is the process. */
let armed: Armed | undefined

/** A place. @throws FailpointError where the configuration says so */
export function failpoint(name: Failpoint): Promise<void> | undefined {
  return armed === undefined ? undefined : reach(armed, name)
}

/**
 * Arms places until `disarm`. Only for tests.
 * @param tell called at every place that is reached, before its action
 */
export function armFailpoints(list: ArmedFailpoint[], tell: Armed['tell']): Failpoints {
  const own: Armed = { list, hits: new Map(), tell, waiting: [] }
  armed = own
  const release = () => own.waiting.splice(0).forEach((goOn) => goOn())
  return {
    release,
    disarm() {
      if (armed === own) armed = undefined
      release()
    },
  }
}

/**
 * Reads places and what happens at them: `snapshot.captured=kill, store.file-renamed=error@3`, or `trace` for none.
 * @returns what is wrong with it, for people, or the list
 */
export function parseFailpoints(text: string): ArmedFailpoint[] | string {
  if (text === 'trace') return []
  const list: ArmedFailpoint[] = []
  for (const part of text.split(',').map((one) => one.trim())) {
    const [, name, action, hit] = /^([a-z0-9.-]+)=(kill|error|pause)(?:@([1-9]\d{0,8}))?$/.exec(part) ?? []
    const known = failpointNames.find((one) => one === name)
    if (known === undefined) return part
    list.push({ name: known, action: action as FailpointAction, hit: Number(hit ?? 1) })
  }
  return list
}

async function reach({ list, hits, tell, waiting }: Armed, name: Failpoint): Promise<void> {
  const hit = (hits.get(name) ?? 0) + 1
  hits.set(name, hit)
  const action = list.find((one) => one.name === name && one.hit === hit)?.action ?? 'pass'
  tell(name, action)
  if (action === 'pass') return
  if (action === 'error') throw new FailpointError(`failpoint ${name}`)
  if (action === 'kill') process.kill(process.pid, 'SIGKILL')
  await new Promise<void>((goOn) => waiting.push(goOn))
}
