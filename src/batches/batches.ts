import type { EntityManager } from '../platform/database.ts'
import type { Batch } from './batch.ts'
import type { Commits } from './group-commit.ts'

/** An item as a built-in handler gets it. */
export interface HandledItem<Payload = unknown> {
  id: string
  payload: Payload
  /** 1 for the first go. After a crash the same item comes again. */
  attempt: number
  batch: { id: string; key: string; context: Record<string, unknown> }
}

/** Work that Holdfast does itself, item by item. */
export interface BuiltInHandler<Payload = unknown> {
  /**
   * Does one item. What it returns is kept as the item's result. A thrown Problem fails the item, `BatchPaused` pauses
   * the whole batch. `signal` aborts on pause, cancellation and shutdown: the item then comes again later.
   */
  run(item: HandledItem<Payload>, signal: AbortSignal): Promise<object | null>
  /** Items at once over all replicas; 1 (the default): one after the other, in their order. */
  concurrency?: number
  /**
   * In the transaction in which the batch reaches an end, whose `status`, `total`, `completed` and `failed` are final
   * then: nothing of it is under way any more. A batch whose failed items are tried again reaches an end again.
   */
  finished?(em: EntityManager, batch: Batch): Promise<void>
}

export interface Batches {
  /** Declares a handler; before the service is ready. */
  define<Payload>(name: string, handler: BuiltInHandler<Payload>): void
  /** Of all handlers. */
  names(): string[]
  /** @returns undefined when nobody defined it */
  handler(name: string): BuiltInHandler | undefined
  /** Where reports on items are committed together. */
  commits: Commits
}

declare module 'fastify' {
  interface FastifyInstance {
    batches: Batches
  }
}

export function createBatches(commits: Commits): Batches {
  const handlers = new Map<string, BuiltInHandler>()
  return {
    define: (name, handler) => void handlers.set(name, handler as BuiltInHandler),
    names: () => [...handlers.keys()].sort(),
    handler: (name) => handlers.get(name),
    commits,
  }
}
