import fc from 'fast-check'
import t from 'tap'
import { oneDriveNames, safeName, safePath, storeNames } from '../../src/deliveries/safe-names.ts'
import { QuickXorHash } from '../../src/deliveries/quick-xor-hash.ts'
import { isKey } from '../../src/storage/keys.ts'
import { quickXorHash } from '../support/graph-server.ts'

t.test('names become what OneDrive takes, and stay readable', async (t) => {
  const cases: [string, string][] = [
    ['Offer: revised (2).pdf', 'Offer_ revised (2).pdf'],
    ['Q3 results?.xlsx', 'Q3 results_.xlsx'],
    ['con.pdf', '_con.pdf'],
    ['CON', '_CON'],
    ['contract.pdf', 'contract.pdf'],
    ['~$draft.docx', '$draft.docx'],
    ['  spaces .pdf. . ', 'spaces .pdf'],
    ['...', '_'],
    ['', '_'],
    ['a_vti_b.txt', '_a-vti-b.txt'],
    ['desktop.ini', '_desktop.ini'],
    ['50% #1.txt', '50_ _1.txt'],
    ['cafe\u0301.txt', 'caf\u00e9.txt'],
    ['契約書 最終版.pdf', '契約書 最終版.pdf'],
    ['Personnel / HR', 'Personnel _ HR'],
    ['nul\0.txt', 'nul_.txt'],
    ['\ud800.txt', '\ufffd.txt'],
  ]
  for (const [from, to] of cases) t.equal(safeName(from, oneDriveNames), to, JSON.stringify(from))
})

t.test('a folder refuses less', async (t) => {
  t.equal(safeName('Offer: revised?.pdf', storeNames), 'Offer: revised?.pdf')
  t.equal(safeName('..', storeNames), '_..')
  t.equal(safeName('a/b\\c\n', storeNames), 'a_b_c_')
})

t.test('long names are cut before their extension, numbers included', async (t) => {
  const long = `${'é'.repeat(300)}.pdf`
  t.equal(Buffer.byteLength(safeName(long, storeNames)), 254)
  t.match(safePath(['a'], long, 12, storeNames), / \(12\)\.pdf$/)
  t.ok(Buffer.byteLength(safePath(['a'], long, 12, storeNames)) <= 257)
  t.ok(safePath(['x'.repeat(200), 'y'.repeat(100)], long, 3, oneDriveNames).length <= 400)
  t.equal(safePath(['Invoices'], 'a.pdf', 2, oneDriveNames), 'Invoices/a (2).pdf')
})

t.test(
  'whatever the name, the result is one that can be stored, and making it safe again changes nothing',
  async () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (name) => {
        const stored = safeName(name, storeNames)
        const path = safePath([name, name], name, 2, storeNames)
        const sent = safeName(name, oneDriveNames)
        return isKey(stored) && isKey(path) && safeName(sent, oneDriveNames) === sent && sent.length <= 255
      }),
      { numRuns: 2000 },
    )
  },
)

t.test('the hash is the one that Microsoft describes, however the bytes come', async (t) => {
  const hash = (bytes: Buffer) => new QuickXorHash().update(bytes).digest()
  t.equal(
    hash(Buffer.from('hello world')),
    'aCgDG9jwBhDc4Q1yawMZAAAAAAA=',
    'as published with the quickxorhash library',
  )
  t.equal(hash(Buffer.alloc(0)), 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=')
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), fc.nat(2000), (bytes, cut) => {
      const parts = new QuickXorHash().update(bytes.subarray(0, cut)).update(bytes.subarray(cut))
      return parts.digest() === quickXorHash(Buffer.from(bytes))
    }),
  )
})
