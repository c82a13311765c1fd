/** How many items a batch has and how many of them are settled. */
export interface Counts {
  total: number
  completed: number
  failed: number
}
