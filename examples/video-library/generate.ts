import type { ClientBase } from 'pg'
import { advanceSequence, array, load, type Value } from '../load.ts'
import { day, Random, shifted } from '../random.ts'
import { categoryName, channels, tags, title, youtubeId } from './titles.ts'

export interface VideoLibrarySize {
  categories: number
  videos: number
}

/** Fills the tables; `seed` and `now` alone decide with what. */
export async function generate(
  client: ClientBase,
  { seed, now, ...size }: { seed: number; now: Date } & VideoLibrarySize,
): Promise<void> {
  await load(
    client,
    'video_library.categories (id, name, description, colour, is_protected, created_at)',
    categories(new Random(seed, 1), now, size),
  )
  await load(
    client,
    'video_library.videos (id, youtube_id, title, channel, duration, view_count, tags, published_at)',
    videos(new Random(seed, 2), now, size),
  )
  await load(
    client,
    'video_library.category_videos (category_id, video_id, position, added_at)',
    assignments(new Random(seed, 3), now, size),
  )
  await load(
    client,
    `video_library.ml_categorizations (id, suggested_category_id, video_id, confidence, accepted,
                                       manual_category_id, model, decided_at)`,
    suggestions(new Random(seed, 4), now, size),
  )
  for (const table of ['categories', 'videos', 'ml_categorizations'])
    await advanceSequence(client, `video_library.${table}`, 'id')
}

function* categories(random: Random, now: Date, size: VideoLibrarySize): Generator<Value[]> {
  for (let id = 1; id <= size.categories; id++)
    yield [
      id,
      categoryName(id - 1),
      random.chance(0.3) ? null : `${random.integer(2, 9)} playlists\nlast sorted by hand`,
      random.chance(0.2) ? null : `#${random.text(6, '0123456789abcdef')}`,
      id === 1,
      shifted(now, -random.integer(30, 700) * day),
    ]
}

function* videos(random: Random, now: Date, size: VideoLibrarySize): Generator<Value[]> {
  for (let id = 1; id <= size.videos; id++)
    yield [
      id,
      youtubeId(random),
      title(random),
      random.pick(channels),
      `${random.integer(40, 9_000)} seconds`,
      Math.floor(10 ** (random.next() * 10)),
      array(random.several(tags, random.integer(0, 3))),
      shifted(now, -random.next() * 3_000 * day),
    ]
}

/** Each video is in one category, some in a second one. */
function* assignments(random: Random, now: Date, size: VideoLibrarySize): Generator<Value[]> {
  const filled = new Map<number, number>()
  for (let video = 1; video <= size.videos; video++) {
    const count = random.chance(0.15) ? 2 : 1
    const chosen = new Set(Array.from({ length: count }, () => random.integer(1, size.categories)))
    for (const category of chosen) {
      const position = (filled.get(category) ?? 0) + 1
      filled.set(category, position)
      yield [category, video, position, shifted(now, -random.next() * 400 * day)]
    }
  }
}

/** Accepted, rejected in favour of another category, or not looked at yet. */
function* suggestions(random: Random, now: Date, size: VideoLibrarySize): Generator<Value[]> {
  let id = 0
  for (let video = 1; video <= size.videos; video++) {
    if (!random.chance(0.7)) continue
    const accepted = random.pick([true, true, true, false, null])
    yield [
      ++id,
      random.integer(1, size.categories),
      video,
      Math.fround(0.3 + 0.7 * random.next()),
      accepted,
      accepted === false && random.chance(0.8) ? random.integer(1, size.categories) : null,
      random.pick(['sorter-2', 'sorter-3']),
      accepted === null ? null : shifted(now, -random.next() * 200 * day),
    ]
  }
}
