import t from 'tap'
import { parseRange } from '../../src/platform/byte-ranges.ts'

t.test('reads the range of 10 bytes that a header asks for', async (t) => {
  const cases: [string, ReturnType<typeof parseRange>][] = [
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=0-9', { start: 0, end: 9 }],
    ['bytes=2-5', { start: 2, end: 5 }],
    ['bytes=9-', { start: 9, end: 9 }],
    ['bytes=0-', { start: 0, end: 9 }],
    ['bytes=3-99', { start: 3, end: 9 }],
    [`bytes=3-${'9'.repeat(400)}`, { start: 3, end: 9 }],
    ['bytes=-3', { start: 7, end: 9 }],
    ['bytes=-99', { start: 0, end: 9 }],
    ['Bytes = 2 - 5', { start: 2, end: 5 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=10-12', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    [`bytes=${'9'.repeat(400)}-`, 'unsatisfiable'],
    ['bytes=5-4', null],
    ['bytes=12-11', null],
    ['bytes=-', null],
    ['bytes=', null],
    ['bytes=a-b', null],
    ['bytes=1-2-3', null],
    ['bytes=-1-2', null],
    ['bytes=0x1-2', null],
    ['bytes=0-1,3-4', null],
    ['items=0-1', null],
    ['', null],
  ]
  for (const [header, range] of cases) t.same(parseRange(header, 10), range, header.slice(0, 40))
})

t.test('no range is satisfiable where there is nothing', async (t) => {
  for (const header of ['bytes=0-', 'bytes=0-0', 'bytes=-5']) t.equal(parseRange(header, 0), 'unsatisfiable')
})
