/** Seconds of several things at several sizes. */
export interface Growth {
  sizes: number[]
  lines: [name: string, seconds: number[]][]
}

const [width, height] = [760, 460]
const [left, right, top, bottom] = [60, 300, 20, 40]

const colours = ['#0b5e56', '#a5231c', '#1b5aa0', '#855000', '#6b3fa0', '#1a6b3b', '#56605c']

/** A plot of both by their logarithms, in which what is linear goes along the dashed lines, as SVG. */
export function plot({ sizes, lines }: Growth): string {
  const all = lines.flatMap(([, seconds]) => seconds)
  const x = scaleOf(sizes[0]!, sizes.at(-1)!, left, width - right)
  const y = scaleOf(
    10 ** Math.floor(Math.log10(Math.min(...all))),
    Math.max(...all) * 1.5,
    height - bottom,
    top,
  )
  const path = (seconds: number[]) => seconds.map((value, i) => `${x(sizes[i]!)},${y(value)}`).join(' ')
  const decades = decadesBetween(Math.min(...all), Math.max(...all))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="11" role="img">`,
    `<title>Seconds by number of sessions; the dashed lines are linear</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<clipPath id="frame"><rect x="${left}" y="${top}" width="${width - right - left}" height="${height - bottom - top}"/></clipPath>`,
    ...decades.map(
      (value) =>
        `<line x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}" stroke="#dfe2dc"/><text x="${left - 6}" y="${y(value) + 4}" text-anchor="end">${value} s</text>`,
    ),
    ...sizes.map(
      (size) =>
        `<line x1="${x(size)}" x2="${x(size)}" y1="${top}" y2="${height - bottom}" stroke="#dfe2dc"/><text x="${x(size)}" y="${height - bottom + 16}" text-anchor="middle">${size.toLocaleString('en')}</text>`,
    ),
    ...decades.map(
      (value) =>
        `<polyline clip-path="url(#frame)" points="${path(sizes.map((size) => (value * size) / sizes[0]!))}" fill="none" stroke="#b8beb9" stroke-dasharray="3 4"/>`,
    ),
    ...lines.map(
      ([, seconds], i) =>
        `<polyline points="${path(seconds)}" fill="none" stroke="${colours[i % colours.length]}" stroke-width="1.8"${i < colours.length ? '' : ' stroke-dasharray="6 3"'}/>`,
    ),
    ...labels(lines, y).map(
      ({ name, at, to, i }) =>
        `<path d="M${width - right} ${at}L${width - right + 12} ${to - 4}" stroke="#b8beb9" fill="none"/><text x="${width - right + 16}" y="${to}" fill="${colours[i % colours.length]}">${name.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`,
    ),
    `<text x="${(left + width - right) / 2}" y="${height - 6}" text-anchor="middle">sessions</text>`,
    '</svg>\n',
  ].join('\n')
}

function scaleOf(from: number, to: number, start: number, end: number) {
  const span = Math.log(to / from)
  return (value: number) => Math.round((start + ((end - start) * Math.log(value / from)) / span) * 10) / 10
}

function decadesBetween(least: number, most: number): number[] {
  const first = Math.floor(Math.log10(least))
  return Array.from({ length: Math.floor(Math.log10(most)) - first + 1 }, (_, i) => 10 ** (first + i))
}

/** Where the names stand: beside the ends of their lines, but no two over each other. */
function labels(lines: Growth['lines'], y: (value: number) => number) {
  const ends = lines
    .map(([name, seconds], i) => ({ name, i, at: y(seconds.at(-1)!), to: 0 }))
    .toSorted((a, b) => a.at - b.at)
  let last = 0
  for (const end of ends) {
    end.to = Math.max(end.at + 4, last + 14)
    last = end.to
  }
  return ends
}
