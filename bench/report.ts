import { median, ratio, type Figure } from './measure.ts'

/** One benchmark's figures under a heading. */
export interface Section {
  title: string
  /** What is compared with what. */
  about: string
  unit: 's' | 'ms'
  figures: Figure[]
}

/** What isn't seconds: columns of its own. */
export interface Listing {
  title: string
  about: string
  head: string[]
  rows: string[][]
}

/** A section as a Markdown table, which reads well on a terminal too. */
export function table(section: Section | Listing): string {
  return 'figures' in section ? figuresTable(section) : aligned([section.head, ...section.rows])
}

function figuresTable({ unit, figures }: Section): string {
  const baselines = figures.filter(({ baseline }) => baseline)
  const head = ['', unit, 'rows/s', 'peak RSS', ...baselines.map(({ name }) => `to ${name}`)]
  const rows = figures.map((figure) => [
    figure.name,
    duration(median(figure.seconds), unit),
    Math.round(figure.rows / median(figure.seconds)).toLocaleString('en'),
    figure.peakRss === null ? '' : `${Math.round(figure.peakRss / 1e6)} MB`,
    ...baselines.map((baseline) => (figure === baseline ? '' : `${ratio(figure, baseline).toFixed(2)} x`)),
  ])
  return aligned([head, ...rows])
}

function duration(seconds: number, unit: 's' | 'ms'): string {
  return unit === 's' ? seconds.toFixed(2) : (seconds * 1000).toFixed(1)
}

/** First column to the left, the others to the right. */
function aligned([head, ...rows]: string[][]): string {
  const widths = head!.map((_, i) => Math.max(3, ...[head!, ...rows].map((row) => row[i]!.length)))
  const pad = (text: string, i: number) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!))
  const line = (cells: string[]) => `| ${cells.map(pad).join(' | ')} |`
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [line(head!), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n')
}
