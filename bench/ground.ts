import type { Chat } from './chat.ts'
import type { Server } from './server.ts'

/** What every benchmark stands on. */
export interface Ground {
  server: Server
  chat: Chat
  /** True when pg_dump and pg_restore are there and fit the server. */
  hasTools: boolean
  rounds: number
  /** How often a round runs what takes milliseconds. */
  repeat: number
  /** Entries of the audit log that the HTTP benchmark fills. */
  entries: number
}
