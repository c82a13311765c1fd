import type { describeSchedules } from '../schedules/describe-schedules.ts'
import { scheduleLink, type Link } from './links.ts'
import type { Reason } from './verdict.ts'

type Described = Awaited<ReturnType<typeof describeSchedules>>[number]

/**
 * What needs somebody although every dataset has a good snapshot: schedules whose last run failed or was missed (the one
 * that publishes the head of the audit chain among them), and work that waits to be gone on with.
 */
export function furtherReasons(
  schedules: Described[],
  running: (Link & { status: string; waits: boolean })[],
): Reason[] {
  const failed = schedules.filter(({ enabled, lastRun }) => enabled && isBad(lastRun?.status))
  const waiting = running.filter(({ waits }) => waits)
  return [
    ...failed.map(({ name, title, lastRun }) => ({
      tone: lastRun!.status === 'failed' ? ('bad' as const) : ('warn' as const),
      text: `${title}: the last run ${lastRun!.status === 'failed' ? `failed, ${lastRun!.error?.code}` : 'was missed'}.`,
      action: 'See why',
      path: scheduleLink(name, title).path,
    })),
    ...waiting.map(({ title, path, status }) => ({
      tone: 'warn' as const,
      text: `${title} ${status === 'paused' ? 'is paused' : 'waits for workers'}.`,
      action: 'Go on',
      path,
    })),
  ]
}

function isBad(status: string | undefined): boolean {
  return status === 'failed' || status === 'missed'
}
