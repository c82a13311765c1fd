import type { Permission } from '../access/permissions.ts'
import type { DatasetSummary } from '../snapshots/summarize-snapshots.ts'

/** What the dashboard knows of a dataset. */
export interface DatasetState {
  name: string
  title: string
  /** How many things are wrong with its file. */
  problems: number
  summary: DatasetSummary | undefined
}

export interface Judgement {
  /** A state of src/platform/components.ts, and words for it where its own won't do. */
  status: 'safe' | 'due' | 'failed' | 'invalid'
  words?: string
  /** What to do about it; null when it is safe. */
  reason: { text: string; action: string; path: string } | null
}

/** Something that needs somebody, and what to do about it. */
export interface Reason {
  tone: 'warn' | 'bad'
  text: string
  action: string
  path: string
  /** What it takes to follow it; none when left out. */
  permission?: Permission
}

const dayMs = 86_400_000

/**
 * Whether a dataset is safe: its file is right, a good snapshot of all its records exists and is not older than backups
 * are kept, and the latest one did not fail.
 * @param maxAgeDays older than this is too old
 */
export function judge(
  { name, title, problems, summary }: DatasetState,
  now: Date,
  maxAgeDays: number,
): Judgement {
  const path = `/snapshots/new?dataset=${encodeURIComponent(name)}`
  const take = { action: 'Take one', path, permission: 'snapshots:create' } as const
  if (problems > 0) {
    const path = `/datasets/${encodeURIComponent(name)}`
    return {
      status: 'invalid',
      reason: { text: `${title}: the dataset file has problems.`, action: 'See them', path },
    }
  }
  if (summary?.failed) {
    const path = `/snapshots/${summary.failed.id}`
    const text = `${title}: the latest snapshot failed, ${summary.failed.code}.`
    return { status: 'failed', words: 'Latest failed', reason: { text, action: 'See why', path } }
  }
  if (!summary?.last)
    return {
      status: 'due',
      words: 'No snapshot',
      reason: { text: `${title} has no good snapshot.`, ...take },
    }
  if (now.getTime() - new Date(summary.last.takenAt).getTime() > maxAgeDays * dayMs) {
    const text = `${title}: the last good snapshot is more than ${maxAgeDays} days old.`
    return { status: 'due', words: 'Too old', reason: { text, ...take } }
  }
  if (!('all' in summary.last.scope)) {
    const text = `${title}: no good snapshot holds all of its records, only some of a period.`
    return { status: 'due', words: 'In part', reason: { text, ...take } }
  }
  return { status: 'safe', reason: null }
}

/**
 * The answer to "is everything safe?".
 * @param judgements all datasets'
 * @param further what else needs somebody
 */
export function verdict(judgements: readonly Judgement[], further: readonly Reason[] = []) {
  const reasons = [...judgements.flatMap(reasonOf), ...further].sort((a, b) => gravity(b) - gravity(a))
  if (judgements.length === 0 && further.length === 0)
    return { tone: 'busy', title: 'Nothing to keep safe yet', text: 'Declare the first dataset.', reasons }
  if (reasons.length === 0) {
    const text =
      'Every dataset has a good snapshot that is fresh enough, and nothing failed last or waits for you.'
    return { tone: 'good', title: 'Everything is safe', text, reasons }
  }
  const title = reasons.length === 1 ? '1 thing needs attention' : `${reasons.length} things need attention`
  return { tone: reasons[0]!.tone, title, text: '', reasons }
}

function reasonOf({ status, reason }: Judgement): Reason[] {
  if (reason === null) return []
  return [{ tone: status === 'failed' || status === 'invalid' ? 'bad' : 'warn', ...reason }]
}

function gravity({ tone }: Reason): number {
  return tone === 'bad' ? 1 : 0
}
