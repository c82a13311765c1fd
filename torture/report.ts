import { failpointNames } from '../src/platform/failpoints.ts'
import type { KillReport } from './kills.ts'
import type { ShapesReport } from './shapes.ts'
import type { SoakReport } from './soak.ts'

/** Prints the figures of a run, a line for each promise. */
export function printKills(report: KillReport): void {
  const atPoints = [...report.at.values()].reduce((sum, times) => sum + times, 0)
  const unreached = failpointNames.filter((name) => !report.reached.has(name))
  const unkilled = failpointNames.filter((name) => !report.at.has(name))
  console.log(
    `\nkills ${report.kills}: ${atPoints} at ${report.at.size} of ${failpointNames.length} failpoints, the others at random moments; ${report.errors} errors thrown`,
  )
  console.log(`checks ${report.checks}, longest recovery ${report.longestRecovery.toFixed(1)} s`)
  console.log(
    `work done: ${Object.entries(report.done)
      .map(([kind, times]) => `${times} ${kind}`)
      .join(', ')}`,
  )
  if (unreached.length > 0) console.log(`never reached: ${unreached.join(', ')}`)
  if (unkilled.length > 0) console.log(`never killed at: ${unkilled.join(', ')}`)
  for (const [what, times] of [...report.refused].sort((a, b) => b[1] - a[1]).slice(0, 15))
    console.log(`refused ${times}x ${what}`)
  console.log()
  for (const [promise, times] of Object.entries(report.looked)) {
    const broken = report.broken.filter((line) => line.includes(`${promise}:`)).length
    console.log(`${promise.padEnd(32)} looked ${String(times).padStart(7)}   broken ${broken}`)
  }
  for (const line of report.broken) console.log(line)
}

/** Prints what a soak did, and what of it each figure grew by. The last line is the verdict. */
export function printSoak({ done, refused, faults, looks, growth, atRest, broken }: SoakReport): void {
  console.log('\ndone', done)
  console.log('faults', faults)
  for (const [what, times] of [...refused].sort((a, b) => b[1] - a[1]).slice(0, 15))
    console.log(`refused ${times}x ${what}`)
  for (const [name, { grew, atMost }] of Object.entries(growth)) {
    const values = looks.map(({ held }) => held[name as keyof typeof held])
    const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(1))
    console.log(
      `${name.padEnd(16)} from ${least} to ${most}; over the second half ${grew.toFixed(1)}, at most ${atMost}`,
    )
  }
  console.log('at rest', atRest)
  for (const line of broken.slice(0, 50)) console.log(`BROKEN ${line}`)
  console.log(broken.length === 0 ? 'soak: flat' : `soak: ${broken.length} broken`)
}

/** Prints what shapes went through, and what came out different. */
export function printShapes(report: ShapesReport): void {
  const { shapes, rows, tables, types, ways, met, blocked, refused, hidden, removed, broken } = report
  const said = [...refused].reduce((sum, [, times]) => sum + times, 0)
  console.log(`\nshapes ${shapes}, tables ${tables}, rows ${rows}, types ${types.size}`)
  console.log(
    `spoilt ${[...ways].map(([way, times]) => `${times} ${way}`).join(', ')}; records removed ${removed}`,
  )
  console.log(`met ${[...met].map(([what, times]) => `${times} ${what}`).join(', ')}`)
  for (const [what, times] of blocked) console.log(`rightly not to be applied ${times}x ${what}`)
  console.log(`row-level security that would have hidden rows: refused ${hidden}`)
  for (const [what, times] of refused) console.log(`refused ${times}x ${what}`)
  console.log(`refused ${said} of ${shapes}, difference ${broken.length}`)
}
