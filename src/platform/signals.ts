import { EventEmitter, once } from 'node:events'
import type { FastifyBaseLogger } from 'fastify'
import pg from 'pg'
import type { EntityManager } from './database.ts'

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
   * Waits until `look` finds something.
   * @param look asked at once and after every signal
   * @param timeoutMs how long to wait at most; then the last look's answer, null included, is the result
   */
  waitFor<T>(topic: string, look: () => Promise<T | null>, timeoutMs: number): Promise<T | null>
  start(): Promise<void>
  stop(): Promise<void>
}

/** @param url connection string of Holdfast's own database; one connection of its own is kept open */
export function createSignals(url: string, log: FastifyBaseLogger): Signals {
  const emitter = new EventEmitter().setMaxListeners(0)
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
    connection.on('end', () => void reconnect())
    await connection.connect()
    await connection.query(`LISTEN ${channel}`)
    client = connection
    for (const topic of emitter.eventNames()) emitter.emit(topic)
  }

  async function reconnect() {
    while (!stopped) {
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
      const timeout = AbortSignal.timeout(timeoutMs)
      for (;;) {
        const changed = once(emitter, topic, { signal: timeout }).then(
          () => true,
          () => false,
        )
        const found = await look()
        if (found !== null || timeout.aborted) return found
        if (!(await changed)) return look()
      }
    },
    start: connect,
    async stop() {
      stopped = true
      client?.removeAllListeners('end')
      await client?.end()
    },
  }
}
