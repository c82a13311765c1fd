export const itemStates = ['pending', 'leased', 'completed', 'failed'] as const
export type ItemState = (typeof itemStates)[number]

/** What a list of items is narrowed to. */
export interface ItemFilter {
  status?: ItemState | undefined
  /** Failed ones of a group, as `listErrors` names it. */
  error?: string | undefined
  /** How their ids begin. */
  id?: string | undefined
}
