/** Where Holdfast sends the items of a batch, and how. */
export interface Webhook {
  url: string
  /** Calls at once. */
  concurrency: number
  /** Items in one call; 1: an item by itself. */
  perCall: number
  /** Calls a second at most; null: as fast as they are answered. */
  ratePerSecond: number | null
  timeoutSeconds: number
}

/** What a webhook is where its creator didn't say. */
export const webhookDefaults = { concurrency: 4, perCall: 1, ratePerSecond: null, timeoutSeconds: 30 }

/** How often an item may fail where nobody said: what is asked over the network is worth asking again. */
export const webhookAttempts = 5
