import { wordBytes, wordCount, wordKey, wordNumber, wordScope } from '../platform/wording.ts'
import type { Notice, NoticeEvent } from './notice.ts'

/** A notice for people, in plain words. */
export interface NoticeText {
  /** One line. */
  title: string
  lines: string[]
  /** Where more is to be seen or done: an address where one is known, else a path of the pages. */
  link: string
}

export interface Wording {
  /** What people call the dataset. */
  dataset: string
  /** In which times are told. */
  timezone: string
  /** Where people reach the pages; null: not known. */
  publicUrl: string | null
}

type Described = Pick<Notice, 'event' | 'aboutId' | 'facts'>

/** Puts a notice into words. Facts that are absent are left out; what is there may be anything. */
export function describeNotice({ event, aboutId, facts }: Described, wording: Wording): NoticeText {
  const { title, lines, path } = templates[event](new Facts(facts, wording), wording.dataset, aboutId)
  return {
    title: oneLine(title, 200),
    lines: lines.filter((line) => line !== null).map((line) => oneLine(line, 1000)),
    link: `${wording.publicUrl ?? ''}${path}`,
  }
}

/** The whole text, without its title. */
export function textOf({ lines, link }: NoticeText, isRepeated: boolean): string {
  const where = link.startsWith('/') ? `In Holdfast: ${link}` : link
  return [...lines, ...(isRepeated ? [repeated] : []), where].join('\n')
}

const repeated =
  'This may have reached you before: the connection or the service broke while it was being sent.'

interface Template {
  title: string
  lines: (string | null)[]
  path: string
}

const templates: Record<NoticeEvent, (facts: Facts, dataset: string, id: string) => Template> = {
  backup_completed: (facts, dataset, id) => ({
    title: `Backup of ${dataset} completed`,
    lines: [
      facts.scope(),
      facts.counts('Rows'),
      facts.bytes(),
      facts.line('SHA-256', 'sha256'),
      'It was read back from the store and verified.',
    ],
    path: `/snapshots/${facts.id('snapshotId', id)}`,
  }),
  backup_failed: (facts, dataset) => ({
    title: `Backup of ${dataset} FAILED`,
    lines: [
      facts.scope(),
      facts.error(),
      'Nothing was kept of it. Mend the cause, then take the backup by hand: Schedules, Run now.',
    ],
    path: '/schedules',
  }),
  backup_missing: (facts, dataset) => ({
    title: `Backup of ${dataset} did not happen`,
    lines: [
      facts.scope(),
      facts.time('It was due', 'dueAt'),
      'Check that the service was up and its schedule is not paused, then take the backup by hand: Schedules, Run now.',
    ],
    path: '/schedules',
  }),
  cleanup_planned: (facts, dataset, id) => ({
    title: `Cleanup of ${dataset} planned for ${facts.at('dueAt') ?? 'later'}`,
    lines: [
      facts.scope(),
      `What will be removed: ${facts.text('target') ?? 'records'}`,
      facts.counts('How much'),
      facts.sample(),
      facts.time('It will be carried out at the first opportunity after', 'dueAt'),
      'Until then you can hold, postpone or cancel it on its page.',
      facts.text('target') === 'files'
        ? 'Files that are removed do not come back: make sure that their copies are where they should be.'
        : 'What is removed is put into a verified snapshot first.',
    ],
    path: `/cleanups/${facts.id('cleanupId', id)}`,
  }),
  cleanup_done: (facts, dataset, id) => ({
    title: `Cleanup of ${dataset} done`,
    lines: [
      facts.scope(),
      facts.counts('Removed'),
      facts.left(),
      facts.line('What was removed is in snapshot', 'snapshotId'),
      facts.text('snapshotId') === null
        ? null
        : 'It can be undone on its page for as long as that snapshot is kept.',
    ],
    path: `/cleanups/${facts.id('cleanupId', id)}`,
  }),
  verification_failed: (facts, dataset, id) => ({
    title: `A snapshot of ${dataset} is DAMAGED`,
    lines: [
      facts.scope(),
      facts.list('What is wrong', 'problems'),
      'Nothing is restored from it, and it opens no gate. Take a new snapshot; if the store keeps older versions of its objects, put the good one back and verify the snapshot again.',
    ],
    path: `/snapshots/${facts.id('snapshotId', id)}`,
  }),
  export_ready: (facts, dataset, id) => ({
    title: `Export of ${dataset} is ready`,
    lines: [
      facts.scope(),
      facts.line('Format', 'format', (format) => format.toUpperCase()),
      facts.counts('Rows'),
      facts.bytes(),
    ],
    path: `/exports/${facts.id('exportId', id)}`,
  }),
  batch_finished: (facts, dataset, id) => ({
    title: `Batch ${facts.text('title') ?? id} finished${(facts.number('failed') ?? 0) > 0 ? ' with failures' : ''}`,
    lines: [
      dataset === '' ? null : `Dataset: ${dataset}`,
      facts.line('Completed', 'completed'),
      facts.line('Failed', 'failed'),
      (facts.number('failed') ?? 0) > 0
        ? 'Failed items are listed with their errors, and are tried again only when somebody asks for it.'
        : null,
    ],
    path: `/batches/${facts.id('batchId', id)}`,
  }),
}

