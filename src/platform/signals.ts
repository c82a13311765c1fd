import { EventEmitter } from 'node:events'
import { RequestContext } from '@mikro-orm/core'
import type { FastifyBaseLogger } from 'fastify'
import pg from 'pg'
import { createBell } from './bell.ts'
import type { EntityManager, MikroORM } from './database.ts'

const channel = 'holdfast'

/**
 * Wakes whoever waits for a change, in every replica: PostgreSQL's LISTEN and NOTIFY. A signal says only that
 * something about `topic` changed; the listener looks for itself.
 */
export interface Signals {
  /** Sends when the entity manager's transaction commits. @param topic such as `snapshot:<id>`, at most 200 bytes */
  send(em: EntityManager, topic: string): Promise<void>
  /** Calls `listener` at each signal of the topic, and after a lost connection came back; returns how to stop. */
  subscribe(topic: string, listener: () => void): () => void
  /**
   * Waits until `look` finds something, or the service shuts down.
   * @param look asked at once and after every signal, each time with an entity manager that has loaded nothing yet
   * @param timeoutMs how long to wait at most; then the last look's answer, null included, is the result
   */
  waitFor<T>(topic: string, look: () => Promise<T | null>, timeoutMs: number): Promise<T | null>
  start(): Promise<void>
  /** Ends all waiting with what there is to see now. */
  release(): void
  stop(): Promise<void>
}

/** @param url connection string of Holdfast's own database; one connection of its own is kept open */
export function createSignals(orm: MikroORM, url: string, log: FastifyBaseLogger): Signals {
  const emitter = new EventEmitter().setMaxListeners(0)
  const released = new AbortController()
  let client: pg.Client | null = null
  let stopped = false

  async function connect() {
    const connection = new pg.Client({
      connectionString: url,
      application_name: 'holdfast signals',
      keepAlive: true,
    })
    connection.on('notification', (message) => emitter.emit(message.payload ?? ''))
    connection.on('error', (error) => log.warn({ err: error }, 'signals: connection lost'))
    try {
      await connection.connect()
      await connection.query(`LISTEN ${channel}`)
    } catch (error) {
      await connection.end().catch(() => {})
      throw error
    }
    if (stopped) return connection.end()
    // Not before: an attempt that fails ends as well, and would start another besides the one that goes on trying.
    connection.on('end', () => void reconnect())
    client = connection
    for (const topic of emitter.eventNames()) emitter.emit(topic)
  }

  async function reconnect() {
    for (;;) {
      if (stopped) return
      try {
        return await connect()
      } catch (error) {
        log.warn({ err: error }, 'signals: trying again in a second')
        await new Promise((resolve) => setTimeout(resolve, 1000).unref())
      }
    }
  }

  const subscribe: Signals['subscribe'] = (topic, listener) => {
    emitter.on(topic, listener)
    return () => emitter.off(topic, listener)
  }

  return {
    subscribe,
    async send(em, topic) {
      await em.execute('SELECT pg_notify(?, ?)', [channel, topic])
    },
    async waitFor(topic, look, timeoutMs) {
      const end = performance.now() + timeoutMs
      const bell = createBell()
      const unsubscribe = subscribe(topic, bell.ring)
      released.signal.addEventListener('abort', bell.ring)
      try {
        for (let isLast = timeoutMs <= 0; ;) {
          bell.reset()
          const found = await RequestContext.create(orm.em, look)
          if (found !== null || isLast || released.signal.aborted) return found
          isLast = !(await bell.rung(Math.max(0, end - performance.now())))
        }
      } finally {
        unsubscribe()
        released.signal.removeEventListener('abort', bell.ring)
      }
    },
    start: connect,
    release: () => released.abort(),
    async stop() {
      stopped = true
      client?.removeAllListeners('end')
      await client?.end()
    },
  }
}
