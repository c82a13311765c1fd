import t from 'tap'
import { encodeCursor } from '../../src/platform/cursors.ts'
import { orderOf, type Sorting } from '../../src/platform/sorting.ts'

const id = '01900000-0000-7000-8000-000000000001'
const sorting: Sorting<{ id: string; name: string; size: number; at: Date }> = {
  columns: {
    made: { is: 'id' },
    name: { is: 'text', sql: 'name', of: (one) => one.name },
    size: { is: 'integer', sql: 'size', of: (one) => one.size },
    at: { is: 'time', sql: 'at', of: (one) => one.at },
  },
  usual: '-made',
}
const one = { id, name: 'a', size: 7, at: new Date('2026-11-20T12:00:00Z') }

t.test('a cursor goes on in the order that it comes from', async (t) => {
  for (const sort of ['made', '-name', 'size', '-at']) {
    const order = orderOf(sorting, sort)
    t.equal(order.after(order.cursorOf(one)).length, 1, sort)
    t.same(order.after(undefined), [], 'and the first page begins at the top')
  }
})

t.test('what PostgreSQL would not take for the column is no cursor', async (t) => {
  const wrong: [sort: string, position: (string | number | null)[]][] = [
    ['made', ['x']],
    ['name', [7, id]],
    ['size', ['7', id]],
    ['size', [7.5, id]],
    ['size', [2 ** 60, id]],
    ['at', ['2026-13-01T00:00:00.000Z', id]],
    ['at', ['0000-01-01T00:00:00.000Z', id]],
    ['at', ['infinity', id]],
    ['at', ['2026-11-20T12:00:00.000Z', 'x']],
  ]
  for (const [sort, position] of wrong)
    t.throws(
      () => orderOf(sorting, sort).after(encodeCursor(position)),
      { code: 'CURSOR_INVALID' },
      `${sort} ${String(position)}`,
    )
})
