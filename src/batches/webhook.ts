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
