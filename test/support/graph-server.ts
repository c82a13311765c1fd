import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** What Graph is asked for. */
export type GraphOperation = 'folder' | 'put' | 'session' | 'fragment' | 'status' | 'get' | 'remove'

/** How it misbehaves. `lost`: it does what it is asked and the answer never comes. */
export type Misbehaviour =
  | { kind: 'throttle'; seconds: number }
  | { kind: 'error'; status: number }
  | { kind: 'lost' }
  | { kind: 'expired session' }
  | { kind: 'conflict on the last fragment' }
  | { kind: 'full' }
  | { kind: 'unauthorized' }
  | { kind: 'damage' }

export interface StoredFile {
  id: string
  /** As it was named first; two paths that differ in case only are one file. */
  path: string
  bytes: Buffer
}

interface Session {
  path: string
  total: number | null
  bytes: Buffer[]
  received: number
}

/** Microsoft's OneDrive as far as uploads go. https://learn.microsoft.com/graph/api/driveitem-createuploadsession */
export class GraphServer {
  url = ''
  readonly tokens = new Set<string>()
  /** By path, lower case. */
  readonly files = new Map<string, StoredFile>()
  readonly folders = new Set<string>([''])
  /** Every request, as `operation path`. */
  readonly requests: string[] = []
  /** What a client did that the documents forbid. */
  readonly violations: string[] = []
  /** How many requests were answered otherwise than they should. */
  misbehaved = 0
  /** Files of some kinds of accounts have no hash. */
  tellsHashes = true
  readonly #sessions = new Map<string, Session>()
  #planned: { operation: GraphOperation; how: Misbehaviour }[] = []
  #chance: { rate: number; pick(operation: GraphOperation): Misbehaviour } = {
    rate: 0,
    pick: () => ({ kind: 'lost' }),
  }
  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch((error: unknown) => {
      this.violations.push(String(error))
      response.destroy()
    })
  })

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1.0`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** The next such requests are answered so, in this order. */
  misbehave(operation: GraphOperation, ...how: Misbehaviour[]): void {
    this.#planned.push(...how.map((one) => ({ operation, how: one })))
  }

  /** From now on a share of the requests is. */
  misbehaveAtRandom(rate: number, pick: (operation: GraphOperation) => Misbehaviour): void {
    this.#chance = { rate, pick }
  }

  #trouble(operation: GraphOperation): Misbehaviour | null {
    const at = this.#planned.findIndex((planned) => planned.operation === operation)
    if (at >= 0) return this.#planned.splice(at, 1)[0]!.how
    return Math.random() < this.#chance.rate ? this.#chance.pick(operation) : null
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://graph')
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const asked = operationOf(request.method!, url)
    if (asked === null) return refuse(response, 400, 'invalidRequest')
    this.requests.push(`${asked.operation} ${asked.path}`)
    const isSession = asked.operation === 'fragment' || asked.operation === 'status'
    const token = request.headers.authorization?.replace(/^Bearer /, '')
    if (isSession && token !== undefined) {
      this.violations.push('an upload URL was asked with a token')
      return refuse(response, 401, 'unauthenticated')
    }
    if (!isSession && !this.tokens.has(token ?? ''))
      return refuse(response, 401, 'InvalidAuthenticationToken')
    const trouble = this.#trouble(asked.operation)
    if (trouble !== null) this.misbehaved++
    if (trouble?.kind === 'throttle') {
      response.setHeader('retry-after', trouble.seconds)
      return refuse(response, 429, 'activityLimitReached')
    }
    if (trouble?.kind === 'error') return refuse(response, trouble.status, 'serviceNotAvailable')
    if (trouble?.kind === 'full') return refuse(response, 507, 'quotaLimitReached')
    if (trouble?.kind === 'unauthorized') {
      if (token !== undefined) this.tokens.delete(token)
      return refuse(response, 401, 'InvalidAuthenticationToken')
    }
    if (trouble?.kind === 'lost') {
      response.end = (() => response.destroy()) as unknown as typeof response.end
    }
    const go = { request, response, url, body, path: asked.path, trouble }
    if (asked.operation === 'folder') return this.#makeFolder(go)
    if (asked.operation === 'put') return this.#put(go)
    if (asked.operation === 'session') return this.#openSession(go)
    if (asked.operation === 'fragment') return this.#takeFragment(go)
    if (asked.operation === 'status') return this.#tellStatus(go)
    if (asked.operation === 'remove') return this.#remove(go)
    return this.#get(go)
  }

  #makeFolder({ response, body, path }: Go): void {
    const wanted = JSON.parse(body.toString()) as Record<string, unknown>
    this.#requireBehaviour(wanted['@microsoft.graph.conflictBehavior'])
    if (!this.folders.has(path.toLowerCase())) return refuse(response, 404, 'itemNotFound')
    const folder = `${path === '' ? '' : `${path}/`}${String(wanted['name'])}`.toLowerCase()
    if (this.folders.has(folder) || this.files.has(folder)) return refuse(response, 409, 'nameAlreadyExists')
    this.folders.add(folder)
    answer(response, 201, { id: randomUUID(), name: wanted['name'], folder: {} })
  }

  #put({ response, url, body, path, trouble }: Go): void {
    this.#requireBehaviour(url.searchParams.get('@microsoft.graph.conflictBehavior'))
    if (body.length > 250 * 1024 * 1024) return refuse(response, 413, 'requestEntityTooLarge')
    const fault = this.#fault(path)
    if (fault !== null) return refuse(response, ...fault)
    const bytes = trouble?.kind === 'damage' ? Buffer.concat([body, Buffer.from('!')]) : body
    answer(response, 201, this.#present(this.#store(path, bytes)))
  }

  #openSession({ response, body, path }: Go): void {
    const { item } = JSON.parse(body.toString()) as { item: Record<string, unknown> }
    this.#requireBehaviour(item['@microsoft.graph.conflictBehavior'])
    const fault = this.#fault(path)
    if (fault !== null) return refuse(response, ...fault)
    const id = randomUUID()
    this.#sessions.set(id, { path, total: null, bytes: [], received: 0 })
    const uploadUrl = `${this.url}/up/${id}`
    answer(response, 200, { uploadUrl, expirationDateTime: '2030-01-01T00:00:00Z' })
  }

  #takeFragment({ request, response, body, path: id, trouble }: Go): void {
    if (trouble?.kind === 'expired session') this.#sessions.delete(id)
    const session = this.#sessions.get(id)
    if (session === undefined) return refuse(response, 404, 'itemNotFound')
    if (request.method === 'DELETE') {
      this.#sessions.delete(id)
      return answer(response, 204)
    }
    const [, start, end, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(request.headers['content-range'] ?? '')!
    const isLast = Number(end) + 1 === Number(total)
    if (body.length !== Number(end) - Number(start) + 1) this.violations.push('a range of another length')
    if (!isLast && body.length % 327_680 !== 0) this.violations.push(`a fragment of ${body.length} bytes`)
    if (body.length >= 60 * 1024 * 1024) this.violations.push('a fragment of 60 MiB or more')
    if ((session.total ??= Number(total)) !== Number(total)) this.violations.push('another total')
    if (Number(start) !== session.received) return refuse(response, 416, 'invalidRange')
    if (isLast && trouble?.kind === 'conflict on the last fragment') {
      this.#store(session.path, Buffer.from('somebody else was faster'))
    }
    if (isLast && this.files.has(session.path.toLowerCase()))
      return refuse(response, 409, 'nameAlreadyExists')
    session.bytes.push(body)
    session.received += body.length
    if (!isLast) return answer(response, 202, this.#ranges(session))
    this.#sessions.delete(id)
    answer(response, 201, this.#present(this.#store(session.path, Buffer.concat(session.bytes))))
  }

  #tellStatus({ response, path: id }: Go): void {
    const session = this.#sessions.get(id)
    if (session === undefined) return refuse(response, 404, 'itemNotFound')
    answer(response, 200, this.#ranges(session))
  }

  #get({ response, url, path }: Go): void {
    const file = this.files.get(path.toLowerCase())
    if (file === undefined && this.folders.has(path.toLowerCase()))
      return answer(response, 200, { id: randomUUID(), folder: {} })
    if (file === undefined) return refuse(response, 404, 'itemNotFound')
    if (!url.pathname.endsWith(':/content')) return answer(response, 200, this.#present(file))
    response.end(file.bytes)
  }

  #remove({ response, path: id }: Go): void {
    for (const [key, file] of this.files) if (file.id === id) this.files.delete(key)
    answer(response, 204)
  }

  #ranges({ received, total }: Session) {
    const nextExpectedRanges = received === total ? [] : [`${received}-`]
    return { expirationDateTime: '2030-01-01T00:00:00Z', nextExpectedRanges }
  }

  #requireBehaviour(behaviour: unknown): void {
    if (behaviour !== 'fail') this.violations.push(`conflictBehavior is ${String(behaviour)}`)
  }

  /** Why a file can't have this path. */
  #fault(path: string): [number, string] | null {
    const names = path.split('/')
    const isUnfit = (name: string) => /["*:<>?\\|#%]|^~|^\s|[\s.]$/.test(name) || name === ''
    if (names.some(isUnfit) || path.length > 400) return [400, 'invalidRequest']
    if (!this.folders.has(names.slice(0, -1).join('/').toLowerCase())) return [404, 'itemNotFound']
    const taken = this.files.has(path.toLowerCase()) || this.folders.has(path.toLowerCase())
    return taken ? [409, 'nameAlreadyExists'] : null
  }

  #store(path: string, bytes: Buffer): StoredFile {
    const file = { id: randomUUID(), path, bytes }
    this.files.set(path.toLowerCase(), file)
    return file
  }

  #present({ id, path, bytes }: StoredFile) {
    const hashes = this.tellsHashes ? { hashes: { quickXorHash: quickXorHash(bytes) } } : {}
    const webUrl = `https://onedrive.example/${encodeURIComponent(path)}`
    return { id, name: path.split('/').at(-1), size: bytes.length, webUrl, file: hashes }
  }
}