/** What an announcement told, in words; null where it told nothing of the kind. */
class Facts {
  private readonly facts: Record<string, unknown>
  private readonly timezone: string

  constructor(facts: Record<string, unknown>, { timezone }: Wording) {
    this.facts = facts
    this.timezone = timezone
  }

  text(name: string): string | null {
    const value = this.facts[name]
    if (typeof value === 'number') return wordNumber(value)
    return typeof value === 'string' && value !== '' ? value : null
  }

  number(name: string): number | null {
    const value = this.facts[name]
    return typeof value === 'number' ? value : null
  }

  id(name: string, otherwise: string): string {
    return encodeURIComponent(this.text(name) ?? otherwise)
  }

  line(label: string, name: string, print = (text: string) => text): string | null {
    const text = this.text(name)
    return text === null ? null : `${label}: ${print(text)}`
  }

  scope(): string | null {
    return (this.facts['scope'] ?? null) === null ? null : `Records: ${wordScope(this.facts['scope'])}`
  }

  counts(label: string): string | null {
    const counts = numbers(this.facts['counts'])
    if (counts.length === 0) return null
    return `${label}: ${counts.map(([name, count]) => `${name} ${wordNumber(count)}`).join(', ')}`
  }

  bytes(): string | null {
    const bytes = this.number('bytes')
    return bytes === null ? null : `Size: ${wordBytes(bytes)}`
  }

  error(): string | null {
    const error = this.facts['error']
    if (typeof error === 'string') return `Why: ${error}`
    if (typeof error !== 'object' || error === null) return null
    const { code, detail } = error as Record<string, unknown>
    return `Why: ${[detail, code === undefined ? undefined : `(${String(code)})`].filter(Boolean).join(' ')}`
  }

  list(label: string, name: string): string | null {
    const items = this.facts[name]
    return Array.isArray(items) && items.length > 0
      ? `${label}: ${items.slice(0, 5).map(worded).join('; ')}`
      : null
  }

  sample(): string | null {
    const sample = this.facts['sample']
    if (!Array.isArray(sample) || sample.length === 0) return null
    const more = sample.length > 10 ? ', …' : ''
    return `Such as: ${sample.slice(0, 10).map(worded).join(', ')}${more}`
  }

  /** How many were left alone, in all or by the reason. */
  left(): string | null {
    const left = this.facts['left']
    if (typeof left === 'number') return left > 0 ? `Left alone: ${wordCount(left, 'record')}` : null
    const reasons = numbers(left).filter(([, count]) => count > 0)
    return reasons.length === 0
      ? null
      : `Left alone: ${reasons.map(([reason, count]) => `${wordNumber(count)} ${reason}`).join(', ')}`
  }

  at(name: string): string | null {
    const text = this.text(name)
    const at = text === null ? Number.NaN : Date.parse(text)
    return Number.isNaN(at) ? null : zonedTime(new Date(at), this.timezone)
  }

  time(label: string, name: string): string | null {
    const at = this.at(name)
    return at === null ? null : `${label}: ${at}`
  }
}

/** `27 Nov 2026, 03:00 (Asia/Kuala_Lumpur)`. */
export function zonedTime(at: Date, timeZone: string): string {
  const format = new Intl.DateTimeFormat('en-GB', {
    ...{ day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', timeZone },
  })
  return `${format.format(at)} (${timeZone})`
}

function numbers(value: unknown): [string, number][] {
  const entries = Object.entries(typeof value === 'object' && value !== null ? value : {})
  return entries.filter((entry): entry is [string, number] => typeof entry[1] === 'number')
}

/** An item of a sample or a list: a text, a key, or an object that has a label or a key. */
function worded(item: unknown): string {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return wordKey(item)
  const { label, key, detail } = item as Record<string, unknown>
  return wordKey(label ?? key ?? detail ?? JSON.stringify(item))
}

/** Values come from the application: they must not make lines of their own, and not go on for ever. */
function oneLine(text: string, longest: number): string {
  // oxlint-disable-next-line no-control-regex -- they are what goes
  const line = text.replace(/[\u0000-\u001f\u007f\u2028\u2029]+/g, ' ').trim()
  return line.length > longest ? `${line.slice(0, longest - 1).toWellFormed()}…` : line
}
