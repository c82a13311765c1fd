import { difference } from './difference.ts'
import { html, Markup, printed } from './markup.ts'
import {
  wordBytes,
  wordCount,
  wordDay,
  wordDuration,
  wordKey,
  wordMonth,
  wordNumber,
  wordScope,
  wordSpan,
  wordTime,
} from './wording.ts'

/** The small parts that pages are made of, as `ui` in every template. Larger ones are partials in views/partials. */
export type Components = ReturnType<typeof components>

/** @param assets the path that `public/` is served under, without a slash at its end */
export function components(assets: string) {
  const icon = (name: string): Markup =>
    html`<svg class="icon" aria-hidden="true" focusable="false">
      <use href="${assets}/icons.svg#${name}" />
    </svg>`

  return {
    icon,
    asset: (name: string): string => `${assets}/${name}`,
    number: (value: number | null): string => (value === null ? none : wordNumber(value)),
    count: wordCount,
    duration: wordDuration,
    span: wordSpan,
    scope: wordScope,
    key: wordKey,
    sentence: (words: string): string => words.charAt(0).toUpperCase() + words.slice(1),
    sum: (counts: Record<string, number>): number => Object.values(counts).reduce((a, b) => a + b, 0),
    url,
    attributes,
    fieldOf,
    changed,
    value,

    bytes: (value: number | null): Markup | string =>
      value === null
        ? none
        : html`<data value="${value}" title="${wordCount(value, 'byte')}">${wordBytes(value)}</data>`,

    bytesWords: wordBytes,
    day: wordDay,
    month: wordMonth,

    /** An instant: UTC from the server, turned into the viewer's zone where there is JavaScript. */
    time: (at: Date | string | null | undefined): Markup | string => {
      if (at === null || at === undefined) return none
      const date = new Date(at)
      return html`<time datetime="${date.toISOString()}" title="${exact(date)}" data-local
        >${wordTime(date)}</time
      >`
    },

    /** An instant on the clocks of a zone, for readers elsewhere. */
    zoned: (at: Date | string, zone: string): string => wordTime(new Date(at), zone),

    /** How long ago, or how long until, with the instant in the title. */
    age: (at: Date | string | null | undefined, now: Date): Markup | string => {
      if (at === null || at === undefined) return none
      const date = new Date(at)
      const apart = now.getTime() - date.getTime()
      const words = apart >= 0 ? `${wordSpan(apart)} ago` : `in ${wordSpan(-apart)}`
      return html`<time datetime="${date.toISOString()}" title="${exact(date)}">${words}</time>`
    },

    /** A state as icon, word and colour. */
    status: (status: string, words?: string): Markup => {
      const { tone, icon: name, word } = statuses[status] ?? { tone: 'quiet', icon: 'dot', word: status }
      return html`<span class="status ${tone}">${icon(name)}${words ?? word}</span>`
    },

    /** The label of the field in which a name is typed before something is lost. */
    typeToConfirm: (name: string): Markup => html`Type <code>${name}</code> to confirm`,

    statusWord: (status: string): string => statuses[status]?.word ?? status,

    /** A date of the application's own data, as it has it. */
    moment: (text: string): Markup =>
      html`<span title="${text}">${text.slice(0, 16).replace('T', ' ')}</span>`,

    /** Where the page of something that the audit log names is; null when it has none, or not for this reader. */
    entity: (type: string, id: string, can: (permission: string) => boolean): string | null => {
      // The entries of a run name its schedule too.
      const isSchedule = type === 'schedule_run' && !/^[\da-f-]{36}$/.test(id)
      const [path, permission] = entityPages[isSchedule ? 'schedule' : type] ?? []
      return path === undefined || !can(permission!) ? null : `${path}${encodeURIComponent(id)}`
    },

    /** A long id: shortened to its telling end, whole when copied. UUIDv7s start alike when made together. */
    id: (id: string): Markup =>
      html`<span class="id"
        ><code title="${id}">…${id.slice(-8)}</code
        ><button type="button" class="copy" data-copy="${id}" hidden>
          ${icon('copy')}<span class="visually-hidden">Copy ${id}</span>
        </button></span
      >`,

    /** A digest or other code in full, with a button that copies it. */
    code: (text: string): Markup =>
      html`<span class="id"
        ><code class="full">${text}</code
        ><button type="button" class="copy" data-copy="${text}" hidden>
          ${icon('copy')}<span class="visually-hidden">Copy</span>
        </button></span
      >`,
  }
}

const none = '–'

/** The page of each thing, and what it takes to see it. */
const entityPages: Record<string, [path: string, permission: string]> = {
  snapshot: ['/snapshots/', 'snapshots:view'],
  restore: ['/restores/', 'restores:view'],
  export: ['/exports/', 'exports:view'],
  cleanup: ['/cleanups/', 'cleanups:view'],
  hold: ['/holds/', 'holds:list'],
  batch: ['/batches/', 'batches:view'],
  delivery: ['/deliveries/', 'deliveries:view'],
  dataset: ['/datasets/', 'datasets:view'],
  schedule: ['/schedules/', 'schedules:list'],
  schedule_run: ['/schedules/runs/', 'schedules:list'],
  notification: ['/notifications/', 'notifications:list'],
  user: ['/users/', 'users:list'],
  token: ['/tokens/', 'tokens:list'],
}

function exact(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** A path with its query; empty and missing values are left out. */
export function url(path: string, query: Record<string, unknown> = {}): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') parameters.append(name, String(value))
  }
  const text = parameters.toString()
  return text === '' ? path : `${path}?${text}`
}

