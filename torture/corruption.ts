import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Problem } from '../src/platform/errors.ts'
import { verifyArtifact } from '../src/snapshots/artifact-reader.ts'
import type { Manifest } from '../src/snapshots/manifest.ts'
import { readManifest } from '../src/snapshots/manifests.ts'
import { Snapshot } from '../src/snapshots/snapshot.ts'
import { openApp, type OpenApp } from './app.ts'
import { openPlace, withClient, type Ends, type Place } from './place.ts'
import type { Random } from './random.ts'
import type { Answer } from './service.ts'
import { stateOf, zones } from './source.ts'

export interface CorruptionOptions {
  random: Random
  /** Every so-manieth bit of a small artifact and of its manifest is turned; 1: each. */
  bitsEvery: number
  /** Flips, cuts, swaps and duplications of a large artifact. */
  damages: number
  /** Every so-manieth of those is also tried through the API: verify, plan, apply, undo. */
  askEvery: number
}

export interface CorruptionReport {
  bits: number
  /** Bits of the manifest that say nothing that a restore goes by, such as its title. */
  harmless: number
  damages: number
  /** Asked of the API: verifications, plans, applications and undos of damaged artifacts. */
  asked: number
  accepted: string[]
}

/** Damages artifacts in every way, and sees each one refused before the source is touched. */
export async function corrupt(ends: Ends, options: CorruptionOptions): Promise<CorruptionReport> {
  const place = await openPlace(ends, 'folder')
  await withClient(place.source, (client) => client.query(largeEntries))
  const opened = await openApp(ends, place)
  const report: CorruptionReport = { bits: 0, harmless: 0, damages: 0, asked: 0, accepted: [] }
  const bench = new Bench(opened, place, place.store.folder, report)
  await bench.everyBit(options.bitsEvery)
  await bench.everyManner(options)
  return report
}

/** Text that doesn't compress, so that an artifact of several frames comes out. */
const largeEntries = `
  INSERT INTO torture.entries (account_id, amount, note)
  SELECT 1 + n % 40, n, (SELECT string_agg(md5(n || ' ' || i), '') FROM generate_series(1, 60) AS i) FROM generate_series(1, 2400) AS n`

class Bench {
  #app: OpenApp['app']
  #post: OpenApp['post']
  #place: Place
  #store: string
  #report: CorruptionReport

  constructor({ app, post }: OpenApp, place: Place, store: string, report: CorruptionReport) {
    this.#app = app
    this.#post = post
    this.#place = place
    this.#store = store
    this.#report = report
  }

