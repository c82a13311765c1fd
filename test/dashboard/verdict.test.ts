import t from 'tap'
import { judge, verdict, type DatasetState } from '../../src/dashboard/verdict.ts'

const now = new Date('2026-11-20T12:00:00Z')
const last = (takenAt: string) => ({ id: 'a', takenAt, scope: { all: true } })
const dataset = (over: Partial<DatasetState> = {}): DatasetState => ({
  name: 'chat',
  title: 'Chat',
  problems: 0,
  summary: {
    snapshots: 1,
    storedBytes: 1,
    last: last('2026-11-20T11:00:00Z'),
    failed: null,
  },
  ...over,
})
const summary = dataset().summary!

t.test('a dataset is safe with a good snapshot that is young enough', async (t) => {
  t.same(judge(dataset(), now, 7), { status: 'safe', reason: null })
  t.equal(
    judge(dataset({ summary: { ...summary, last: last('2026-11-13T12:00:00Z') } }), now, 7).status,
    'safe',
  )
  t.equal(
    judge(dataset({ summary: { ...summary, last: last('2026-11-13T11:59:59Z') } }), now, 7).status,
    'due',
  )
})

t.test('a copy of a month does not make a dataset safe', async (t) => {
  const partial = { ...last('2026-11-20T11:00:00Z'), scope: { month: '2026-10' } }
  t.match(judge(dataset({ summary: { ...summary, last: partial } }), now, 7), {
    status: 'due',
    words: 'In part',
  })
})

t.test('what is wrong comes with what to do', async (t) => {
  t.match(judge(dataset({ summary: undefined }), now, 7), {
    status: 'due',
    reason: { path: '/snapshots/new?dataset=chat' },
  })
  t.match(judge(dataset({ summary: { ...summary, last: null } }), now, 7), {
    status: 'due',
    words: 'No snapshot',
  })
  t.match(
    judge(dataset({ summary: { ...summary, failed: { id: 'f', code: 'STORE_UNREACHABLE' } } }), now, 7),
    {
      status: 'failed',
      reason: { path: '/snapshots/f', text: 'Chat: the latest snapshot failed, STORE_UNREACHABLE.' },
    },
  )
  t.match(judge(dataset({ problems: 2 }), now, 7), { status: 'invalid', reason: { path: '/datasets/chat' } })
})

t.test('the verdict is as bad as the worst', async (t) => {
  const safe = judge(dataset(), now, 7)
  const due = judge(dataset({ summary: undefined }), now, 7)
  const invalid = judge(dataset({ problems: 1 }), now, 7)
  t.match(verdict([]), { tone: 'busy', title: 'Nothing to keep safe yet' })
  t.match(verdict([safe, safe]), { tone: 'good', title: 'Everything is safe', reasons: [] })
  t.match(verdict([safe, due]), { tone: 'warn', title: '1 thing needs attention' })
  t.match(verdict([due, invalid]), { tone: 'bad', title: '2 things need attention' })
})
