import { randomUUID } from 'node:crypto'
import { call, token, Unanswered } from './service.ts'
import { zones } from './source.ts'
import { workloads, type Work, type Workload } from './workloads.ts'

/** All that the kills do, and what people and pages do beside it. */
export const soakWork: Record<string, Workload> = {
  ...workloads,
  cancels,
  readers,
  followers,
  tokens,
  people,
}

const everything = { dataset: 'accounts', scope: { all: true } }

/** Begins something and gives it up, early or late. */
async function cancels({ service, random }: Work): Promise<void> {
  const [path, wanted] = random.pick([
    ['snapshots', everything],
    ['exports', { ...everything, format: 'pdf' }],
    ['restores', null],
  ] as const)
  const body = wanted ?? { snapshotId: await anySnapshot({ service }) }
  const { id } = await call(service, 'POST', `/${path}`, body, 0)
  await pass(random.below(400))
  await call(service, 'POST', `/${path}/${id}/cancellation`, {})
}

async function anySnapshot({ service }: Pick<Work, 'service'>): Promise<string> {
  const { items } = await call(service, 'GET', '/snapshots?status=completed&limit=1')
  if (items.length === 0) throw new Unanswered('no snapshot yet')
  return items[0].id
}

const rooms = [
  ...['snapshots', 'restores', 'exports', 'cleanups', 'batches', 'deliveries', 'schedules', 'audit'],
  ...['datasets', 'holds', 'notifications', 'tokens', 'users', 'retention', 'find', ''],
]

/** A page, and a list page by page. */
async function readers({ service, random }: Work): Promise<void> {
  await fetchText(`${service.url}/${random.pick(rooms)}`, 'text/html')
  let path: string | null = `/${random.pick(['snapshots', 'restores', 'batches', 'deliveries'])}?limit=10`
  for (let pages = 0; path !== null && pages < 5; pages++) {
    const { nextCursor } = await call(service, 'GET', path)
    path = nextCursor === null ? null : `${path.split('&')[0]}&cursor=${encodeURIComponent(nextCursor)}`
  }
}

/** Follows something's progress, and leaves in the midst of it or stays to the end. */
async function followers({ service, random }: Work): Promise<void> {
  const { id } = await call(service, 'POST', '/snapshots', everything, 0)
  const leaving = random() < 0.5 ? 5000 : random.below(300)
  await fetchText(
    `${service.url}/api/snapshots/${id}/events`,
    'text/event-stream',
    AbortSignal.timeout(leaving),
  )
  await call(service, 'DELETE', `/snapshots/${id}`)
}

/** A token that is made, used and revoked. */
async function tokens({ service }: Work): Promise<void> {
  const made = await call(service, 'POST', '/tokens', { name: `soak ${randomUUID()}`, role: 'viewer' })
  await fetchText(`${service.url}/api/snapshots?limit=1`, 'application/json', undefined, made['token'])
  await call(service, 'DELETE', `/tokens/${made['id']}`)
}

/** What an application asks for of one record. */
async function people({ service, random }: Work): Promise<void> {
  const key = String(random.pick(zones.still))
  await call(service, 'POST', '/snapshots', {
    dataset: 'accounts',
    scope: { keys: [key] },
    reuseWithin: '10m',
  })
}

/** Reads an answer to its end, or until it has seen enough. @throws Unanswered when there is none */
async function fetchText(url: string, accept: string, signal?: AbortSignal, bearer = token): Promise<void> {
  const headers = { accept, authorization: `Bearer ${bearer}` }
  try {
    const answer = await fetch(url, { headers, ...(signal && { signal }) })
    await answer.text()
    if (!answer.ok) throw new Unanswered(`GET ${new URL(url).pathname}: ${answer.status}`)
  } catch (error) {
    if (error instanceof Unanswered) throw error
    if (signal?.aborted !== true) throw new Unanswered(String(error), { cause: error })
  }
}

function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
