import t from 'tap'
import Type from 'typebox'
import fc from 'fast-check'
import { decodeCursor, encodeCursor } from '../../src/platform/cursors.ts'
import { Problem } from '../../src/platform/errors.ts'

const Position = Type.Tuple([Type.String(), Type.Integer()])

t.test('a cursor comes back as it went', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer(), (text, number) => {
      if (text.includes('\0')) return
      t.same(decodeCursor(encodeCursor([text, number]), Position), [text, number])
    }),
  )
})

t.test('no cursor starts at the top', async (t) => {
  t.equal(decodeCursor(undefined, Position), null)
})

t.test('garbage and cursors of another list are refused, whatever they hold', async (t) => {
  const refused = (cursor: string) =>
    t.throws(() => decodeCursor(cursor, Position), new Problem('CURSOR_INVALID', problem, ''), cursor)
  const problem = { status: 400, title: 'The cursor is not one of this list', hint: '' }
  for (const cursor of [
    'x',
    '%',
    '[]',
    encodeCursor([1, 'a']),
    encodeCursor(['a\0', 1]),
    encodeCursor(['a']),
  ])
    refused(cursor)
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (cursor) => {
      try {
        decodeCursor(cursor, Position)
      } catch (error) {
        if (!(error instanceof Problem)) throw error
      }
    }),
  )
})