interface Go {
  request: IncomingMessage
  response: ServerResponse
  url: URL
  body: Buffer
  /** Of the file or folder; of a session its id. */
  path: string
  trouble: Misbehaviour | null
}

function operationOf(method: string, { pathname }: URL): { operation: GraphOperation; path: string } | null {
  const session = /^\/v1\.0\/up\/([\w-]+)$/.exec(pathname)?.[1]
  if (session !== undefined) return { operation: method === 'GET' ? 'status' : 'fragment', path: session }
  const removed = /^\/v1\.0\/me\/drive\/items\/([\w-]+)$/.exec(pathname)?.[1]
  if (removed !== undefined && method === 'DELETE') return { operation: 'remove', path: removed }
  const [, encoded = '', action] =
    /^\/v1\.0\/me\/drive\/root(?::\/(.*?))?(?::?\/(children|content|createUploadSession))?$/.exec(pathname) ??
    []
  const path = decodeURIComponent(encoded.replace(/:$/, ''))
  if (method === 'POST' && action === 'children') return { operation: 'folder', path }
  if (method === 'PUT' && action === 'content') return { operation: 'put', path }
  if (method === 'POST' && action === 'createUploadSession') return { operation: 'session', path }
  return method === 'GET' && encoded !== '' ? { operation: 'get', path } : null
}

function answer(response: ServerResponse, status: number, body?: object): void {
  response.statusCode = status
  response.setHeader('content-type', 'application/json')
  response.end(body === undefined ? '' : JSON.stringify(body))
}

function refuse(response: ServerResponse, status: number, code: string): void {
  answer(response, status, { error: { code, message: `It is ${code}.` } })
}

/** Written from Microsoft's description, bit by bit, and slower than the product's. */
export function quickXorHash(bytes: Buffer): string {
  const hash = Buffer.alloc(20)
  for (let i = 0, bit = 0; i < bytes.length; i++, bit = (bit + 11) % 160) {
    const cell = bit >> 3
    hash[cell]! ^= (bytes[i]! << (bit & 7)) & 0xff
    hash[(cell + 1) % 20]! ^= bytes[i]! >> (8 - (bit & 7))
  }
  for (let i = 0, left = bytes.length; left > 0; i++, left = Math.floor(left / 256))
    hash[12 + i]! ^= left % 256
  return hash.toString('base64')
}

/** A stand-in for Microsoft Graph, until the test ends. */
export async function graphServer(t: Test): Promise<GraphServer> {
  const server = new GraphServer()
  await server.start()
  t.teardown(() => server.stop())
  server.tokens.add('a-token')
  return server
}
