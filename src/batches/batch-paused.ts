/**
 * Thrown by a handler when going on makes no sense for now, such as for a store that can't be reached or a token that
 * has expired: the whole batch is paused, with this reason, and the item goes back without having failed.
 */
export class BatchPaused extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'BatchPaused'
  }
}
