import { p } from '@mikro-orm/core'
import { v7 as uuidv7 } from 'uuid'

/** What every entity has: a time-ordered id (UUIDv7, RFC 9562), made here so that it is known before the insert. */
export const identity = {
  id: p
    .uuid()
    .primary()
    .onCreate(() => uuidv7()),
}

/** A new time-ordered id, as entities have it. */
export function newId(): string {
  return uuidv7()
}