/** Every state that anything can be in. `tone` is a colour of public/app.css. */
const statuses: Record<string, { tone: string; icon: string; word: string }> = {
  queued: { tone: 'quiet', icon: 'clock', word: 'Queued' },
  generating: { tone: 'busy', icon: 'running', word: 'Running' },
  planning: { tone: 'busy', icon: 'running', word: 'Planning' },
  planned: { tone: 'busy', icon: 'file', word: 'Planned' },
  applying: { tone: 'busy', icon: 'running', word: 'Applying' },
  completed: { tone: 'good', icon: 'check', word: 'Completed' },
  verified: { tone: 'good', icon: 'shield', word: 'Verified' },
  awaiting_confirmation: { tone: 'warn', icon: 'stop', word: 'Over its limit' },
  capturing: { tone: 'busy', icon: 'running', word: 'Capturing' },
  removing: { tone: 'busy', icon: 'running', word: 'Removing' },
  failed: { tone: 'bad', icon: 'cross', word: 'Failed' },
  refused: { tone: 'warn', icon: 'stop', word: 'Refused' },
  expired: { tone: 'quiet', icon: 'clock', word: 'Expired' },
  cancelled: { tone: 'quiet', icon: 'stop', word: 'Cancelled' },
  done: { tone: 'good', icon: 'check', word: 'Done' },
  held: { tone: 'busy', icon: 'lock', word: 'Held' },
  valid: { tone: 'good', icon: 'check', word: 'Valid' },
  invalid: { tone: 'bad', icon: 'cross', word: 'Has problems' },
  safe: { tone: 'good', icon: 'shield', word: 'Safe' },
  delivered: { tone: 'good', icon: 'check', word: 'Delivered' },
  pending: { tone: 'quiet', icon: 'clock', word: 'Pending' },
  due: { tone: 'warn', icon: 'clock', word: 'Due' },
  running: { tone: 'busy', icon: 'running', word: 'Running' },
  waiting: { tone: 'warn', icon: 'clock', word: 'Waiting for workers' },
  preparing: { tone: 'busy', icon: 'running', word: 'Listing files' },
  delivering: { tone: 'busy', icon: 'running', word: 'Copying files' },
  concluding: { tone: 'busy', icon: 'running', word: 'Concluding' },
  paused: { tone: 'warn', icon: 'stop', word: 'Paused' },
  cancelling: { tone: 'busy', icon: 'running', word: 'Cancelling' },
  completed_with_failures: { tone: 'bad', icon: 'warning', word: 'Completed with failures' },
  leased: { tone: 'busy', icon: 'running', word: 'In work' },
  skipped: { tone: 'warn', icon: 'skip', word: 'Skipped' },
  missed: { tone: 'warn', icon: 'clock', word: 'Missed' },
  no: { tone: 'quiet', icon: 'minus', word: 'No' },
  active: { tone: 'good', icon: 'check', word: 'Active' },
  disabled: { tone: 'quiet', icon: 'lock', word: 'Disabled' },
  revoked: { tone: 'quiet', icon: 'stop', word: 'Revoked' },
  yes: { tone: 'good', icon: 'check', word: 'Yes' },
  party: { tone: 'busy', icon: 'user', word: 'As a party' },
  gone: { tone: 'warn', icon: 'warning', word: 'Gone' },
  unknown: { tone: 'quiet', icon: 'help', word: 'Unknown' },
  kept: { tone: 'good', icon: 'check', word: 'Stays' },
  goes: { tone: 'warn', icon: 'trash', word: 'Goes' },
}

/** A field before and after, with what differs marked. */
function changed(before: unknown, after: unknown): { before: Markup; after: Markup } {
  if (typeof before === 'string' && typeof after === 'string') return difference(before, after)
  return { before: html`<del>${value(before)}</del>`, after: html`<ins>${value(after)}</ins>` }
}

/** A value of a record, as the artifact has it. @param longest how many characters of it are shown */
function value(of: unknown, longest = 500): Markup {
  if (of === null) return html`<span class="muted">null</span>`
  if (of === undefined) return html`<span class="muted">not there</span>`
  const text = typeof of === 'string' ? of : textOf(of)
  if (text === '') return html`<span class="muted">empty</span>`
  return html`${text.length > longest ? `${text.slice(0, longest).toWellFormed()}…` : text}`
}

/** A reference reads as its stable key, with what was captured along for readers; all else as JSON. */
function textOf(of: unknown): string {
  if (typeof of !== 'object' || of === null || !('key' in of)) return JSON.stringify(of)
  const { key, ...included } = of
  const along = Object.entries(included).map(([name, value]) => `${name}: ${wordKey(value)}`)
  return along.length === 0 ? wordKey(key) : `${wordKey(key)} (${along.join(', ')})`
}

/** The form's field that an error's pointer means: `/title` is `title`, `/scope/keys/3` is `keys`, `query:from` is `from`. */
export function fieldOf(pointer: string): string {
  const path = pointer.replace(/^\w+:/, '').split('/')
  return path.findLast((part) => part !== '' && !/^\d+$/.test(part)) ?? ''
}

/** HTML attributes: null and false are left out, true stands alone. */
function attributes(values: Record<string, unknown>): Markup {
  const parts = Object.entries(values)
    .filter(([, value]) => value !== null && value !== undefined && value !== false)
    .map(([name, value]) => (value === true ? name : `${name}="${printed(value)}"`))
  return new Markup(parts.join(' '))
}
