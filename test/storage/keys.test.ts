import { posix } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { checkPrefix, isKey, sortKeys } from '../../src/storage/keys.ts'

const segment = fc.oneof(
  fc.constantFrom('', '.', '..', '...', '.holdfast', 'a', ' ', '~', '\\', 'C:'),
  fc.string({ unit: 'binary', maxLength: 5 }),
)
const path = fc.array(segment, { maxLength: 6 }).map((segments) => segments.join('/'))

t.test('no key leads out of its store or into the reserved folder', async () => {
  fc.assert(
    fc.property(path, (key) => {
      if (!isKey(key)) return true
      const absolute = posix.join('/any/store', key)
      return absolute === `/any/store/${key}` && !absolute.startsWith('/any/store/.holdfast/')
    }),
    { numRuns: 5_000 },
  )
})

t.test('every beginning of a key is a prefix', async () => {
  fc.assert(
    fc.property(path.filter(isKey), fc.nat(), (key, cut) => {
      const prefix = key.slice(0, cut % (key.length + 1))
      if (prefix.isWellFormed()) checkPrefix(prefix)
    }),
    { numRuns: 2_000 },
  )
})

t.test('keys sort by their bytes', async (t) => {
  t.same(sortKeys(['a/b', 'a.b', '📦', '\uff5e', 'é', 'B', 'a0']), [
    'B',
    'a.b',
    'a/b',
    'a0',
    'é',
    '\uff5e',
    '📦',
  ])
})
