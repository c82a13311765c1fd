import type { GateVerdict } from '../gates/verdict.ts'
import type { NoticeState } from '../notifications/announce.ts'
import type { Cleanup, CodedReason } from './cleanup.ts'

/** What decides whether a cleanup may run, besides the time. */
export interface Conditions {
  notice: NoticeState
  /** Null: it isn't asked, since somebody with the right to chose so. */
  gate: Pick<GateVerdict, 'open' | 'code' | 'detail'> | null
}

/**
 * Why a cleanup may not run now; empty when it may. The one place that decides: for the schedule, and for a person who
 * wants it to run at once.
 */
export function blockersOf(
  cleanup: Pick<Cleanup, 'status' | 'hold' | 'dueAt' | 'announcedDueAt' | 'noticeRequired' | 'plan'>,
  { notice, gate }: Conditions,
  now: Date,
): CodedReason[] {
  const { status, hold, dueAt, announcedDueAt, noticeRequired, plan } = cleanup
  const found: CodedReason[] = []
  const block = (code: string, detail: string) => void found.push({ code, detail })
  if (status === 'awaiting_confirmation')
    block('OVER_LIMIT', `${plan.over ?? 'It is over its limit.'} Somebody has to confirm it.`)
  else if (status !== 'pending') block('CLEANUP_NOT_PENDING', `It is ${status}.`)
  if (hold) block('CLEANUP_HELD', 'Somebody has put it on hold.')
  const deadline = announcedDueAt !== null && announcedDueAt > dueAt ? announcedDueAt : dueAt
  if (now < deadline) block('CLEANUP_IN_GRACE', `It is not due before ${deadline.toISOString()}.`)
  if (noticeRequired && notice.state !== 'delivered')
    block('CLEANUP_NOTICE_UNDELIVERED', undelivered[notice.state])
  if (gate !== null && !gate.open) block(gate.code ?? 'SNAPSHOT_REQUIRED', gate.detail)
  return found
}

const undelivered = {
  none: 'Nobody could be told: no channel is configured that wants to hear of planned cleanups.',
  pending: 'Its notice is still on the way.',
  failed: 'Its notice could not be delivered on any channel.',
}