  /** Each bit of the smallest artifact there is, and of its manifest. */
  async everyBit(step: number): Promise<void> {
    const id = await this.#take([zones.still[0]!])
    const { row, manifest, path } = await this.#stored(id)
    const bytes = await readFile(path)
    for (let bit = 0; bit < bytes.length * 8; bit += step) {
      await writeFile(path, flipped(bytes, bit))
      this.#report.bits++
      if (await this.#isAccepted(manifest)) this.#report.accepted.push(`bit ${bit} of an artifact`)
    }
    await writeFile(path, bytes)
    const text = await readFile(`${path}.manifest.json`)
    for (let bit = 0; bit < text.length * 8; bit += step) {
      await writeFile(`${path}.manifest.json`, flipped(text, bit))
      this.#report.bits++
      const read = await readManifest(this.#app.stores.main, row).catch(onlyCorrupt)
      if (read === null) continue
      if (whatCounts(read) === whatCounts(manifest)) this.#report.harmless++
      else this.#report.accepted.push(`bit ${bit} of a manifest`)
    }
    await writeFile(`${path}.manifest.json`, text)
  }

  /** A large artifact in whatever state: what the source holds stays as it is. */
  async everyManner({ random, damages, askEvery }: CorruptionOptions): Promise<void> {
    const id = await this.#take(zones.restored)
    const other = await this.#stored(await this.#take(zones.restored.slice(1)))
    const { manifest, path } = await this.#stored(id)
    const [bytes, foreign] = [await readFile(path), await readFile(other.path)]
    const manners = { flip, cut, lengthen, swapFrames, doubleFrame, zero, exchange: () => foreign }
    const applied = await this.#appliedRestore(id)
    const planned = await this.#plannedRestore(id)
    for (let i = 0; i < damages; i++) {
      const name = Object.keys(manners)[i % 7] as keyof typeof manners
      const damaged = manners[name](bytes, random, manifest)
      if (damaged.equals(bytes)) continue
      await writeFile(path, damaged)
      this.#report.damages++
      if (await this.#isAccepted(manifest)) this.#report.accepted.push(`${name} of a large artifact`)
      if (i % askEvery === 0) await this.#ask(id, planned, applied, name)
    }
    await writeFile(path, bytes)
    const { ok } = await this.#post(`/snapshots/${id}/verifications`, {})
    if (ok !== true) this.#report.accepted.push('the artifact does not count again once it is whole')
  }

  async #take(ids: readonly number[]): Promise<string> {
    const scope = { keys: ids.map(String) }
    return (await this.#post('/snapshots', { dataset: 'accounts', scope })).id
  }

  async #stored(id: string) {
    const row = (await this.#app.orm.em.fork().findOneOrFail(Snapshot, { id })).requireCompleted()
    const manifest = await readManifest(this.#app.stores.main, row)
    return { row, manifest, path: join(this.#store, row.key) }
  }

  async #isAccepted(manifest: Manifest): Promise<boolean> {
    return (await verifyArtifact(this.#app.stores.main, manifest)).ok
  }

  /** A restore whose undo needs the safety snapshot that is then damaged as well. */
  async #appliedRestore(snapshotId: string): Promise<{ id: string; safety: string }> {
    await this.#source(`UPDATE torture.accounts SET owner = owner || '?' WHERE id = 3`)
    const plan = await this.#post('/restores', { snapshotId })
    const done = await this.#post(`/restores/${plan['id']}/application`, {
      planHash: plan['planHash'],
    })
    return { id: done['id'], safety: done['preRestoreSnapshotId'] }
  }

  async #plannedRestore(snapshotId: string): Promise<Answer> {
    await this.#source(`UPDATE torture.accounts SET owner = owner || '!' WHERE id = 2`)
    return this.#post('/restores', { snapshotId })
  }

  /** Everything that goes by an artifact, while it is damaged. */
  async #ask(id: string, planned: Answer, applied: { id: string; safety: string }, manner: string) {
    const before = await this.#state()
    const safety = await this.#damageSafety(applied.safety)
    const attempts: [string, Answer][] = [
      [
        'application',
        await this.#post(`/restores/${planned['id']}/application`, { planHash: planned['planHash'] }),
      ],
      ['verification', await this.#post(`/snapshots/${id}/verifications`, {})],
      ['plan', await this.#post('/restores', { snapshotId: id })],
      ['undo', await this.#post(`/restores/${applied.id}/undo`, {})],
    ]
    await safety()
    for (const [what, answer] of attempts) {
      this.#report.asked++
      const isRefused = answer['ok'] === false || answer['status'] === 'failed' || answer['status'] >= 400
      if (!isRefused)
        this.#report.accepted.push(`${what} after ${manner}: ${JSON.stringify(answer).slice(0, 200)}`)
    }
    if ((await this.#state()) !== before) this.#report.accepted.push(`the source changed after ${manner}`)
    await this.#bringBack(id, planned)
  }

  /** @returns how to undo it */
  async #damageSafety(id: string): Promise<() => Promise<void>> {
    const [row] = await this.#own<{ key: string }>('SELECT key FROM snapshots WHERE id = $1', [id])
    const path = join(this.#store, row!.key)
    const bytes = await readFile(path)
    await writeFile(path, flipped(bytes, (bytes.length * 8) >> 1))
    return () => writeFile(path, bytes)
  }

  /** The snapshot counts again, and the plan waits again, for the next damage. */
  async #bringBack(id: string, planned: Answer): Promise<void> {
    await this.#own(`UPDATE snapshots SET status = 'completed', error = NULL WHERE id = $1`, [id])
    await this.#own(`UPDATE restores SET status = 'planned', error = NULL WHERE id = $1`, [planned['id']])
  }

  async #own<T extends object>(text: string, values: unknown[]): Promise<T[]> {
    return withClient(this.#place.database, async (client) => (await client.query(text, values)).rows as T[])
  }

  async #source(text: string): Promise<void> {
    await withClient(this.#place.source, (client) => client.query(text))
  }

  async #state(): Promise<string> {
    return withClient(this.#place.source, (client) => stateOf(client, 'restored'))
  }
}

/** What a restore goes by. */
function whatCounts({ id, key, sha256, bytes, storedBytes, frames }: Manifest): string {
  return JSON.stringify([id, key, sha256, bytes, storedBytes, frames])
}

function onlyCorrupt(error: unknown): null {
  if (error instanceof Problem && error.code === 'SNAPSHOT_CORRUPT') return null
  throw error
}

function flipped(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[bit >> 3]! ^= 1 << (bit & 7)
  return copy
}

const flip = (bytes: Buffer, random: Random) => flipped(bytes, random.below(bytes.length * 8))
const cut = (bytes: Buffer, random: Random) => bytes.subarray(0, random.below(bytes.length))
const lengthen = (bytes: Buffer, random: Random) =>
  Buffer.concat([bytes, bytes.subarray(0, 1 + random.below(64))])

function zero(bytes: Buffer, random: Random): Buffer {
  const start = random.below(bytes.length)
  return Buffer.from(bytes).fill(0, start, start + 1 + random.below(5000))
}

function framesOf(bytes: Buffer, { frames }: Manifest): Buffer[] {
  return frames.map(({ storedOffset, storedBytes }) =>
    bytes.subarray(storedOffset, storedOffset + storedBytes),
  )
}

function swapFrames(bytes: Buffer, random: Random, manifest: Manifest): Buffer {
  const frames = framesOf(bytes, manifest)
  const [a, b] = [random.below(frames.length), random.below(frames.length)]
  ;[frames[a], frames[b]] = [frames[b]!, frames[a]!]
  return Buffer.concat(frames)
}

function doubleFrame(bytes: Buffer, random: Random, manifest: Manifest): Buffer {
  const frames = framesOf(bytes, manifest)
  const at = random.below(frames.length)
  return Buffer.concat([...frames.slice(0, at + 1), ...frames.slice(at)])
}
