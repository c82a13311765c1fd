import t from 'tap'
import { readStore } from './read-store.ts'
import { snapshotService, take } from './service.ts'

t.test('a snapshot holds its scope, hashed, compressed and listed', async (t) => {
  const service = await snapshotService(t)
  const snapshot = await take(service, { dataset: 'video-library', title: 'First', note: 'before the sync' })
  t.match(snapshot, {
    dataset: 'video-library',
    scope: { all: true },
    trigger: 'manual',
    status: 'completed',
    title: 'First',
    note: 'before the sync',
    hold: false,
    attempts: 1,
    error: null,
    warnings: [],
  })
  const [artifact] = await readStore(service.app.stores.main)
  t.equal(artifact?.sha256, snapshot['sha256'])
  t.equal(artifact?.bytes, snapshot['bytes'])
  t.equal(artifact?.key, snapshot['key'])
  t.same(artifact?.document.counts, snapshot['counts'])
  t.same(artifact?.document.stats, snapshot['stats'])
  t.equal(artifact?.document.records.length, snapshot['counts']['video_library.categories'])
})
