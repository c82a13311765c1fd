import t from 'tap'
import { keysOfLines, lineOfKey } from '../../src/datasets/typed-keys.ts'
import { scopeOfForm } from '../../src/snapshots/scope-form.ts'
import type { Column } from '../../src/source/catalog.ts'

const column = (baseType: string, encoding: Column['encoding'] = 'native') =>
  ({ baseType, encoding }) as Column
const text = [column('text')]

t.test('keys are typed one a line, and numbers only where the artifact has numbers', async (t) => {
  t.same(keysOfLines(' Gaming \r\n\nMusic\n', text), ['Gaming', 'Music'])
  t.same(keysOfLines('12', text), ['12'])
  t.same(keysOfLines('12\n-3', [column('int4')]), [12, -3])
  t.same(keysOfLines('9007199254740993', [column('int8', 'text')]), ['9007199254740993'])
  t.same(keysOfLines('true\nfalse', [column('bool')]), [true, false])
  t.same(keysOfLines('twelve', [column('int4')]), ['twelve'], 'refused where keys are checked')
  t.same(keysOfLines('["a", 1]', [...text, column('int4')]), [['a', 1]])
})

t.test('a key that is none is refused at its field', async (t) => {
  const wrong = { code: 'VALIDATION_FAILED', particulars: { errors: [{ pointer: '/keys' }] } }
  t.throws(() => keysOfLines(' \n', text), wrong)
  t.throws(() => keysOfLines('a, 1', [...text, column('int4')]), wrong)
  t.throws(() => keysOfLines('{"a":1}', [...text, column('int4')]), wrong)
})

t.test('a key is written as it is typed', async (t) => {
  t.same([12, 'Gaming', ['Gaming'], ['a', 1]].map(lineOfKey), ['12', 'Gaming', 'Gaming', '["a",1]'])
})

t.test('only the fields of the chosen kind of scope are read', async (t) => {
  const all = { month: '2026-10', from: '2026-01-01', to: '2026-02-01', keys: 'Gaming' }
  t.same(scopeOfForm({ which: 'all', ...all }, text), { all: true })
  t.same(scopeOfForm({ which: 'month', ...all }, text), { month: '2026-10' })
  t.same(scopeOfForm({ which: 'period', ...all }, text), { from: '2026-01-01', to: '2026-02-01' })
  t.same(scopeOfForm({ which: 'keys', ...all }, text), { keys: ['Gaming'] })
  t.throws(() => scopeOfForm({ which: 'month' }, text), missing('/month'))
  t.same(scopeOfForm({ which: 'period', from: '2026-01-01' }, text), { from: '2026-01-01' })
  t.throws(() => scopeOfForm({ which: 'period' }, text), missing('/from'))
})

function missing(pointer: string) {
  return { code: 'VALIDATION_FAILED', particulars: { errors: [{ pointer }] } }
}
