/** What a delivery can be doing, as answers and pages have it. */
export const statuses = [
  'preparing',
  'delivering',
  'paused',
  'cancelling',
  'concluding',
  'completed',
  'completed_with_failures',
  'cancelled',
  'failed',
] as const
